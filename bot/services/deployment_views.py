"""What messages about a deployment are rendered from, read from its rows."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Settings
from bot.db.deployment_tables import Deployment, Target, Transition
from bot.db.operation_tables import Grant, Operation
from bot.domain.deployment_state import BEFORE_LIVE, IN_CREATION, DeploymentState
from bot.domain.deployment_view import (
    ClosingNote,
    DeploymentView,
    LargerInstance,
    OperationView,
    PendingApproval,
    PendingOperation,
    Setup,
)
from bot.domain.fit_history import FitObservation
from bot.domain.grants import Subject
from bot.domain.instances import InstanceOption, Prices, by_id, next_larger
from bot.domain.listed_endpoint import gpus_text
from bot.domain.model_facts import ModelFacts
from bot.domain.model_fit import RequestFit, fit_of_request
from bot.domain.operations import OperationState
from bot.domain.permissions import DEFAULTS, Permission
from bot.domain.request.deploy_request import DeployRequest
from bot.domain.schemas import DedicatedEndpointSpec
from bot.domain.schemas import InferenceDeploymentStatus as Status
from bot.domain.smoke_test import SmokeTestView
from bot.domain.statuses import COMING_UP
from bot.domain.transitions import ObservedTransition, State
from bot.domain.version import option_of
from bot.messages.markup import who
from bot.messages.match_candidates import notes
from bot.services import fit_records
from bot.services.lookup import target_of
from bot.services.next_instance import priced, with_larger_instance
from bot.services.phase_statistics import StartSetup, start_times
from bot.services.smoke_tests import last_smoke_tests
from bot.services.terms import Terms

_BEFORE_START = IN_CREATION | {DeploymentState.PROPOSED}


async def view_of(
    session: AsyncSession, deployment: Deployment, settings: Settings
) -> DeploymentView:
    [view] = await views_of(session, [deployment], settings)
    return view


async def views_of(
    session: AsyncSession, deployments: Sequence[Deployment], settings: Settings
) -> list[DeploymentView]:
    """The same of several, by as many queries as of one."""
    ids = [deployment.id for deployment in deployments]
    history: dict[int, list[Transition]] = {}
    for transition in await session.scalars(
        select(Transition)
        .where(Transition.deployment_id.in_(ids))
        .order_by(Transition.deployment_id, Transition.sequence)
    ):
        history.setdefault(transition.deployment_id, []).append(transition)
    operations: dict[int, list[Operation]] = {}
    for operation in await session.scalars(
        select(Operation).where(Operation.deployment_id.in_(ids)).order_by(Operation.id)
    ):
        operations.setdefault(operation.deployment_id, []).append(operation)
    smoke_tests = await last_smoke_tests(session, deployments)
    views = [
        _view(
            deployment,
            settings,
            history.get(deployment.id, ()),
            operations.get(deployment.id, ()),
            await _waiting(session, deployment),
            smoke_tests.get(deployment.id),
            await _pending(session, deployment, operations.get(deployment.id, ())),
            is_only_target=await _is_only_target(session, deployment),
        )
        for deployment in deployments
    ]
    return [
        await _with_history(
            session,
            deployment,
            await with_larger_instance(session, deployment, view, settings.prices),
            settings.prices,
        )
        for deployment, view in zip(deployments, views, strict=True)
    ]


async def _with_history(
    session: AsyncSession, deployment: Deployment, view: DeploymentView, prices: Prices
) -> DeploymentView:
    """With what this database has seen of the model: whether it fits, and how long it takes."""
    if view.setup.fit is not None and view.setup.model is not None:
        seen = await fit_records.observations(session, deployment, view.setup.model)
        fit = _fit(deployment, DeployRequest.model_validate(deployment.request), prices, seen)
        view = replace(view, setup=replace(view.setup, fit=fit))
    state = view.endpoint_state
    starts = deployment.state in _BEFORE_START or (
        deployment.state is DeploymentState.LIVE and (state is None or state.status in COMING_UP)
    )
    if not starts:
        return view
    status = Status.INITIALIZING.value if state is None else state.status
    setup = StartSetup.of(deployment)
    return replace(view, start_times=await start_times(session, setup, status))


async def new_view(
    session: AsyncSession, deployment: Deployment, settings: Settings
) -> DeploymentView:
    """The same of a deployment that was just inserted, and has no history."""
    view = _view(
        deployment,
        settings,
        (),
        (),
        await _waiting(session, deployment),
        is_only_target=await _is_only_target(session, deployment),
    )
    if deployment.state is not DeploymentState.PROPOSED:
        # Nobody waits for what this would read; the next message has it.
        return view
    return await _with_history(session, deployment, view, settings.prices)


def _view(
    deployment: Deployment,
    settings: Settings,
    history: Sequence[Transition],
    operations: Sequence[Operation],
    waiting: PendingApproval | None,
    smoke_test: SmokeTestView | None = None,
    pending: Sequence[PendingOperation] = (),
    *,
    is_only_target: bool,
) -> DeploymentView:
    setup = setup_of(deployment, settings.prices)
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
        history=[observed_transition(row) for row in history],
        operations=[operation_view(row) for row in operations],
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
        waiting=waiting,
        lifetime_seconds=deployment.lifetime_seconds,
        lifetime_ends_at=deployment.lifetime_ends_at,
        expiry_action=deployment.expiry_action,
        retry_after=settings.retry_after,
        smoke_test=smoke_test,
        pending=pending,
        lifetime_warned=deployment.lifetime_warned_at is not None,
        closing_note=ClosingNote(**deployment.closing_note) if deployment.closing_note else None,
        is_only_target=is_only_target,
    )


def _unlisted_until(deployment: Deployment, settings: Settings) -> datetime | None:
    if deployment.unlisted_at is None or deployment.missing_since is None:
        return None
    return deployment.missing_since + timedelta(seconds=settings.late_search_window)


def setup_of(deployment: Deployment, prices: Prices) -> Setup:
    """From the request; of an imported endpoint, mostly from its spec."""
    each = Decimal(deployment.price_per_hour) if deployment.price_per_hour else None
    if deployment.spec is not None:
        spec = DedicatedEndpointSpec.model_validate(deployment.spec)
        return Setup(
            model=deployment.request.get("model"),
            instance=gpus_text(spec) or "GPU unknown",
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
        revision=request.revision,
        fit=_fit(deployment, request, prices),
    )


def _fit(
    deployment: Deployment,
    request: DeployRequest,
    prices: Prices,
    seen: Sequence[FitObservation] = (),
) -> RequestFit | None:
    """Only before it is live: then it has shown whether it fits."""
    if deployment.model_facts is None or deployment.state not in BEFORE_LIVE:
        return None
    facts = ModelFacts.model_validate(deployment.model_facts)
    return fit_of_request(facts, request, prices, seen)


def _larger(
    option: InstanceOption | None, least: int | None, prices: Prices
) -> LargerInstance | None:
    larger = next_larger(option) if option is not None else None
    return None if larger is None else priced(larger, least, prices)


async def _waiting(session: AsyncSession, deployment: Deployment) -> PendingApproval | None:
    if deployment.state is not DeploymentState.PROPOSED or deployment.expires_at is None:
        return None
    return PendingApproval(await approvers(session, deployment), deployment.expires_at)


async def _pending(
    session: AsyncSession, deployment: Deployment, operations: Sequence[Operation]
) -> list[PendingOperation]:
    """The operations that wait for approval."""
    if deployment.state is not DeploymentState.LIVE:
        return []
    waiting = [one for one in operations if one.state is OperationState.PROPOSED]
    named = await approvers(session, deployment) if waiting else ""
    return [
        PendingOperation(
            operation_view(one),
            named,
            one.expires_at or one.requested_at,
            Terms.stored(one.terms).dollars,
        )
        for one in waiting
    ]


async def _is_only_target(session: AsyncSession, deployment: Deployment) -> bool:
    others = await session.scalar(
        select(Target.id)
        .where(
            Target.enterprise_id == deployment.enterprise_id,
            Target.workspace_id == deployment.workspace_id,
            Target.channel_id == deployment.channel_id,
            Target.name != deployment.target_name,
        )
        .limit(1)
    )
    return others is None


async def approvers(session: AsyncSession, deployment: Deployment) -> str:
    """Who may approve requests on a deployment's target, as mrkdwn."""
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
    return OperationView(
        row.kind, row.state, row.cause, row.requested_by, row.finished_at, row.public_id
    )


def observed_transition(row: Transition) -> ObservedTransition:
    state = State(row.status, row.phase, row.error_code)
    return ObservedTransition(state, row.observed_at, row.api_updated_at)


def state_of(deployment: Deployment) -> State | None:
    """The last state that was recorded; None before the first."""
    if deployment.status is None:
        return None
    return State(deployment.status, deployment.phase, deployment.error_code)
