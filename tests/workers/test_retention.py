"""What is forgotten, and what never is, on both databases."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.base import Base
from bot.db.clock import after, now
from bot.db.deployment_tables import Deployment, Target, Transition, WatchedProject
from bot.db.message_tables import Channel, Message, Workspace
from bot.db.operation_tables import Operation
from bot.db.session import Database
from bot.domain.delivery import Delivery, MessageKind
from bot.domain.deployment_state import OVER, DeploymentState
from bot.domain.operations import Cause, OperationKind, OperationState
from bot.workers.retention import Retention

DAY = timedelta(days=1)
KEEP = 90 * DAY
Change = Callable[[AsyncSession, Deployment], Awaitable[object]]


async def deployment(
    session: AsyncSession, state: DeploymentState = DeploymentState.ENDED
) -> Deployment:
    """A deployment with a channel and a project of its own, all of its thread told."""
    tag = uuid.uuid4().hex
    workspace = Workspace(enterprise_id="", workspace_id=tag)
    project = WatchedProject(
        api_base="", team_id="", project_id=tag, key_fingerprint="", key_last_four=""
    )
    session.add_all([workspace, project])
    await session.flush()
    channel = Channel(workspace_row_id=workspace.id, address="C1")
    session.add(channel)
    await session.flush()
    made = Deployment(
        request_id=tag,
        public_id=tag,
        channel_row_id=channel.id,
        enterprise_id="",
        workspace_id=tag,
        channel_id="C1",
        requester_id="U1",
        target_name="prod",
        watched_project_id=project.id,
        api_base="",
        friendli_project_id=tag,
        friendli_team_id="",
        name="it",
        request={},
        price_per_hour="10",
        requested_at=after(-200 * DAY),
        state=state,
    )
    session.add(made)
    await session.flush()
    session.add(message(made, kind=MessageKind.ROOT, sequence=0))
    session.add(Transition(deployment_id=made.id, sequence=1, status="RUNNING", observed_at=now()))
    await session.flush()
    return made


def message(
    of: Deployment,
    *,
    kind: MessageKind,
    sequence: int | None,
    delivery: Delivery = Delivery.SENT,
) -> Message:
    return Message(
        channel_row_id=of.channel_row_id,
        deployment_id=None if sequence is None else of.id,
        sequence=sequence,
        kind=kind,
        body={"text": "", "blocks": []},
        delivery=delivery,
        sent_version=1,
    )


def operation(of: Deployment, state: OperationState) -> Operation:
    return Operation(
        request_id=uuid.uuid4().hex,
        public_id=uuid.uuid4().hex,
        deployment_id=of.id,
        kind=OperationKind.TERMINATE,
        state=state,
        cause=Cause.PERSON,
        requested_by="U1",
        requested_at=now(),
    )


async def age(database: Database, by: timedelta) -> None:
    """Let time go by for what is over and for what was sent."""
    async with database.write() as session:
        await session.execute(
            update(Deployment).where(Deployment.ended_at.is_not(None)).values(ended_at=after(-by))
        )
        await session.execute(
            update(Message)
            .where(Message.sending_since.is_not(None))
            .values(sending_since=after(-by))
        )


async def sweep(database: Database) -> None:
    await Retention(database, keep=KEEP).sweep()


async def rows(database: Database) -> dict[str, int]:
    """How many rows each table has, but for those that have none."""
    async with database.read() as session:
        counts = {
            table.name: await session.scalar(select(func.count()).select_from(table))
            for table in Base.metadata.sorted_tables
        }
    return {name: count for name, count in counts.items() if count}


@pytest.mark.parametrize(
    "state",
    [
        DeploymentState.ENDED,
        DeploymentState.REFUSED,
        DeploymentState.REJECTED,
        DeploymentState.CANCELLED,
        DeploymentState.NOT_CREATED,
    ],
)
async def test_what_is_over_for_good_is_forgotten_after_a_while(
    database: Database, state: DeploymentState
) -> None:
    """With its thread, its transitions, its project and its channel, and not a day before."""
    async with database.write() as session:
        made = await deployment(session, state)
        session.add(operation(made, OperationState.DONE))
    before = await rows(database)
    await sweep(database)
    await age(database, KEEP - DAY)
    await sweep(database)
    assert await rows(database) == before
    await age(database, KEEP)
    await sweep(database)
    assert await rows(database) == {"workspaces": 1}


async def _still_looked_for(_session: AsyncSession, made: Deployment) -> None:
    made.state, made.due_at = DeploymentState.NOT_CREATED, after(DAY)


async def _in_hand(_session: AsyncSession, made: Deployment) -> None:
    made.claimed = True


async def _unreported_reply(session: AsyncSession, made: Deployment) -> None:
    session.add(message(made, kind=MessageKind.REPLY, sequence=1, delivery=Delivery.PENDING))


async def _doubtful_reply(session: AsyncSession, made: Deployment) -> None:
    session.add(message(made, kind=MessageKind.REPLY, sequence=1, delivery=Delivery.SENDING))


async def _outdated_root(session: AsyncSession, made: Deployment) -> None:
    await session.execute(update(Message).where(Message.deployment_id == made.id).values(version=2))


async def _unfinished_operation(session: AsyncSession, made: Deployment) -> None:
    session.add(operation(made, OperationState.SENDING))


OPEN: dict[str, Change] = {
    "still looked for": _still_looked_for,
    "in hand": _in_hand,
    "an untold reply": _unreported_reply,
    "a doubtful reply": _doubtful_reply,
    "an outdated root": _outdated_root,
    "an unfinished operation": _unfinished_operation,
}


@pytest.mark.parametrize("change", OPEN.values(), ids=OPEN)
async def test_nothing_is_forgotten_that_isn_t_settled(database: Database, change: Change) -> None:
    """However long ago it was over."""
    async with database.write() as session:
        made = await deployment(session)
        made.ended_at = after(-200 * DAY)
        await change(session, made)
    before = await rows(database)
    await sweep(database)
    assert await rows(database) == before


async def test_what_may_be_billed_is_never_forgotten(database: Database) -> None:
    """Whatever stands in its row."""
    async with database.write() as session:
        for state in set(DeploymentState) - OVER:
            made = await deployment(session, state)
            made.ended_at = after(-200 * DAY)
    before = await rows(database)
    await sweep(database)
    await sweep(database)
    assert await rows(database) == before


async def test_one_that_was_found_late_is_over_when_it_ends_then(database: Database) -> None:
    """What was written down before doesn't count any more."""
    async with database.write() as session:
        made = await deployment(session, DeploymentState.NOT_CREATED)
    await sweep(database)
    await age(database, KEEP - DAY)
    async with database.write() as session:
        await session.execute(update(Deployment).values(state=DeploymentState.LIVE))
    await sweep(database)
    async with database.write() as session:
        await session.execute(update(Deployment).values(state=DeploymentState.ENDED))
    await sweep(database)
    async with database.read() as session:
        row = await session.get_one(Deployment, made.id)
        present = (await session.execute(select(now()))).scalar_one()
    assert row.ended_at is not None
    assert present - row.ended_at < DAY


