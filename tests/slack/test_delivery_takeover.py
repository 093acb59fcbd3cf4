"""Senders that die or stall in the middle of a message, and those that take over from them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from bot.db.message_tables import Message
from bot.domain.delivery import Delivery
from bot.sandbox.faults import Hang, LoseReply, Respond
from tests.slack.holding_proxy import HoldingProxy, holding_proxy, stall
from tests.slack.outgoing import DELETE, EDIT, HISTORY, POST, REPLIES, Outgoing, Thread


@pytest.fixture
async def line(outgoing: Outgoing) -> AsyncIterator[HoldingProxy]:
    """The way to Slack of the sender that stalls."""
    async with holding_proxy(outgoing.slack.url) as opened:
        yield opened


async def opened(outgoing: Outgoing) -> Thread:
    """A thread whose root is posted."""
    thread = await outgoing.thread()
    await outgoing.settle(await outgoing.patient_sender())
    return thread


@pytest.mark.parametrize("acts", [True, False])
async def test_whoever_takes_over_from_the_dead_looks_first(
    outgoing: Outgoing, *, acts: bool
) -> None:
    """A message that was being sent when its sender died stands in Slack once."""
    thread = await opened(outgoing)
    await outgoing.reply(thread, "one", "two")
    fault = outgoing.slack.faults.add(Hang(acts=acts), operation=POST)
    dying = asyncio.create_task((await outgoing.patient_sender()).handle(await outgoing.claim()))
    await outgoing.slack.until(lambda: fault.taken and (not acts or outgoing.shown()[1:]))
    dying.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await dying
    assert (await outgoing.row(thread, 1)).delivery == Delivery.SENDING
    await outgoing.hurry(take_over=True)
    heir = await outgoing.patient_sender()
    await outgoing.settle(heir)
    await outgoing.work_on(heir, rounds=3)
    assert outgoing.shown() == ["root", "  one", "  two"]
    assert len(outgoing.calls(REPLIES)) == (1 if acts else 3)


async def test_a_lease_that_has_not_ended_is_respected(outgoing: Outgoing) -> None:
    """While one holds the channel, nobody else gets it, whatever is written meanwhile."""
    thread = await opened(outgoing)
    await outgoing.reply(thread, "one")
    await outgoing.claim()
    await outgoing.reply(thread, "two")
    await outgoing.hurry()
    assert await outgoing.claims() == []


async def test_a_post_that_arrives_after_another_one_counts_is_taken_back(
    outgoing: Outgoing, line: HoldingProxy
) -> None:
    """The one that stalled finds its fence stale and deletes its own copy."""
    thread = await opened(outgoing)
    await outgoing.reply(thread, "one")
    late = await stall(line, await outgoing.sender(url=line.url), await outgoing.claim(), POST)
    await outgoing.hurry(take_over=True)
    heir = await outgoing.patient_sender()
    await outgoing.work_on(heir, rounds=4)
    assert outgoing.shown() == ["root", "  one"]
    counting = (await outgoing.row(thread, 1)).ts
    await late.arrive()
    assert outgoing.shown() == ["root", "  one"]
    assert len(outgoing.channel.messages) == 3
    assert [
        reply.ts for reply in outgoing.channel.replies(next(iter(outgoing.channel.messages)))
    ] == [counting]
    assert (await outgoing.row(thread, 1)).ts == counting


async def test_taking_back_is_tried_more_than_once(outgoing: Outgoing, line: HoldingProxy) -> None:
    """A Slack that fails at the moment doesn't leave two copies."""
    thread = await opened(outgoing)
    await outgoing.reply(thread, "one")
    late = await stall(line, await outgoing.sender(url=line.url), await outgoing.claim(), POST)
    await outgoing.hurry(take_over=True)
    await outgoing.work_on(await outgoing.patient_sender(), rounds=4)
    outgoing.slack.faults.add(Respond(500), operation=DELETE, times=2)
    await late.arrive()
    assert (outgoing.shown(), len(outgoing.calls(DELETE))) == (["root", "  one"], 3)


async def test_a_post_that_arrives_late_and_unanswered_is_taken_back(
    outgoing: Outgoing, line: HoldingProxy
) -> None:
    """Who took over had looked for it in vain; the one that stalled looks once more."""
    thread = await opened(outgoing)
    await outgoing.reply(thread, "one")
    late = await stall(line, await outgoing.sender(url=line.url), await outgoing.claim(), POST)
    await outgoing.hurry(take_over=True)
    heir = await outgoing.patient_sender()
    await outgoing.work_on(heir, rounds=4)
    counting = (await outgoing.row(thread, 1)).ts
    outgoing.slack.faults.add(LoseReply(), operation=POST)
    await late.arrive()
    assert outgoing.shown() == ["root", "  one", "  one"]
    await outgoing.slack.until(lambda: outgoing.shown() == ["root", "  one"])
    [stays] = outgoing.channel.replies(next(iter(outgoing.channel.messages)))
    assert (await outgoing.row(thread, 1)).ts == stays.ts == counting


async def test_a_post_that_arrives_while_it_is_looked_for_counts(
    outgoing: Outgoing, line: HoldingProxy
) -> None:
    """Nothing else stands in Slack yet: the late copy is the one, and isn't repeated."""
    thread = await opened(outgoing)
    await outgoing.reply(thread, "one", "two")
    late = await stall(line, await outgoing.sender(url=line.url), await outgoing.claim(), POST)
    await outgoing.hurry(take_over=True)
    heir = await outgoing.patient_sender()
    await outgoing.work_on(heir, rounds=2)
    assert (await outgoing.row(thread, 1)).reads == 2
    await late.arrive()
    await outgoing.work_on(heir, rounds=3)
    assert outgoing.shown() == ["root", "  one", "  two"]
    assert len(outgoing.calls(POST)) == 3


