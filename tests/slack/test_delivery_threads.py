"""Threads whose root was deleted or can't be edited any more."""

import pytest

from bot.db.deployment_tables import Deployment
from bot.sandbox.faults import LoseReply, Respond, ShortReply
from bot.sandbox.slack.rate_limits import Limits
from tests.slack.harness import DELETE, ON_SQLITE, POST, Harness, Thread


async def opened(delivery: Harness, *replies: str) -> Thread:
    thread = await delivery.thread()
    await delivery.reply(thread, *replies)
    await delivery.run_until_idle(await delivery.slow_sender())
    return thread


def delete_root(delivery: Harness) -> None:
    delivery.slack.delete_message(delivery.channel, next(iter(delivery.channel.messages)))


@ON_SQLITE
@pytest.mark.parametrize("before", [(), ("before",)])
@pytest.mark.parametrize("broadcast", [False, True])
async def test_a_reply_to_a_deleted_root_opens_a_new_one(
    delivery: Harness, *, before: tuple[str, ...], broadcast: bool
) -> None:
    """The reply at the top level is deleted and posted under a new root."""
    thread = await opened(delivery, *before)
    delete_root(delivery)
    await delivery.reply(thread, "one", broadcast=broadcast)
    await delivery.reply(thread, "two")
    await delivery.run_until_idle(await delivery.slow_sender())
    assert delivery.shown() == ["root", "  # one" if broadcast else "  one", "  two"]
    assert delivery.orphans() == [f"  {text}" for text in before]
    async with delivery.database.read() as session:
        deployment = await session.get_one(Deployment, thread.id)
    assert deployment.thread_ts == (await delivery.row(thread, 0)).ts


@ON_SQLITE
async def test_an_answer_that_leaves_the_thread_out_moves_nothing(
    delivery: Harness,
) -> None:
    """The thread itself lists the reply."""
    thread = await opened(delivery)
    delivery.slack.faults.add(ShortReply(("message", "thread_ts")), operation=POST, times=None)
    await delivery.reply(thread, "one", "two")
    await delivery.run_until_idle(await delivery.slow_sender())
    assert delivery.shown() == ["root", "  one", "  two"]
    assert delivery.orphans() == []


async def test_the_new_root_is_edited_from_then_on(delivery: Harness) -> None:
    """It is rendered from the newest state."""
    thread = await opened(delivery)
    delete_root(delivery)
    await delivery.reply(thread, "one")
    sender = await delivery.slow_sender()
    await delivery.run_until_idle(sender)
    await delivery.redraw(thread, "changed")
    await delivery.run_until_idle(sender)
    assert delivery.shown() == ["changed", "  one"]


@ON_SQLITE
@pytest.mark.parametrize("error", ["thread_not_found", "cannot_reply_to_message"])
async def test_a_thread_that_slack_does_not_know_gets_a_new_root(
    delivery: Harness, error: str
) -> None:
    """Slack refused the reply, so nothing is deleted."""
    thread = await opened(delivery)
    delivery.slack.faults.add(Respond(200, {"ok": False, "error": error}), operation=POST)
    await delivery.reply(thread, "one")
    await delivery.run_until_idle(await delivery.slow_sender())
    assert delivery.shown() == ["root", "root", "  one"]
    assert delivery.calls(DELETE) == []


async def test_an_edit_of_a_deleted_root_posts_a_new_one(delivery: Harness) -> None:
    """It has the newest body, and replies follow it."""
    thread = await opened(delivery, "before")
    delete_root(delivery)
    await delivery.redraw(thread, "changed")
    await delivery.reply(thread, "one")
    sender = await delivery.slow_sender()
    await delivery.run_until_idle(sender)
    await delivery.reply(thread, "two")
    await delivery.run_until_idle(sender)
    assert delivery.shown() == ["changed", "  one", "  two"]
    assert delivery.orphans() == ["  before"]


