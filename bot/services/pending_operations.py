"""Ends the unfinished operations of an endpoint that is over or isn't watched any more."""

from datetime import datetime
from functools import partial

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Settings
from bot.db.clock import now
from bot.db.deployment_tables import Deployment
from bot.db.operation_tables import Operation
from bot.domain.audit_effect import Effect
from bot.domain.deployment_state import DeploymentState
from bot.domain.operations import ENDING, UNFINISHED, OperationKind, OperationState
from bot.messages import replies
from bot.services import audit
from bot.services.thread import post


async def drop_operations(
    session: AsyncSession,
    deployment: Deployment,
    settings: Settings,
    *,
    but: frozenset[OperationKind] = frozenset(),
) -> None:
    """End unfinished operations but of some kinds, and post which aren't done.

    Proposals end without a reply.
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
        elif deployment.state is DeploymentState.ENDED and operation.kind in ENDING:
            operation.state = OperationState.DONE
        else:
            operation.state = OperationState.REFUSED
            undone.append(operation)
    await session.flush()
    for operation in undone:
        await post(session, deployment, settings, partial(replies.dropped, kind=operation.kind))
        audit.write_about(
            session,
            deployment,
            operation.requested_by,
            operation.kind.audit_action,
            Effect.REFUSED,
            detail=f"the deployment is {deployment.state}",
        )
