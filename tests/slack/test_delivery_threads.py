"""Threads whose root was deleted or can't be changed any more go on under a new root."""

import pytest

from bot.db.deployment_tables import Deployment
from bot.sandbox.faults import LoseReply, Respond, ShortReply
from bot.sandbox.slack.rate_limits import Limits
from tests.slack.outgoing import DELETE, ON_SQLITE, POST, Outgoing, Thread


async def opened(outgoing: Outgoing, *replies: str) -> Thread:
    """A thread whose root and replies are posted."""
    thread = await outgoing.thread()
    await outgoing.reply(thread, *replies)
    await outgoing.settle(await outgoing.patient_sender())
    return thread


def delete_root(outgoing: Outgoing) -> None:
    """Delete the oldest message, as a person may."""
    outgoing.slack.delete_message(outgoing.channel, next(iter(outgoing.channel.messages)))


@ON_SQLITE
@pytest.mark.parametrize("before", [(), ("before",)])
@pytest.mark.parametrize("broadcast", [False, True])
async def test_a_reply_to_a_deleted_root_opens_a_new_one(
    outgoing: Outgoing, *, before: tuple[str, ...], broadcast: bool
) -> None:
    """Slack posts it at the top level; it is deleted there, and stands under the new root."""
    thread = await opened(outgoing, *before)
    delete_root(outgoing)
    await outgoing.reply(thread, "one", broadcast=broadcast)
    await outgoing.reply(thread, "two")
    await outgoing.settle(await outgoing.patient_sender())
    assert outgoing.shown() == ["root", "  # one" if broadcast else "  one", "  two"]
    assert outgoing.orphans() == [f"  {text}" for text in before]
    async with outgoing.database.read() as session:
        deployment = await session.get_one(Deployment, thread.id)
    assert deployment.thread_ts == (await outgoing.row(thread, 0)).ts


@ON_SQLITE
async def test_an_answer_that_leaves_the_thread_out_moves_nothing(outgoing: Outgoing) -> None:
    """The thread itself shows that the reply stands in it."""
    thread = await opened(outgoing)
    outgoing.slack.faults.add(ShortReply(("message", "thread_ts")), operation=POST, times=None)
    await outgoing.reply(thread, "one", "two")
    await outgoing.settle(await outgoing.patient_sender())
    assert outgoing.shown() == ["root", "  one", "  two"]
    assert outgoing.orphans() == []


async def test_the_new_root_is_edited_from_then_on(outgoing: Outgoing) -> None:
    """The old one is forgotten, and the new one is drawn as things are now."""
    thread = await opened(outgoing)
    delete_root(outgoing)
    await outgoing.reply(thread, "one")
    sender = await outgoing.patient_sender()
    await outgoing.settle(sender)
    await outgoing.redraw(thread, "changed")
    await outgoing.settle(sender)
    assert outgoing.shown() == ["changed", "  one"]


@ON_SQLITE
@pytest.mark.parametrize("error", ["thread_not_found", "cannot_reply_to_message"])
async def test_a_thread_that_slack_does_not_know_gets_a_new_root(
    outgoing: Outgoing, error: str
) -> None:
    """Slack refuses the reply outright, so there is nothing to delete."""
    thread = await opened(outgoing)
    outgoing.slack.faults.add(Respond(200, {"ok": False, "error": error}), operation=POST)
    await outgoing.reply(thread, "one")
    await outgoing.settle(await outgoing.patient_sender())
    assert outgoing.shown() == ["root", "root", "  one"]
    assert outgoing.calls(DELETE) == []


async def test_an_edit_of_a_deleted_root_posts_a_new_one(outgoing: Outgoing) -> None:
    """What would have been edited in is the new root's body, and replies follow it there."""
    thread = await opened(outgoing, "before")
    delete_root(outgoing)
    await outgoing.redraw(thread, "changed")
    await outgoing.reply(thread, "one")
    sender = await outgoing.patient_sender()
    await outgoing.settle(sender)
    await outgoing.reply(thread, "two")
    await outgoing.settle(sender)
    assert outgoing.shown() == ["changed", "  one", "  two"]
    assert outgoing.orphans() == ["  before"]


