"""Posts of which nobody learned what became: they are looked for, and stand in Slack once."""

import json

import pytest
from inline_snapshot import snapshot

from bot.domain.delivery import Delivery
from bot.sandbox.faults import (
    DropRequest,
    Effect,
    GarbageBody,
    Hang,
    LoseReply,
    Respond,
    TruncateBody,
)
from bot.sandbox.slack.rate_limits import Limits
from bot.sandbox.slack.sandbox import SCOPES
from bot.slack.clients import SlackClients
from tests.slack.outgoing import DELETE, EDIT, HISTORY, ON_SQLITE, POST, REPLIES, Outgoing

HTML = b"<html><body>Bad Gateway</body></html>"
HTML_TYPE = {"Content-Type": "text/html"}


async def repeat_by_hand(outgoing: Outgoing, sequence: int, text: str) -> None:
    """Post a second copy of a message, as a sender that stalled may have."""
    first = next(
        message
        for message in outgoing.channel.messages.values()
        if (message.metadata or {})["event_payload"]["sequence"] == sequence
    )
    clients = SlackClients(
        outgoing.settings.slack_bot_token, outgoing.settings.slack_api_url, timeout=2
    )
    await clients.posting.chat_postMessage(
        channel=outgoing.channel.id, text=text, thread_ts=first.thread_ts, metadata=first.metadata
    )
    await clients.close()


@ON_SQLITE
@pytest.mark.parametrize(
    "effect",
    [
        pytest.param(LoseReply(), id="reply lost"),
        pytest.param(TruncateBody(), id="reply cut"),
        pytest.param(GarbageBody(), id="garbage"),
        pytest.param(Respond(502, HTML, HTML_TYPE, acts=True), id="502 after acting"),
        pytest.param(
            Respond(500, {"ok": False, "error": "internal_error"}, acts=True), id="500 after acting"
        ),
        pytest.param(Respond(200, {"ok": True}, acts=True), id="no ts"),
        pytest.param(Respond(503, HTML, HTML_TYPE), id="503 without acting"),
        pytest.param(DropRequest(), id="request dropped"),
    ],
)
async def test_a_doubtful_post_stands_in_slack_once(outgoing: Outgoing, effect: Effect) -> None:
    """Whether Slack acted or not, root and reply are there once, and the thread goes on."""
    for _ in range(2):
        outgoing.slack.faults.add(
            effect, operation=POST, when=lambda call: call.body["text"] != "two"
        )
    sender = await outgoing.patient_sender()
    thread = await outgoing.thread()
    await outgoing.settle(sender)
    await outgoing.reply(thread, "one", "two")
    await outgoing.work_on(sender, rounds=8)
    assert outgoing.shown() == ["root", "  one", "  two"]
    assert outgoing.slack.faults.faults == ()


@ON_SQLITE
@pytest.mark.parametrize("acts", [True, False])
async def test_a_post_that_hangs_past_its_time_limit_is_doubtful(
    outgoing: Outgoing, *, acts: bool
) -> None:
    """Slack may be slow after it acted, or before: both end with one message."""
    outgoing.slack.faults.add(Hang(acts=acts), operation=POST)
    async with outgoing.at_work(slack_timeout=0.2):
        await outgoing.thread()
        await outgoing.slack.until(lambda: outgoing.shown() == ["root"])
    assert len(outgoing.calls(POST)) == (1 if acts else 2)


async def test_a_message_that_is_found_is_not_posted_again(outgoing: Outgoing) -> None:
    """Roots are found in the channel's history, replies in the thread, both by their metadata."""
    outgoing.slack.faults.add(LoseReply(), operation=POST, times=2)
    thread = await outgoing.thread()
    await outgoing.reply(thread, "one")
    async with outgoing.at_work():
        await outgoing.slack.until(lambda: outgoing.calls(REPLIES))
    assert (len(outgoing.calls(POST)), len(outgoing.calls(HISTORY))) == (2, 1)
    root, reply = outgoing.channel.messages.values()
    assert (await outgoing.row(thread, 0)).ts == root.ts
    assert (await outgoing.row(thread, 1)).ts == reply.ts


