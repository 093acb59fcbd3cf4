"""Requests a smoke test of an endpoint that starts to be live, and reads the last one."""

from collections.abc import Mapping, Sequence

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Settings
from bot.db.claims import make_due
from bot.db.deployment_tables import Deployment, Transition
from bot.db.inference_tables import SmokeTest
from bot.db.operation_tables import Operation
from bot.db.session import Database
from bot.domain.inference import InferenceKind, Speed
from bot.domain.smoke_test import SmokeTestState, SmokeTestView, is_new_start
from bot.domain.statuses import SERVING
from bot.domain.transitions import ObservedTransition, State
from bot.services.lookup import policy_of


class SmokeTests:
    """What tests have shown."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def kind_of(self, endpoint_id: str) -> InferenceKind | None:
        """What an endpoint's model answers; None if no test showed it."""
        async with self._database.read() as session:
            return await session.scalar(
                select(SmokeTest.kind)
                .join(Deployment, Deployment.id == SmokeTest.deployment_id)
                .where(Deployment.endpoint_id == endpoint_id, SmokeTest.kind.is_not(None))
                .order_by(SmokeTest.sequence.desc())
                .limit(1)
            )


async def request_if_started(
    session: AsyncSession, deployment: Deployment, settings: Settings
) -> None:
    """Request a test if the newest transition is a start, and the target allows it."""
    if not settings.smoke_test or deployment.status not in SERVING:
        return
    rows = (
        await session.scalars(
            select(Transition)
            .where(Transition.deployment_id == deployment.id)
            .order_by(Transition.sequence)
        )
    ).all()
    history = [
        ObservedTransition(State(row.status, row.phase, row.error_code), row.observed_at)
        for row in rows
    ]
    operations = await session.execute(
        select(Operation.kind, Operation.state, Operation.finished_at).where(
            Operation.deployment_id == deployment.id
        )
    )
    is_imported = deployment.spec is not None
    updates = [(kind, state, at) for kind, state, at in operations]
    if not is_new_start(history, updates, is_imported=is_imported):
        return
    if not (await policy_of(session, deployment)).smoke_test:
        return
    test = SmokeTest(
        deployment_id=deployment.id,
        sequence=rows[-1].sequence,
        state=SmokeTestState.PENDING,
        is_first=not await _was_tested(session, deployment),
    )
    session.add(test)
    await session.flush()
    await make_due(session, SmokeTest, test.id)


async def last_smoke_tests(
    session: AsyncSession, deployments: Sequence[Deployment]
) -> Mapping[int, SmokeTestView]:
    """The test of the newest start of those that are live, by the deployment's row."""
    live = [one.id for one in deployments if one.status in SERVING]
    if not live:
        return {}
    rows = await session.scalars(
        select(SmokeTest).where(SmokeTest.deployment_id.in_(live)).order_by(SmokeTest.sequence)
    )
    return {row.deployment_id: _view(row) for row in rows}


def _view(row: SmokeTest) -> SmokeTestView:
    seconds = None if row.first_token_ms is None else row.first_token_ms / 1000
    is_streamed = row.tokens is not None or row.tokens_per_second is not None or row.excerpt
    return SmokeTestView(
        state=row.state,
        kind=row.kind,
        excerpt=row.excerpt,
        speed=Speed(seconds, row.tokens, row.tokens_per_second)
        if seconds is not None and is_streamed
        else None,
        seconds=seconds,
        error=row.error,
        status=row.error_status,
    )


async def _was_tested(session: AsyncSession, deployment: Deployment) -> bool:
    """Whether an endpoint of the same target was tested before."""
    same_target = exists().where(
        SmokeTest.deployment_id == Deployment.id,
        SmokeTest.state != SmokeTestState.SKIPPED,
        Deployment.enterprise_id == deployment.enterprise_id,
        Deployment.workspace_id == deployment.workspace_id,
        Deployment.channel_id == deployment.channel_id,
        Deployment.target_name == deployment.target_name,
    )
    return bool(await session.scalar(select(same_target)))
