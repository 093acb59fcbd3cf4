"""Services that post to threads and the sender lock rows in one order, so that none deadlocks.

The channel comes last, since all threads of a channel share it: a transaction that waits for a
deployment or a message never blocks the rest of the channel.
"""

import asyncio

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.deployment_tables import Deployment
from bot.services import outbox
from tests.slack.harness import EDIT, ON_POSTGRESQL, POST, Harness, Thread, text_body

# SQLite has one writer at a time, so nothing of this can happen there.
pytestmark = ON_POSTGRESQL

AT_ONCE = 5.0


async def change(session: AsyncSession, thread: Thread) -> None:
    deployment = await session.get_one(Deployment, thread.id)
    deployment.attempts += 1
    await session.flush()


async def post_update(session: AsyncSession, thread: Thread) -> None:
    await change(session, thread)
    channel, id_ = thread.channel_row, thread.id
    await outbox.reply(session, channel_row_id=channel, deployment_id=id_, body=text_body("reply"))
    await outbox.redraw_root(
        session, channel_row_id=channel, deployment_id=id_, body=text_body("redrawn")
    )


async def two_threads(delivery: Harness) -> tuple[Thread, Thread]:
    """Two threads of one channel with posted roots."""
    threads = await delivery.thread("first"), await delivery.thread("second")
    await delivery.run_until_idle(await delivery.sender())
    return threads


async def test_a_post_to_one_thread_blocks_no_other(delivery: Harness) -> None:
    """A transaction that posts to two threads doesn't block one that posts to the second."""
    first, second = await two_threads(delivery)
    async with delivery.database.write() as polled, asyncio.timeout(AT_ONCE):
        await post_update(polled, first)
        async with delivery.database.write() as other:
            await post_update(other, second)
        await post_update(polled, second)
    await delivery.run_until_idle(await delivery.sender())
    assert delivery.shown() == ["redrawn", "  reply", "redrawn", "  reply", "  reply"]


async def test_a_post_to_a_thread_does_not_block_the_sender(delivery: Harness) -> None:
    """The sender delivers while another transaction on the channel is open."""
    first, second = await two_threads(delivery)
    await delivery.reply(second, "one")
    claim = await delivery.claim()
    async with delivery.database.write() as session, asyncio.timeout(AT_ONCE):
        await post_update(session, first)
        await (await delivery.sender()).handle(claim)
        assert delivery.shown() == ["first", "second", "  one"]
    await delivery.run_until_idle(await delivery.sender())
    assert delivery.shown() == ["redrawn", "  reply", "second", "  one"]


async def test_a_sender_that_waits_for_a_message_blocks_no_other_thread(
    delivery: Harness,
) -> None:
    """A sender that waits to record an edit doesn't block other threads."""
    first, second = await two_threads(delivery)
    await delivery.redraw(first, "edited")
    async with delivery.database.write() as session, asyncio.timeout(AT_ONCE):
        await outbox.redraw_root(
            session,
            channel_row_id=first.channel_row,
            deployment_id=first.id,
            body=text_body("edited again"),
        )
        sending = asyncio.create_task(delivery.run_until_idle(await delivery.sender()))
        await delivery.slack.until(lambda: delivery.calls(EDIT)[-1].status)
        await delivery.reply(second, "one")
        assert not sending.done()
    await sending
    assert delivery.shown() == ["edited again", "second", "  one"]


async def test_a_sender_that_waits_for_a_deployment_blocks_no_other_thread(
    delivery: Harness,
) -> None:
    """A sender that waits to record a root doesn't block other threads."""
    first, _ = await two_threads(delivery)
    third = await delivery.thread("third")
    async with delivery.database.write() as session, asyncio.timeout(AT_ONCE):
        await change(session, third)
        sending = asyncio.create_task(delivery.run_until_idle(await delivery.sender()))
        await delivery.slack.until(lambda: delivery.calls(POST)[2:])
        await delivery.reply(first, "one")
        assert not sending.done()
    await sending
    assert delivery.shown() == ["first", "  one", "second", "third"]


async def test_concurrent_replies_are_ordered(delivery: Harness) -> None:
    """Concurrent replies get different sequences."""
    first, _ = await two_threads(delivery)
    await asyncio.gather(*(delivery.reply(first, f"{number}") for number in range(5)))
    await delivery.run_until_idle(await delivery.sender())
    assert sorted(delivery.shown()[1:6]) == [f"  {number}" for number in range(5)]
    assert [(await delivery.row(first, number)).sequence for number in range(1, 6)] == [
        1,
        2,
        3,
        4,
        5,
    ]