@ON_SQLITE
@pytest.mark.parametrize("sequence", [0, 1])
async def test_a_message_that_somebody_else_wrote_is_not_ours(
    outgoing: Outgoing, sequence: int
) -> None:
    """Whatever metadata a stranger's message carries: ours is posted, and theirs is left alone."""
    person = outgoing.env.member
    sender = await outgoing.patient_sender()
    thread = await outgoing.thread()
    if sequence:
        await outgoing.settle(sender)
        await outgoing.reply(thread, "one")
    outgoing.slack.faults.add(DropRequest(), operation=POST)
    await outgoing.settle(sender)
    root = next(iter(outgoing.channel.messages.values()), None)
    forged = await person.say(outgoing.channel, "a stranger's", thread=root)
    forged.metadata = json.loads(outgoing.calls(POST)[-1].body)["metadata"]
    await outgoing.work_on(sender, rounds=5)
    row = await outgoing.row(thread, sequence)
    assert (row.delivery, row.ts != forged.ts) == (Delivery.SENT, True)
    assert not forged.deleted
    assert sorted(outgoing.shown()) == sorted(
        ["root", "  a stranger's", "  one"] if sequence else ["a stranger's", "root"]
    )


async def test_not_there_takes_three_reads_spread_over_the_set_time(outgoing: Outgoing) -> None:
    """Only the third read that finds nothing, a minute after the first, makes the post again."""
    sender = await outgoing.patient_sender(slack_reconcile_over=60)
    outgoing.slack.faults.add(DropRequest(), operation=POST)
    thread = await outgoing.thread()
    waits = []
    for reads in range(4):
        await outgoing.settle(sender)
        assert len(outgoing.calls(HISTORY)) == reads
        waits.append(await outgoing.waits(thread, 0))
        await outgoing.hurry()
    assert waits == [
        pytest.approx(1, abs=0.9),
        pytest.approx(30, abs=3),
        pytest.approx(30, abs=3),
        0.0,
    ]
    assert outgoing.shown() == ["root"]
    assert not (await outgoing.row(thread, 0)).possible_repeat


@ON_SQLITE
async def test_a_history_that_lags_is_waited_for(outgoing: Outgoing) -> None:
    """A message that is listed only at the third read isn't posted again."""
    sender = await outgoing.patient_sender()
    outgoing.slack.faults.add(LoseReply(), operation=POST)
    outgoing.slack.limits = Limits(enabled=False, history_lag=3600)
    thread = await outgoing.thread()
    await outgoing.work_on(sender, rounds=3)
    assert (await outgoing.row(thread, 0)).reads == 2
    outgoing.slack.limits = Limits(enabled=False)
    await outgoing.work_on(sender)
    assert (await outgoing.row(thread, 0)).delivery == Delivery.SENT
    assert (outgoing.shown(), len(outgoing.calls(POST))) == (["root"], 1)


async def test_other_threads_go_on_while_one_is_looked_for(outgoing: Outgoing) -> None:
    """A thread in doubt holds back its own replies and edits, and nothing else of the channel."""
    sender = await outgoing.patient_sender()
    doubtful, other = await outgoing.thread("doubtful"), await outgoing.thread("other")
    await outgoing.settle(sender)
    outgoing.slack.faults.add(DropRequest(), operation=POST)
    await outgoing.reply(doubtful, "lost", "held back")
    await outgoing.redraw(doubtful, "held back too")
    await outgoing.settle(sender)
    await outgoing.reply(other, "one", "two")
    await outgoing.redraw(other, "other, edited")
    await outgoing.settle(sender)
    assert outgoing.shown() == ["doubtful", "other, edited", "  one", "  two"]
    await outgoing.work_on(sender, rounds=4)
    assert outgoing.shown() == [
        "held back too",
        "  lost",
        "  held back",
        "other, edited",
        "  one",
        "  two",
    ]