async def test_direct_messages_are_forgotten_once_they_are_old(database: Database) -> None:
    """Those that were sent or given up; and with the last one, the person's channel."""
    async with database.write() as session:
        workspace = Workspace(enterprise_id="", workspace_id="T1")
        session.add(workspace)
        await session.flush()
        for delivery in Delivery:
            person = Channel(workspace_row_id=workspace.id, address=f"@{delivery}")
            session.add(person)
            await session.flush()
            session.add(
                Message(
                    channel_row_id=person.id,
                    kind=MessageKind.DIRECT,
                    body={},
                    delivery=delivery,
                    sending_since=now(),
                )
            )
    await sweep(database)
    assert (await rows(database))["messages"] == 4
    await age(database, KEEP)
    await sweep(database)
    async with database.read() as session:
        left = set((await session.scalars(select(Message.delivery))).all())
        people = set((await session.scalars(select(Channel.address))).all())
    assert left == {Delivery.PENDING, Delivery.SENDING}
    assert people == {"@pending", "@sending"}


async def test_projects_that_are_used_stay(database: Database) -> None:
    """By a key, by a target or by a deployment."""
    async with database.write() as session:
        for project in ("unused", "with a key", "with a target"):
            session.add(
                WatchedProject(
                    api_base="",
                    team_id="",
                    project_id=project,
                    key_fingerprint="",
                    key_last_four="",
                    key_ciphertext="" if project == "with a key" else None,
                )
            )
        await session.flush()
        row = await session.scalar(
            select(WatchedProject.id).where(WatchedProject.project_id == "with a target")
        )
        session.add(
            Target(
                enterprise_id="",
                workspace_id="",
                channel_id="",
                name="prod",
                is_default=True,
                watched_project_id=row,
                connected_by="U1",
                connected_at=now(),
            )
        )
        await deployment(session, DeploymentState.LIVE)
    await sweep(database)
    async with database.read() as session:
        left = set((await session.scalars(select(WatchedProject.project_id))).all())
    assert len(left) == 3
    assert {"with a key", "with a target"} < left


async def test_any_number_is_forgotten_by_any_number_of_replicas(database: Database) -> None:
    """More than a batch, by several at once: none meets another."""
    async with database.write() as session:
        for _ in range(120):
            (await deployment(session)).ended_at = after(-200 * DAY)
    await asyncio.gather(*(sweep(database) for _ in range(3)))
    await sweep(database)
    assert await rows(database) == {"workspaces": 120}
