"""Ends what was asked of an endpoint that is over, or that nobody watches any more."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Settings
from bot.db.acts import UNFINISHED, Effect, Operation, OperationKind, OperationState
from bot.db.clock import now
from bot.db.models import Deployment, Step
from bot.deployments import audit
from bot.deployments.record import facts_of, tell
from bot.messages import replies

# Wished for, and so.
_COMES_TRUE = (OperationKind.TERMINATE, OperationKind.DELETE)


async def drop_operations(
    session: AsyncSession,
    deployment: Deployment,
    settings: Settings,
    *,
    but: frozenset[OperationKind] = frozenset(),
) -> None:
    """End what is unfinished, and tell what isn't done; of proposals, the thread has said enough.

    Args:
        session: In which the deployment's claim was finished.
        deployment: One that isn't live any more, or whose endpoint isn't listed.
        settings: The bot's.
        but: Kinds that wait for the endpoint to reappear.
    """
    unfinished = await session.scalars(
        select(Operation)
        .where(
            Operation.deployment_id == deployment.id,
            Operation.state.in_(UNFINISHED),
            Operation.kind.not_in(but),
        )
        .order_by(Operation.id)
    )
    present: datetime = (await session.execute(select(now()))).scalar_one()
    undone = []
    for operation in unfinished.all():
        operation.finished_at = present
        if operation.state is OperationState.PROPOSED:
            operation.state = OperationState.REJECTED
        elif deployment.step is Step.ENDED and operation.kind in _COMES_TRUE:
            operation.state = OperationState.DONE
        else:
            operation.state = OperationState.REFUSED
            undone.append(operation)
    await session.flush()
    for operation in undone:
        facts = await facts_of(session, deployment, settings)
        await tell(session, deployment, facts, replies.dropped(facts, operation.kind))
        audit.write_about(
            session,
            deployment,
            operation.asked_by,
            f"endpoint:{operation.kind}",
            Effect.REFUSED,
            detail=f"the deployment is {deployment.step}",
        )