async def test_of_two_copies_the_later_is_deleted(outgoing: Outgoing) -> None:
    """Ours that came first stays and counts; a deletion that fails is tried again."""
    sender = await outgoing.patient_sender()
    outgoing.slack.faults.add(
        LoseReply(), operation=POST, when=lambda call: call.body["text"] == "one"
    )
    thread = await outgoing.thread()
    await outgoing.reply(thread, "one")
    await outgoing.settle(sender)
    await repeat_by_hand(outgoing, 1, "one, again")
    outgoing.slack.faults.add(Respond(500), operation=DELETE)
    await outgoing.work_on(sender, rounds=2)
    assert outgoing.shown() == ["root", "  one"]
    assert len(outgoing.calls(DELETE)) == 2
    [kept] = outgoing.channel.replies(next(iter(outgoing.channel.messages)))
    assert (await outgoing.row(thread, 1)).ts == kept.ts


@ON_SQLITE
async def test_an_unreadable_history_gets_a_repeat_that_says_so(outgoing: Outgoing) -> None:
    """Without the scope to look, the message is posted once more, marked where people read it."""
    outgoing.slack.set_scopes(SCOPES - {"channels:history"})
    outgoing.slack.faults.add(LoseReply(), operation=POST)
    thread = await outgoing.thread()
    async with outgoing.at_work():
        await outgoing.slack.until(lambda: len(outgoing.channel.messages) == 2)
    assert outgoing.shown() == snapshot(
        ["root", "root (Possibly a repeat: Slack didn't confirm the first one.)"]
    )
    assert list(outgoing.channel.messages.values())[1].words == snapshot("""\
root
Possibly a repeat: Slack didn't confirm the first one.\
""")
    assert (await outgoing.row(thread, 0)).ts == list(outgoing.channel.messages)[1]


@ON_SQLITE
async def test_a_history_granted_once_a_minute_is_as_good_as_none(outgoing: Outgoing) -> None:
    """A 429 that asks for longer than half a minute doesn't hold the thread up."""
    outgoing.slack.faults.add(
        Respond(429, headers={"Retry-After": "60"}), operation=HISTORY, times=None
    )
    outgoing.slack.faults.add(DropRequest(), operation=POST)
    thread = await outgoing.thread()
    await outgoing.reply(thread, "one")
    async with outgoing.at_work():
        await outgoing.slack.until(lambda: len(outgoing.channel.messages) == 2)
    assert outgoing.shown() == snapshot(
        ["root (Possibly a repeat: Slack didn't confirm the first one.)", "  one"]
    )


@ON_SQLITE
async def test_a_history_that_asks_for_a_moment_gets_it(outgoing: Outgoing) -> None:
    """After a short 429, or while Slack itself fails, the history is read later."""
    sender = await outgoing.patient_sender()
    outgoing.slack.faults.add(LoseReply(), operation=POST)
    outgoing.slack.faults.add(Respond(429, headers={"Retry-After": "20"}), operation=HISTORY)
    outgoing.slack.faults.add(Respond(503), operation=HISTORY)
    thread = await outgoing.thread()
    await outgoing.settle(sender)
    waits = []
    for _ in range(2):
        await outgoing.work_on(sender)
        waits.append(await outgoing.waits(thread, 0))
    assert waits == [pytest.approx(20, abs=3), pytest.approx(5, abs=3)]
    await outgoing.work_on(sender)
    assert (outgoing.shown(), len(outgoing.calls(POST))) == (["root"], 1)


@ON_SQLITE
async def test_too_much_talk_since_then_proves_nothing(outgoing: Outgoing) -> None:
    """Where the message could lie beyond the pages that are read, it is repeated, and says so."""
    outgoing.slack.limits = Limits(enabled=False, page_size=1)
    outgoing.slack.faults.add(DropRequest(), operation=POST)
    for number in range(6):
        await outgoing.env.member.say(outgoing.channel, f"talk {number}")
    await outgoing.thread()
    async with outgoing.at_work():
        await outgoing.slack.until(lambda: len(outgoing.channel.messages) == 7)
    assert len(outgoing.calls(HISTORY)) == 5
    assert "Possibly a repeat" in outgoing.shown()[-1]


