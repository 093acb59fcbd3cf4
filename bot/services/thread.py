"""A deployment's facts from its rows, and telling its thread in the transaction that changes it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Settings
from bot.db.claims import make_due
from bot.db.commit_log import log_committed
from bot.db.deployment_tables import Deployment, Target, Transition
from bot.db.operation_tables import Grant, Operation
from bot.domain.actors import ChannelRef
from bot.domain.deployment_state import DeploymentState
from bot.domain.deployment_view import (
    DeploymentView,
    LargerInstance,
    OperationView,
    PendingApproval,
    Setup,
)
from bot.domain.grants import Subject
from bot.domain.instances import InstanceOption, Prices, by_id, next_larger
from bot.domain.listed_endpoint import gpus_text
from bot.domain.permissions import DEFAULTS, Permission
from bot.domain.policy import Policy
from bot.domain.request.deploy_request import DeployRequest
from bot.domain.schemas import DedicatedEndpointSpec
from bot.domain.transitions import ObservedTransition, State, cycles
from bot.domain.version import option_of
from bot.messages import transitions
from bot.messages.markup import who
from bot.messages.match_candidates import notes
from bot.messages.reply import Reply
from bot.messages.status_message import root
from bot.services import outbox, phase_statistics
from bot.services.lifetime import follow
from bot.services.lookup import find_target

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

# Once an endpoint has fallen asleep this often without anything else happening, one reply about
# it is rewritten instead of adding more.
_CYCLES_POSTED_ONE_BY_ONE = 1


async def view_of(
    session: AsyncSession, deployment: Deployment, settings: Settings
) -> DeploymentView:
    """Gather what messages about a deployment are made from."""
    history = (
        await session.scalars(
            select(Transition)
            .where(Transition.deployment_id == deployment.id)
            .order_by(Transition.sequence)
        )
    ).all()
    setup = _setup(deployment, settings.prices)
    operations = (
        await session.scalars(
            select(Operation).where(Operation.deployment_id == deployment.id).order_by(Operation.id)
        )
    ).all()
    return DeploymentView(
        public_id=deployment.public_id,
        name=deployment.name,
        setup=setup,
        is_imported=deployment.spec is not None,
        requester_id=deployment.requester_id,
        target_name=deployment.target_name,
        requested_at=deployment.requested_at,
        state=deployment.state,
        endpoint_id=deployment.endpoint_id,
        history=[told(row) for row in history],
        acts=[operation_view(row) for row in operations],
        suite_link=settings.suite_link(
            team=deployment.friendli_team_id,
            project=deployment.friendli_project_id,
            endpoint=deployment.endpoint_id or "",
        ),
        model_link=f"{settings.hf_endpoint}/{setup.model}" if setup.model else None,
        integrations_link=settings.friendli_integrations_url,
        candidates=deployment.candidates or (),
        candidate_notes=notes(deployment.candidate_notes),
        unlisted_until=_unlisted_until(deployment, settings),
        cancel_requested_by=None if deployment.cancel_done else deployment.cancel_requested_by,
        approved_by=deployment.approved_by,
        waiting=await _waiting(session, deployment),
        lifetime_seconds=deployment.lifetime_seconds,
        lifetime_ends_at=deployment.lifetime_ends_at,
        expiry_action=deployment.expiry_action,
    )


def _unlisted_until(deployment: Deployment, settings: Settings) -> datetime | None:
    if deployment.unlisted_at is None or deployment.missing_since is None:
        return None
    return deployment.missing_since + timedelta(seconds=settings.late_search_window)


def _setup(deployment: Deployment, prices: Prices) -> Setup:
    """From what was asked for; of an endpoint that was made elsewhere, mostly from its spec."""
    each = Decimal(deployment.price_per_hour) if deployment.price_per_hour else None
    if deployment.spec is not None:
        spec = DedicatedEndpointSpec.model_validate(deployment.spec)
        return Setup(
            model=deployment.request.get("model"),
            instance=gpus_text(spec) or "GPU not known",
            least=spec.autoscaling_min,
            most=spec.autoscaling_max,
            cooldown=spec.autoscaling_cooldown,
            price_of_one=each,
            larger=_larger(option_of(spec), spec.autoscaling_min, prices),
        )
    request = DeployRequest.model_validate(deployment.request)
    least, most = request.replica_bounds
    return Setup(
        model=request.model,
        instance=request.option.label,
        least=least,
        most=most,
        cooldown=request.autoscaling.cooldown_period if request.autoscaling else None,
        price_of_one=each,
        sent=request.sent,
        is_scaled_by_friendli=least is None,
        larger=_larger(by_id(request.instance_option_id), least, prices),
    )


def _larger(
    option: InstanceOption | None, least: int | None, prices: Prices
) -> LargerInstance | None:
    larger = next_larger(option) if option is not None else None
    if larger is None:
        return None
    return LargerInstance(larger.key, larger.label, prices.per_hour(larger) * max(1, least or 0))


async def _waiting(session: AsyncSession, deployment: Deployment) -> PendingApproval | None:
    if deployment.state is not DeploymentState.PROPOSED or deployment.expires_at is None:
        return None
    return PendingApproval(await approvers(session, deployment), deployment.expires_at)


async def approvers(session: AsyncSession, deployment: Deployment) -> str:
    """Who may approve what is asked for on a deployment's target, as mrkdwn."""
    target = await target_of(session, deployment)
    rows = await session.execute(
        select(Grant.kind, Grant.subject_id)
        .where(
            Grant.target_id == (target.id if target is not None else None),
            Grant.permission == Permission.APPROVE,
        )
        .order_by(Grant.id)
    )
    granted = [Subject(kind, id_) for kind, id_ in rows] or [DEFAULTS[Permission.APPROVE]]
    return " or ".join(who(subject) for subject in granted)