@ON_SQLITE
@pytest.mark.parametrize("error", ["edit_window_closed", "cant_update_message"])
async def test_a_root_that_cannot_be_edited_gets_a_successor(
    outgoing: Outgoing, error: str
) -> None:
    """The thread goes on under a root that shows what is so."""
    thread = await opened(outgoing, "before")
    outgoing.slack.faults.add(Respond(200, {"ok": False, "error": error}), operation="chat.update")
    await outgoing.redraw(thread, "changed")
    sender = await outgoing.patient_sender()
    await outgoing.settle(sender)
    await outgoing.reply(thread, "one")
    await outgoing.settle(sender)
    assert outgoing.shown() == ["root", "  before", "changed", "  one"]


async def test_a_successor_is_not_mistaken_for_the_root_before(outgoing: Outgoing) -> None:
    """Both carry the same metadata, and the old one still stands there."""
    thread = await opened(outgoing)
    outgoing.slack.limits = Limits(enabled=False, edit_window=0)
    await outgoing.redraw(thread, "changed")
    outgoing.slack.faults.add(LoseReply(), operation=POST)
    sender = await outgoing.patient_sender()
    await outgoing.settle(sender)
    await outgoing.reply(thread, "one")
    await outgoing.work_on(sender)
    assert outgoing.shown() == ["root", "changed", "  one"]
    assert list(outgoing.channel.messages)[1] == (await outgoing.row(thread, 0)).ts


async def test_a_doubtful_reply_whose_root_vanished_is_taken_back(outgoing: Outgoing) -> None:
    """It is found at the channel's top level, deleted there, and posted under the new root."""
    thread = await opened(outgoing, "before")
    delete_root(outgoing)
    outgoing.slack.faults.add(LoseReply(), operation=POST)
    await outgoing.reply(thread, "one")
    sender = await outgoing.patient_sender()
    await outgoing.settle(sender)
    assert outgoing.shown() == ["one"]
    await outgoing.work_on(sender)
    assert outgoing.shown() == ["root", "  one"]


@ON_SQLITE
async def test_a_reply_whose_root_vanished_while_it_was_in_doubt_is_found(
    outgoing: Outgoing,
) -> None:
    """It stands in the old thread and isn't repeated; the next reply finds the root gone."""
    thread = await opened(outgoing)
    outgoing.slack.faults.add(LoseReply(), operation=POST)
    await outgoing.reply(thread, "one", "two")
    sender = await outgoing.patient_sender()
    await outgoing.settle(sender)
    delete_root(outgoing)
    await outgoing.work_on(sender)
    assert outgoing.shown() == ["root", "  two"]
    assert outgoing.orphans() == ["  one"]


@ON_SQLITE
@pytest.mark.parametrize(
    "refusal", [Respond(500), Respond(429, headers={"Retry-After": "5"}), LoseReply()]
)
async def test_a_misplaced_reply_goes_even_if_deleting_fails_at_first(
    outgoing: Outgoing, refusal: Respond | LoseReply
) -> None:
    """It stays marked as sending until it is gone, whoever looks next."""
    thread = await opened(outgoing)
    delete_root(outgoing)
    outgoing.slack.faults.add(refusal, operation=DELETE)
    await outgoing.reply(thread, "one")
    await outgoing.settle(await outgoing.patient_sender())
    await outgoing.work_on(await outgoing.patient_sender(), rounds=4)
    assert outgoing.shown() == ["root", "  one"]


async def test_a_rewritten_reply_that_was_deleted_is_posted_anew(outgoing: Outgoing) -> None:
    """Only the reply is gone: the root stays where it is."""
    thread = await opened(outgoing)
    sender = await outgoing.patient_sender()
    await outgoing.cycle(thread, "asleep once")
    await outgoing.settle(sender)
    await outgoing.cycle(thread, "asleep twice")
    await outgoing.settle(sender)
    assert outgoing.shown() == ["root", "  asleep twice"]
    [reply] = list(outgoing.channel.messages.values())[1:]
    outgoing.slack.delete_message(outgoing.channel, reply)
    await outgoing.cycle(thread, "asleep three times")
    await outgoing.settle(sender)
    assert outgoing.shown() == ["root", "  asleep three times"]