@ON_SQLITE
@pytest.mark.parametrize("error", ["edit_window_closed", "cant_update_message"])
async def test_a_root_that_cannot_be_edited_is_replaced(delivery: Harness, error: str) -> None:
    """The thread goes on under the new root."""
    thread = await opened(delivery, "before")
    delivery.slack.faults.add(Respond(200, {"ok": False, "error": error}), operation="chat.update")
    await delivery.redraw(thread, "changed")
    sender = await delivery.slow_sender()
    await delivery.run_until_idle(sender)
    await delivery.reply(thread, "one")
    await delivery.run_until_idle(sender)
    assert delivery.shown() == ["root", "  before", "changed", "  one"]


async def test_a_new_root_is_not_mistaken_for_the_old_one(delivery: Harness) -> None:
    """Both have the same metadata, and the old one still exists."""
    thread = await opened(delivery)
    delivery.slack.limits = Limits(enabled=False, edit_window=0)
    await delivery.redraw(thread, "changed")
    delivery.slack.faults.add(LoseReply(), operation=POST)
    sender = await delivery.slow_sender()
    await delivery.run_until_idle(sender)
    await delivery.reply(thread, "one")
    await delivery.run_rounds(sender)
    assert delivery.shown() == ["root", "changed", "  one"]
    assert list(delivery.channel.messages)[1] == (await delivery.row(thread, 0)).ts


async def test_a_reply_with_an_unknown_outcome_moves_to_the_new_root(
    delivery: Harness,
) -> None:
    """It is found at the top level, deleted, and posted under the new root."""
    thread = await opened(delivery, "before")
    delete_root(delivery)
    delivery.slack.faults.add(LoseReply(), operation=POST)
    await delivery.reply(thread, "one")
    sender = await delivery.slow_sender()
    await delivery.run_until_idle(sender)
    assert delivery.shown() == ["one"]
    await delivery.run_rounds(sender)
    assert delivery.shown() == ["root", "  one"]


@ON_SQLITE
async def test_a_reply_is_found_after_its_root_was_deleted(
    delivery: Harness,
) -> None:
    """It isn't repeated; the next reply gets a new root."""
    thread = await opened(delivery)
    delivery.slack.faults.add(LoseReply(), operation=POST)
    await delivery.reply(thread, "one", "two")
    sender = await delivery.slow_sender()
    await delivery.run_until_idle(sender)
    delete_root(delivery)
    await delivery.run_rounds(sender)
    assert delivery.shown() == ["root", "  two"]
    assert delivery.orphans() == ["  one"]


@ON_SQLITE
@pytest.mark.parametrize(
    "refusal", [Respond(500), Respond(429, headers={"Retry-After": "5"}), LoseReply()]
)
async def test_a_misplaced_reply_is_deleted_even_if_that_fails_at_first(
    delivery: Harness, refusal: Respond | LoseReply
) -> None:
    """It stays in `sending` until it is deleted."""
    thread = await opened(delivery)
    delete_root(delivery)
    delivery.slack.faults.add(refusal, operation=DELETE)
    await delivery.reply(thread, "one")
    await delivery.run_until_idle(await delivery.slow_sender())
    await delivery.run_rounds(await delivery.slow_sender(), rounds=4)
    assert delivery.shown() == ["root", "  one"]


async def test_a_rewritten_reply_that_was_deleted_is_posted_anew(delivery: Harness) -> None:
    """The root stays."""
    thread = await opened(delivery)
    sender = await delivery.slow_sender()
    await delivery.cycle(thread, "asleep once")
    await delivery.run_until_idle(sender)
    await delivery.cycle(thread, "asleep twice")
    await delivery.run_until_idle(sender)
    assert delivery.shown() == ["root", "  asleep twice"]
    [reply] = list(delivery.channel.messages.values())[1:]
    delivery.slack.delete_message(delivery.channel, reply)
    await delivery.cycle(thread, "asleep three times")
    await delivery.run_until_idle(sender)
    assert delivery.shown() == ["root", "  asleep three times"]
