"""Senders that die or stall within a call, and those that take over."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from bot.db.message_tables import Message
from bot.domain.delivery import Delivery
from bot.sandbox.faults import Hang, LoseReply, Respond
from tests.slack.harness import DELETE, EDIT, HISTORY, POST, REPLIES, Harness, Thread
from tests.slack.holding_proxy import HoldingProxy, hold_call, holding_proxy


@pytest.fixture
async def proxy(delivery: Harness) -> AsyncIterator[HoldingProxy]:
    async with holding_proxy(delivery.slack.url) as opened:
        yield opened


async def opened(delivery: Harness) -> Thread:
    thread = await delivery.thread()
    await delivery.run_until_idle(await delivery.slow_sender())
    return thread


@pytest.mark.parametrize("acts", [True, False])
async def test_a_takeover_searches_first(delivery: Harness, *, acts: bool) -> None:
    """A message in `sending` is searched for, and is in Slack once."""
    thread = await opened(delivery)
    await delivery.reply(thread, "one", "two")
    fault = delivery.slack.faults.add(Hang(acts=acts), operation=POST)
    dying = asyncio.create_task((await delivery.slow_sender()).handle(await delivery.claim()))
    await delivery.slack.until(lambda: fault.taken and (not acts or delivery.shown()[1:]))
    dying.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await dying
    assert (await delivery.row(thread, 1)).delivery == Delivery.SENDING
    await delivery.end_waits(take_over=True)
    successor = await delivery.slow_sender()
    await delivery.run_until_idle(successor)
    await delivery.run_rounds(successor, rounds=3)
    assert delivery.shown() == ["root", "  one", "  two"]
    assert len(delivery.calls(REPLIES)) == (1 if acts else 3)


async def test_a_lease_that_has_not_ended_is_respected(delivery: Harness) -> None:
    """Nobody else claims the channel, whatever is written."""
    thread = await opened(delivery)
    await delivery.reply(thread, "one")
    await delivery.claim()
    await delivery.reply(thread, "two")
    await delivery.end_waits()
    assert await delivery.claims() == []


async def test_a_post_that_arrives_after_another_one_counts_is_deleted(
    delivery: Harness, proxy: HoldingProxy
) -> None:
    """The stalled sender lost its claim and deletes its own copy."""
    thread = await opened(delivery)
    await delivery.reply(thread, "one")
    late = await hold_call(
        proxy, await delivery.sender(url=proxy.url), await delivery.claim(), POST
    )
    await delivery.end_waits(take_over=True)
    successor = await delivery.slow_sender()
    await delivery.run_rounds(successor, rounds=4)
    assert delivery.shown() == ["root", "  one"]
    counting = (await delivery.row(thread, 1)).ts
    await late.arrive()
    assert delivery.shown() == ["root", "  one"]
    assert len(delivery.channel.messages) == 3
    assert [
        reply.ts for reply in delivery.channel.replies(next(iter(delivery.channel.messages)))
    ] == [counting]
    assert (await delivery.row(thread, 1)).ts == counting


async def test_a_failed_deletion_of_a_repeat_is_tried_again(
    delivery: Harness, proxy: HoldingProxy
) -> None:
    """A failing Slack doesn't leave two copies."""
    thread = await opened(delivery)
    await delivery.reply(thread, "one")
    late = await hold_call(
        proxy, await delivery.sender(url=proxy.url), await delivery.claim(), POST
    )
    await delivery.end_waits(take_over=True)
    await delivery.run_rounds(await delivery.slow_sender(), rounds=4)
    delivery.slack.faults.add(Respond(500), operation=DELETE, times=2)
    await late.arrive()
    assert (delivery.shown(), len(delivery.calls(DELETE))) == (["root", "  one"], 3)


async def test_a_post_that_arrives_late_and_unanswered_is_deleted(
    delivery: Harness, proxy: HoldingProxy
) -> None:
    """The stalled sender searches for it once more."""
    thread = await opened(delivery)
    await delivery.reply(thread, "one")
    late = await hold_call(
        proxy, await delivery.sender(url=proxy.url), await delivery.claim(), POST
    )
    await delivery.end_waits(take_over=True)
    successor = await delivery.slow_sender()
    await delivery.run_rounds(successor, rounds=4)
    counting = (await delivery.row(thread, 1)).ts
    delivery.slack.faults.add(LoseReply(), operation=POST)
    await late.arrive()
    assert delivery.shown() == ["root", "  one", "  one"]
    await delivery.slack.until(lambda: delivery.shown() == ["root", "  one"])
    [stays] = delivery.channel.replies(next(iter(delivery.channel.messages)))
    assert (await delivery.row(thread, 1)).ts == stays.ts == counting


async def test_a_post_that_arrives_during_the_search_counts(
    delivery: Harness, proxy: HoldingProxy
) -> None:
    """Without another copy, the late one counts and isn't repeated."""
    thread = await opened(delivery)
    await delivery.reply(thread, "one", "two")
    late = await hold_call(
        proxy, await delivery.sender(url=proxy.url), await delivery.claim(), POST
    )
    await delivery.end_waits(take_over=True)
    successor = await delivery.slow_sender()
    await delivery.run_rounds(successor, rounds=2)
    assert (await delivery.row(thread, 1)).reads == 2
    await late.arrive()
    await delivery.run_rounds(successor, rounds=3)
    assert delivery.shown() == ["root", "  one", "  two"]
    assert len(delivery.calls(POST)) == 3