def operation_view(row: Operation) -> OperationView:
    """An operation as a value."""
    return OperationView(row.kind, row.state, row.cause, row.requested_by, row.finished_at)


def told(row: Transition) -> ObservedTransition:
    """A transition row as a value."""
    state = State(row.status, row.phase, row.error_code)
    return ObservedTransition(state, row.observed_at, row.api_updated_at)


def state_of(deployment: Deployment) -> State | None:
    """The last state that the thread was told; None before the first."""
    if deployment.status is None:
        return None
    return State(deployment.status, deployment.phase, deployment.error_code)


async def policy_of(session: AsyncSession, deployment: Deployment) -> Policy:
    """What the deployment's target has decided; the defaults once it is disconnected."""
    target = await target_of(session, deployment)
    return Policy.model_validate((target.policy if target is not None else None) or {})


async def target_of(session: AsyncSession, deployment: Deployment) -> Target | None:
    """The deployment's target; None once it is disconnected."""
    place = ChannelRef(deployment.enterprise_id, deployment.workspace_id, deployment.channel_id)
    return await find_target(session, place, deployment.target_name)


async def tell(
    session: AsyncSession, deployment: Deployment, deployment_view: DeploymentView, *said: Reply
) -> None:
    """Add replies to the thread and redraw its root."""
    notification_level = (await policy_of(session, deployment)).notification_level if said else None
    for one in said:
        await outbox.reply(
            session,
            channel_row_id=deployment.channel_row_id,
            deployment_id=deployment.id,
            body=one.body,
            broadcast=notification_level is not None and one.reaches_channel(notification_level),
        )
    await outbox.redraw_root(
        session,
        channel_row_id=deployment.channel_row_id,
        deployment_id=deployment.id,
        body=root(deployment_view),
    )


async def record(
    session: AsyncSession, deployment: Deployment, settings: Settings, newest: ObservedTransition
) -> None:
    """Write a transition down and tell it."""
    deployment_view = await write_down(session, deployment, settings, newest)
    if _flaps(deployment_view.history):
        said = transitions.cycle(deployment_view)
        notification_level = (await policy_of(session, deployment)).notification_level
        await outbox.rewrite_cycle(
            session,
            channel_row_id=deployment.channel_row_id,
            deployment_id=deployment.id,
            body=said.body,
            broadcast=said.reaches_channel(notification_level),
        )
        await tell(session, deployment, deployment_view)
    else:
        await tell(session, deployment, deployment_view, transitions.transition(deployment_view))


async def write_down(
    session: AsyncSession, deployment: Deployment, settings: Settings, newest: ObservedTransition
) -> DeploymentView:
    """Write a transition down; whoever calls this tells it."""
    before = await session.scalars(
        select(Transition.sequence)
        .where(Transition.deployment_id == deployment.id)
        .order_by(Transition.sequence.desc())
        .limit(1)
    )
    session.add(
        Transition(
            deployment_id=deployment.id,
            sequence=(before.first() or 0) + 1,
            status=newest.state.status,
            phase=newest.state.phase,
            error_code=newest.state.error_code,
            api_updated_at=newest.api_at,
            observed_at=newest.observed_at,
        )
    )
    follow(deployment, newest.state.status, newest.observed_at)
    deployment.status = newest.state.status
    deployment.phase = newest.state.phase
    deployment.error_code = newest.state.error_code
    timeout = await phase_statistics.stuck_after(session, deployment, newest.state, settings)
    deployment.stuck_at = None if timeout is None else newest.observed_at + timeout
    await session.flush()
    state = newest.state
    log_committed(
        session,
        log,
        "transition",
        status=state.status,
        phase=state.phase,
        error_code=state.error_code,
    )
    if deployment.lifetime_ends_at is not None or deployment.stuck_at is not None:
        # What comes due by itself is worked out anew.
        await make_due(session, Deployment, deployment.id)
    return await view_of(session, deployment, settings)


def _flaps(history: Sequence[ObservedTransition]) -> bool:
    return cycles([told.state for told in history]) > _CYCLES_POSTED_ONE_BY_ONE