@ON_SQLITE
async def test_repeats_that_cannot_be_checked_come_at_growing_distance(
    outgoing: Outgoing,
) -> None:
    """While Slack answers no post and lets nothing be read, it isn't posted to in a loop."""
    outgoing.slack.set_scopes(SCOPES - {"channels:history"})
    outgoing.slack.faults.add(DropRequest(), operation=POST, times=None)
    sender = await outgoing.patient_sender()
    thread = await outgoing.thread()
    waits = []
    for _ in range(4):
        # One post that is lost, and one look at the history that isn't allowed.
        await outgoing.hurry()
        await outgoing.step(sender)
        await outgoing.hurry()
        await outgoing.step(sender)
        waits.append(await outgoing.waits(thread, 0))
    assert waits == [0.0, *(pytest.approx(5 * 2**n, abs=2) for n in range(3))]


async def test_what_changed_while_in_doubt_is_edited_in(outgoing: Outgoing) -> None:
    """The copy that is found shows the body it was sent with, not the newest."""
    sender = await outgoing.patient_sender()
    outgoing.slack.faults.add(LoseReply(), operation=POST)
    thread = await outgoing.thread()
    await outgoing.settle(sender)
    await outgoing.redraw(thread, "changed")
    await outgoing.work_on(sender)
    assert (outgoing.shown(), len(outgoing.calls(POST))) == (["changed"], 1)


async def test_a_bot_that_was_removed_while_in_doubt_looks_once_it_is_back(
    outgoing: Outgoing,
) -> None:
    """The doubt outlasts the absence, so nothing is repeated."""
    sender = await outgoing.patient_sender()
    outgoing.slack.faults.add(LoseReply(), operation=POST)
    thread = await outgoing.thread()
    await outgoing.settle(sender)
    outgoing.slack.remove_bot(outgoing.channel)
    await outgoing.work_on(sender)
    assert (await outgoing.channel_row(thread)).stopped_reason == "not_in_channel"
    outgoing.slack.invite_bot(outgoing.channel)
    await outgoing.work_on(sender)
    assert outgoing.shown() == ["root"]
    assert len([call for call in outgoing.calls(POST) if "root" in call.body]) == 1


@ON_SQLITE
async def test_a_doubtful_edit_is_made_again(outgoing: Outgoing) -> None:
    """It says the same the second time."""
    sender = await outgoing.patient_sender()
    thread = await outgoing.thread()
    await outgoing.settle(sender)
    outgoing.slack.faults.add(LoseReply(), operation=EDIT)
    await outgoing.redraw(thread, "changed")
    await outgoing.settle(sender)
    assert await outgoing.waits(thread, 0) == pytest.approx(5, abs=3)
    await outgoing.work_on(sender)
    assert (outgoing.shown(), len(outgoing.calls(EDIT))) == (["changed"], 2)


@ON_SQLITE
async def test_a_slack_that_is_not_reached_is_asked_again_without_a_doubt(
    outgoing: Outgoing,
) -> None:
    """What never left isn't looked for; each failure in a row doubles the wait."""
    nowhere = await outgoing.sender(url="http://127.0.0.1:9/api/")
    thread = await outgoing.thread()
    waits = []
    for _ in range(2):
        await outgoing.settle(nowhere)
        waits.append(await outgoing.waits(thread, 0))
        await outgoing.hurry()
    assert waits == [pytest.approx(5, abs=3), pytest.approx(10, abs=3)]
    assert (await outgoing.row(thread, 0)).delivery == Delivery.PENDING
    await outgoing.settle(await outgoing.patient_sender())
    assert (outgoing.shown(), outgoing.calls(HISTORY)) == (["root"], [])


@ON_SQLITE
async def test_a_doubt_survives_a_slack_that_is_not_reached(outgoing: Outgoing) -> None:
    """A doubtful post isn't taken for one that never left."""
    outgoing.slack.faults.add(LoseReply(), operation=POST)
    await outgoing.thread()
    sender = await outgoing.patient_sender()
    await outgoing.settle(sender)
    await outgoing.hurry()
    await outgoing.settle(await outgoing.sender(url="http://127.0.0.1:9/api/"))
    await outgoing.work_on(sender)
    assert (outgoing.shown(), len(outgoing.calls(POST))) == (["root"], 1)