async def test_of_two_concurrent_posts_one_stays(delivery: Harness, proxy: HoldingProxy) -> None:
    """The second to be recorded is deleted."""
    thread = await opened(delivery)
    await delivery.reply(thread, "one")
    late = await hold_call(
        proxy, await delivery.sender(url=proxy.url), await delivery.claim(), POST
    )
    await delivery.end_waits(take_over=True)
    successor = await delivery.slow_sender()
    for _ in range(3):
        await delivery.step(successor)
        await delivery.end_waits()
    assert (await delivery.row(thread, 1)).delivery == Delivery.PENDING
    held_successor = await delivery.sender(url=proxy.url)
    second = await hold_call(proxy, held_successor, await delivery.claim(), POST)
    await late.arrive()
    await second.arrive()
    assert delivery.shown() == ["root", "  one"]
    [stays] = delivery.channel.replies(next(iter(delivery.channel.messages)))
    assert (await delivery.row(thread, 1)).ts == stays.ts


async def test_a_copy_found_before_its_sender_records_it_is_kept(
    delivery: Harness, proxy: HoldingProxy
) -> None:
    """The search records the late copy before its sender does."""
    thread = await opened(delivery)
    await delivery.reply(thread, "one")
    late = await hold_call(
        proxy, await delivery.sender(url=proxy.url), await delivery.claim(), POST
    )
    await delivery.end_waits(take_over=True)
    successor = await delivery.sender(url=proxy.url)
    looking = await hold_call(proxy, successor, await delivery.claim(), REPLIES)
    await late.arrive()
    await looking.arrive()
    await delivery.run_rounds(successor, rounds=3)
    assert delivery.shown() == ["root", "  one"]
    assert delivery.calls(DELETE) == []


async def test_a_post_of_a_dropped_message_is_deleted(
    delivery: Harness, proxy: HoldingProxy
) -> None:
    """A dropped root is deleted from Slack."""
    thread = await delivery.thread()
    late = await hold_call(
        proxy, await delivery.sender(url=proxy.url), await delivery.claim(), POST
    )
    async with delivery.database.write() as session:
        message = await session.get_one(Message, (await delivery.row(thread, 0)).id)
        message.delivery = Delivery.DROPPED
    await late.arrive()
    assert delivery.shown() == []
    assert (await delivery.row(thread, 0)).delivery == Delivery.DROPPED


async def test_an_edit_that_arrives_after_a_newer_one_is_overwritten(
    delivery: Harness, proxy: HoldingProxy
) -> None:
    """The root ends with the newest body."""
    thread = await opened(delivery)
    await delivery.redraw(thread, "older")
    late = await hold_call(
        proxy, await delivery.sender(url=proxy.url), await delivery.claim(), EDIT
    )
    await delivery.redraw(thread, "newer")
    await delivery.end_waits(take_over=True)
    successor = await delivery.slow_sender()
    await delivery.run_until_idle(successor)
    assert delivery.shown() == ["newer"]
    await late.arrive()
    assert delivery.shown() == ["older"]
    await delivery.run_rounds(successor)
    assert delivery.shown() == ["newer"]


async def test_an_edit_that_arrives_after_its_sender_was_cancelled_is_overwritten(
    delivery: Harness, proxy: HoldingProxy
) -> None:
    """The same for an edit whose sender was cancelled."""
    thread = await opened(delivery)
    await delivery.redraw(thread, "older")
    settings = delivery.settings.model_copy(update={"slack_reconcile_over": 1.5})
    sender = await delivery.sender(settings, url=proxy.url)
    late = await hold_call(proxy, sender, await delivery.claim(), EDIT)
    await delivery.redraw(thread, "newer")
    await late.cancel()
    await delivery.end_waits(take_over=True)
    successor = await delivery.slow_sender()
    await delivery.run_until_idle(successor)
    assert delivery.shown() == ["newer"]
    late.arrive_unanswered()
    await delivery.slack.until(lambda: delivery.shown() == ["older"])
    async with delivery.running():
        await delivery.slack.until(lambda: delivery.shown() == ["newer"])


async def test_a_sender_that_stalled_before_its_request_does_not_send_it(
    delivery: Harness,
) -> None:
    """After a slow commit, the claim may be lost."""
    hasty = await delivery.sender(delivery.settings.model_copy(update={"lease": 0.03}))
    thread = await delivery.thread()
    claim = await delivery.claim()
    async with delivery.database.write() as session:
        # Another transaction locks the message.
        message = await session.get_one(
            Message, (await delivery.row(thread, 0)).id, with_for_update=True
        )
        message.failures = 0
        identified = len(delivery.calls("auth.test"))
        task = asyncio.create_task(hasty.handle(claim))
        await delivery.slack.until(lambda: delivery.calls("auth.test")[identified:])
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await asyncio.shield(task)
    await task
    assert delivery.calls(POST) == []
    assert (await delivery.row(thread, 0)).delivery == Delivery.PENDING
    await delivery.run_rounds(await delivery.slow_sender())
    assert (delivery.shown(), delivery.calls(HISTORY)) == (["root"], [])