async def test_of_two_posts_on_their_way_at_once_one_stays(
    outgoing: Outgoing, line: HoldingProxy
) -> None:
    """The heir's own post is under way when the late one arrives: the heir takes its copy back."""
    thread = await opened(outgoing)
    await outgoing.reply(thread, "one")
    late = await stall(line, await outgoing.sender(url=line.url), await outgoing.claim(), POST)
    await outgoing.hurry(take_over=True)
    heir = await outgoing.patient_sender()
    for _ in range(3):
        await outgoing.step(heir)
        await outgoing.hurry()
    assert (await outgoing.row(thread, 1)).delivery == Delivery.PENDING
    slow_heir = await outgoing.sender(url=line.url)
    second = await stall(line, slow_heir, await outgoing.claim(), POST)
    await late.arrive()
    await second.arrive()
    assert outgoing.shown() == ["root", "  one"]
    [stays] = outgoing.channel.replies(next(iter(outgoing.channel.messages)))
    assert (await outgoing.row(thread, 1)).ts == stays.ts


async def test_a_copy_found_while_its_sender_wakes_is_not_deleted(
    outgoing: Outgoing, line: HoldingProxy
) -> None:
    """The late copy is found in the history before its sender learns that it stands there."""
    thread = await opened(outgoing)
    await outgoing.reply(thread, "one")
    late = await stall(line, await outgoing.sender(url=line.url), await outgoing.claim(), POST)
    await outgoing.hurry(take_over=True)
    heir = await outgoing.sender(url=line.url)
    looking = await stall(line, heir, await outgoing.claim(), REPLIES)
    await late.arrive()
    await looking.arrive()
    await outgoing.work_on(heir, rounds=3)
    assert outgoing.shown() == ["root", "  one"]
    assert outgoing.calls(DELETE) == []


async def test_a_post_of_what_was_given_up_meanwhile_is_taken_back(
    outgoing: Outgoing, line: HoldingProxy
) -> None:
    """A root that nobody wants any more doesn't stand there as if something were made."""
    thread = await outgoing.thread()
    late = await stall(line, await outgoing.sender(url=line.url), await outgoing.claim(), POST)
    async with outgoing.database.write() as session:
        message = await session.get_one(Message, (await outgoing.row(thread, 0)).id)
        message.delivery = Delivery.DROPPED
    await late.arrive()
    assert outgoing.shown() == []
    assert (await outgoing.row(thread, 0)).delivery == Delivery.DROPPED


async def test_an_edit_that_arrives_after_a_newer_one_is_covered_again(
    outgoing: Outgoing, line: HoldingProxy
) -> None:
    """The root ends with the newest body, whichever edit came last."""
    thread = await opened(outgoing)
    await outgoing.redraw(thread, "older")
    late = await stall(line, await outgoing.sender(url=line.url), await outgoing.claim(), EDIT)
    await outgoing.redraw(thread, "newer")
    await outgoing.hurry(take_over=True)
    heir = await outgoing.patient_sender()
    await outgoing.settle(heir)
    assert outgoing.shown() == ["newer"]
    await late.arrive()
    assert outgoing.shown() == ["older"]
    await outgoing.work_on(heir)
    assert outgoing.shown() == ["newer"]


async def test_an_edit_that_arrives_when_nobody_waits_for_it_is_covered_again(
    outgoing: Outgoing, line: HoldingProxy
) -> None:
    """Its sender was cut short when its lease was over, and may not learn when it arrives."""
    thread = await opened(outgoing)
    await outgoing.redraw(thread, "older")
    settings = outgoing.settings.model_copy(update={"slack_reconcile_over": 1.5})
    sender = await outgoing.sender(settings, url=line.url)
    late = await stall(line, sender, await outgoing.claim(), EDIT)
    await outgoing.redraw(thread, "newer")
    await late.give_up()
    await outgoing.hurry(take_over=True)
    heir = await outgoing.patient_sender()
    await outgoing.settle(heir)
    assert outgoing.shown() == ["newer"]
    late.arrive_unheard()
    await outgoing.slack.until(lambda: outgoing.shown() == ["older"])
    async with outgoing.at_work():
        await outgoing.slack.until(lambda: outgoing.shown() == ["newer"])


async def test_a_sender_that_stalled_before_its_request_does_not_send_it(
    outgoing: Outgoing,
) -> None:
    """Once writing "sending" down took too long, the claim may be someone else's already."""
    hasty = await outgoing.sender(outgoing.settings.model_copy(update={"lease": 0.03}))
    thread = await outgoing.thread()
    held = await outgoing.claim()
    async with outgoing.database.write() as session:
        # Somebody else writes to the message, and takes their time.
        message = await session.get_one(
            Message, (await outgoing.row(thread, 0)).id, with_for_update=True
        )
        message.failures = 0
        task = asyncio.create_task(hasty.handle(held))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await asyncio.shield(task)
    await task
    assert outgoing.calls(POST) == []
    assert (await outgoing.row(thread, 0)).delivery == Delivery.PENDING
    await outgoing.work_on(await outgoing.patient_sender())
    assert (outgoing.shown(), outgoing.calls(HISTORY)) == (["root"], [])
