"""Whoever tells threads and whoever sends them take rows in one order, so that no one deadlocks.

In every transaction the channel comes last, since all threads of a channel meet there. So whoever
waits for a deployment or a message never holds up the rest of the channel meanwhile.
"""

import asyncio

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.deployment_tables import Deployment
from bot.services import outbox
from tests.slack.outgoing import EDIT, ON_POSTGRESQL, POST, Outgoing, Thread, said

# SQLite has one writer at a time, so nothing of this can happen there.
pytestmark = ON_POSTGRESQL

AT_ONCE = 5.0


async def change(session: AsyncSession, thread: Thread) -> None:
    """Change a deployment."""
    deployment = await session.get_one(Deployment, thread.id)
    deployment.attempts += 1
    await session.flush()


async def tell(session: AsyncSession, thread: Thread) -> None:
    """Change a deployment, and tell its thread."""
    await change(session, thread)
    channel, id_ = thread.channel_row, thread.id
    await outbox.reply(session, channel_row_id=channel, deployment_id=id_, body=said("told"))
    await outbox.redraw_root(
        session, channel_row_id=channel, deployment_id=id_, body=said("redrawn")
    )


async def two_threads(outgoing: Outgoing) -> tuple[Thread, Thread]:
    """Two threads of one channel, their roots posted."""
    threads = await outgoing.thread("first"), await outgoing.thread("second")
    await outgoing.settle(await outgoing.sender())
    return threads


async def test_telling_one_thread_holds_up_no_other(outgoing: Outgoing) -> None:
    """One that has told a thread, and will tell another, doesn't keep a third from telling that."""
    first, second = await two_threads(outgoing)
    async with outgoing.database.write() as polled, asyncio.timeout(AT_ONCE):
        await tell(polled, first)
        async with outgoing.database.write() as other:
            await tell(other, second)
        await tell(polled, second)
    await outgoing.settle(await outgoing.sender())
    assert outgoing.shown() == ["redrawn", "  told", "redrawn", "  told", "  told"]


async def test_telling_a_thread_does_not_hold_up_the_sender(outgoing: Outgoing) -> None:
    """What it has in hand is sent and written down while a transaction that tells is open."""
    first, second = await two_threads(outgoing)
    await outgoing.reply(second, "one")
    held = await outgoing.claim()
    async with outgoing.database.write() as session, asyncio.timeout(AT_ONCE):
        await tell(session, first)
        await (await outgoing.sender()).handle(held)
        assert outgoing.shown() == ["first", "second", "  one"]
    await outgoing.settle(await outgoing.sender())
    assert outgoing.shown() == ["redrawn", "  told", "second", "  one"]


async def test_a_sender_that_waits_for_a_message_holds_up_no_teller(outgoing: Outgoing) -> None:
    """It has edited a root, and can't write that down while somebody redraws it."""
    first, second = await two_threads(outgoing)
    await outgoing.redraw(first, "edited")
    async with outgoing.database.write() as session, asyncio.timeout(AT_ONCE):
        await outbox.redraw_root(
            session,
            channel_row_id=first.channel_row,
            deployment_id=first.id,
            body=said("edited again"),
        )
        sending = asyncio.create_task(outgoing.settle(await outgoing.sender()))
        await outgoing.slack.until(lambda: outgoing.calls(EDIT)[-1].status)
        await outgoing.reply(second, "one")
        assert not sending.done()
    await sending
    assert outgoing.shown() == ["edited again", "second", "  one"]


async def test_a_sender_that_waits_for_a_deployment_holds_up_no_teller(
    outgoing: Outgoing,
) -> None:
    """It has posted a root, and can't write that down while somebody changes the deployment."""
    first, _ = await two_threads(outgoing)
    third = await outgoing.thread("third")
    async with outgoing.database.write() as session, asyncio.timeout(AT_ONCE):
        await change(session, third)
        sending = asyncio.create_task(outgoing.settle(await outgoing.sender()))
        await outgoing.slack.until(lambda: outgoing.calls(POST)[2:])
        await outgoing.reply(first, "one")
        assert not sending.done()
    await sending
    assert outgoing.shown() == ["first", "  one", "second", "third"]


async def test_replies_written_at_once_stand_one_behind_the_other(outgoing: Outgoing) -> None:
    """Two transactions that add to a thread never claim the same place in it."""
    first, _ = await two_threads(outgoing)
    await asyncio.gather(*(outgoing.reply(first, f"{number}") for number in range(5)))
    await outgoing.settle(await outgoing.sender())
    assert sorted(outgoing.shown()[1:6]) == [f"  {number}" for number in range(5)]
    assert [(await outgoing.row(first, number)).sequence for number in range(1, 6)] == [
        1,
        2,
        3,
        4,
        5,
    ]
