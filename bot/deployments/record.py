"""A deployment's facts from its rows, and telling its thread in the transaction that changes it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot import logs
from bot.config import Settings
from bot.db.acts import Grant, Operation
from bot.db.claims import wake
from bot.db.committed import log_committed
from bot.db.models import Deployment, Step, Target, Transition
from bot.deployments import mail
from bot.deployments.listing.listed import gpus_text
from bot.deployments.lookup import find_target
from bot.deployments.place import Place
from bot.deployments.request.deploy_request import DeployRequest
from bot.deployments.targets.grants import Subject
from bot.deployments.targets.policy import Policy
from bot.deployments.timing.lease import follow
from bot.deployments.updating.version import option_of
from bot.deployments.watching import usual
from bot.deployments.watching.states import State, Told, cycles
from bot.friendli.instances import InstanceOption, Prices, by_id, next_larger
from bot.friendli.schemas import DedicatedEndpointSpec
from bot.messages import transitions
from bot.messages.candidates import notes
from bot.messages.facts import Act, Facts, LargerInstance, Setup, Waiting
from bot.messages.reply import Reply
from bot.messages.root import root
from bot.permissions import DEFAULTS, Permission, who

log = logs.get(__name__)

# Once an endpoint has fallen asleep this often without anything else happening, one reply about
# it is rewritten instead of adding more.
_CYCLES_TOLD_ONE_BY_ONE = 1


async def facts_of(session: AsyncSession, deployment: Deployment, settings: Settings) -> Facts:
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
    return Facts(
        public_id=deployment.public_id,
        name=deployment.name,
        setup=setup,
        is_followed=deployment.spec is not None,
        requester_id=deployment.requester_id,
        target_name=deployment.target_name,
        asked_at=deployment.asked_at,
        step=deployment.step,
        endpoint_id=deployment.endpoint_id,
        history=[told(row) for row in history],
        acts=[act_of(row) for row in operations],
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
        stop_asked_by=None if deployment.stop_done else deployment.stop_asked_by,
        approved_by=deployment.approved_by,
        waiting=await _waiting(session, deployment),
        lease_seconds=deployment.lease_seconds,
        lease_ends_at=deployment.lease_ends_at,
        lease_end=deployment.lease_end,
    )


def _unlisted_until(deployment: Deployment, settings: Settings) -> datetime | None:
    if deployment.unlisted_at is None or deployment.missing_since is None:
        return None
    return deployment.missing_since + timedelta(seconds=settings.look_late_for)


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


async def _waiting(session: AsyncSession, deployment: Deployment) -> Waiting | None:
    if deployment.step is not Step.PROPOSED or deployment.expires_at is None:
        return None
    return Waiting(await approvers(session, deployment), deployment.expires_at)


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


def act_of(row: Operation) -> Act:
    """An operation as a value."""
    return Act(row.kind, row.state, row.cause, row.asked_by, row.finished_at)


def told(row: Transition) -> Told:
    """A transition row as a value."""
    state = State(row.status, row.phase, row.error_code)
    return Told(state, row.observed_at, row.api_updated_at)


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
    place = Place(deployment.enterprise_id, deployment.workspace_id, deployment.channel_id)
    return await find_target(session, place, deployment.target_name)


async def tell(session: AsyncSession, deployment: Deployment, facts: Facts, *said: Reply) -> None:
    """Add replies to the thread and redraw its root."""
    loudness = (await policy_of(session, deployment)).loudness if said else None
    for one in said:
        await mail.reply(
            session,
            channel_row_id=deployment.channel_row_id,
            deployment_id=deployment.id,
            body=one.body,
            broadcast=loudness is not None and one.reaches_channel(loudness),
        )
    await mail.redraw_root(
        session,
        channel_row_id=deployment.channel_row_id,
        deployment_id=deployment.id,
        body=root(facts),
    )


async def record(
    session: AsyncSession, deployment: Deployment, settings: Settings, newest: Told
) -> None:
    """Write a transition down and tell it."""
    facts = await write_down(session, deployment, settings, newest)
    if _flaps(facts.history):
        said = transitions.cycle(facts)
        loudness = (await policy_of(session, deployment)).loudness
        await mail.rewrite_cycle(
            session,
            channel_row_id=deployment.channel_row_id,
            deployment_id=deployment.id,
            body=said.body,
            broadcast=said.reaches_channel(loudness),
        )
        await tell(session, deployment, facts)
    else:
        await tell(session, deployment, facts, transitions.transition(facts))


async def write_down(
    session: AsyncSession, deployment: Deployment, settings: Settings, newest: Told
) -> Facts:
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
    patience = await usual.patience(session, deployment, newest.state, settings)
    deployment.stuck_at = None if patience is None else newest.observed_at + patience
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
    if deployment.lease_ends_at is not None or deployment.stuck_at is not None:
        # What comes due by itself is worked out anew.
        await wake(session, Deployment, deployment.id)
    return await facts_of(session, deployment, settings)


def _flaps(history: Sequence[Told]) -> bool:
    return cycles([told.state for told in history]) > _CYCLES_TOLD_ONE_BY_ONE
