"""Posts with an unknown outcome: searched for, and in Slack once."""

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
from tests.slack.harness import DELETE, EDIT, HISTORY, ON_SQLITE, POST, REPLIES, Harness

HTML = b"<html><body>Bad Gateway</body></html>"
HTML_TYPE = {"Content-Type": "text/html"}


async def repeat_by_hand(delivery: Harness, sequence: int, text: str) -> None:
    """Post a second copy, as a stalled sender may have."""
    first = next(
        message
        for message in delivery.channel.messages.values()
        if (message.metadata or {})["event_payload"]["sequence"] == sequence
    )
    clients = SlackClients(
        delivery.settings.slack_bot_token, delivery.settings.slack_api_url, timeout=2
    )
    await clients.posting.chat_postMessage(
        channel=delivery.channel.id, text=text, thread_ts=first.thread_ts, metadata=first.metadata
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
async def test_a_post_with_an_unknown_outcome_is_in_slack_once(
    delivery: Harness, effect: Effect
) -> None:
    """Whether Slack acted or not, and the thread goes on."""
    for _ in range(2):
        delivery.slack.faults.add(
            effect, operation=POST, when=lambda call: call.body["text"] != "two"
        )
    sender = await delivery.slow_sender()
    thread = await delivery.thread()
    await delivery.run_until_idle(sender)
    await delivery.reply(thread, "one", "two")
    await delivery.run_rounds(sender, rounds=8)
    assert delivery.shown() == ["root", "  one", "  two"]
    assert delivery.slack.faults.faults == ()


@ON_SQLITE
@pytest.mark.parametrize("acts", [True, False])
async def test_a_post_that_times_out_is_in_slack_once(delivery: Harness, *, acts: bool) -> None:
    """Whether Slack hangs before or after acting, one message results."""
    delivery.slack.faults.add(Hang(acts=acts), operation=POST)
    async with delivery.running(slack_timeout=0.2):
        await delivery.thread()
        await delivery.slack.until(lambda: delivery.shown() == ["root"])
    assert len(delivery.calls(POST)) == (1 if acts else 2)


async def test_a_message_that_is_found_is_not_posted_again(delivery: Harness) -> None:
    """Roots are found in the history, replies in the thread."""
    delivery.slack.faults.add(LoseReply(), operation=POST, times=2)
    thread = await delivery.thread()
    await delivery.reply(thread, "one")
    async with delivery.running():
        await delivery.slack.until(lambda: delivery.calls(REPLIES))
    assert (len(delivery.calls(POST)), len(delivery.calls(HISTORY))) == (2, 1)
    root, reply = delivery.channel.messages.values()
    assert (await delivery.row(thread, 0)).ts == root.ts
    assert (await delivery.row(thread, 1)).ts == reply.ts


@ON_SQLITE
@pytest.mark.parametrize("sequence", [0, 1])
async def test_a_message_that_somebody_else_wrote_is_not_ours(
    delivery: Harness, sequence: int
) -> None:
    """A copied metadata neither counts nor is deleted."""
    person = delivery.env.member
    sender = await delivery.slow_sender()
    thread = await delivery.thread()
    if sequence:
        await delivery.run_until_idle(sender)
        await delivery.reply(thread, "one")
    delivery.slack.faults.add(DropRequest(), operation=POST)
    await delivery.run_until_idle(sender)
    root = next(iter(delivery.channel.messages.values()), None)
    forged = await person.say(delivery.channel, "a stranger's", thread=root)
    forged.metadata = json.loads(delivery.calls(POST)[-1].body)["metadata"]
    await delivery.run_rounds(sender, rounds=5)
    row = await delivery.row(thread, sequence)
    assert (row.delivery, row.ts != forged.ts) == (Delivery.SENT, True)
    assert not forged.deleted
    assert sorted(delivery.shown()) == sorted(
        ["root", "  a stranger's", "  one"] if sequence else ["a stranger's", "root"]
    )


async def test_absence_takes_three_reads_over_a_minute(delivery: Harness) -> None:
    """Only the third empty read, a minute after the first, posts again."""
    sender = await delivery.slow_sender(slack_reconcile_over=60)
    delivery.slack.faults.add(DropRequest(), operation=POST)
    thread = await delivery.thread()
    waits = []
    for reads in range(4):
        await delivery.run_until_idle(sender)
        assert len(delivery.calls(HISTORY)) == reads
        waits.append(await delivery.seconds_until_due(thread, 0))
        await delivery.end_waits()
    assert waits == [
        pytest.approx(1, abs=0.9),
        pytest.approx(30, abs=3),
        pytest.approx(30, abs=3),
        0.0,
    ]
    assert delivery.shown() == ["root"]
    assert not (await delivery.row(thread, 0)).possible_repeat


@ON_SQLITE
async def test_a_history_that_lags_is_waited_for(delivery: Harness) -> None:
    """A message listed at the third read isn't posted again."""
    sender = await delivery.slow_sender()
    delivery.slack.faults.add(LoseReply(), operation=POST)
    delivery.slack.limits = Limits(enabled=False, history_lag=3600)
    thread = await delivery.thread()
    await delivery.run_rounds(sender, rounds=3)
    assert (await delivery.row(thread, 0)).reads == 2
    delivery.slack.limits = Limits(enabled=False)
    await delivery.run_rounds(sender)
    assert (await delivery.row(thread, 0)).delivery == Delivery.SENT
    assert (delivery.shown(), len(delivery.calls(POST))) == (["root"], 1)


async def test_other_threads_go_on_during_a_search(delivery: Harness) -> None:
    """An unknown outcome blocks its own thread only."""
    sender = await delivery.slow_sender()
    searched, other = await delivery.thread("searched"), await delivery.thread("other")
    await delivery.run_until_idle(sender)
    delivery.slack.faults.add(DropRequest(), operation=POST)
    await delivery.reply(searched, "lost", "held back")
    await delivery.redraw(searched, "held back too")
    await delivery.run_until_idle(sender)
    await delivery.reply(other, "one", "two")
    await delivery.redraw(other, "other, edited")
    await delivery.run_until_idle(sender)
    assert delivery.shown() == ["searched", "other, edited", "  one", "  two"]
    await delivery.run_rounds(sender, rounds=4)
    assert delivery.shown() == [
        "held back too",
        "  lost",
        "  held back",
        "other, edited",
        "  one",
        "  two",
    ]


async def test_of_two_copies_the_later_is_deleted(delivery: Harness) -> None:
    """A failed deletion is tried again."""
    sender = await delivery.slow_sender()
    delivery.slack.faults.add(
        LoseReply(), operation=POST, when=lambda call: call.body["text"] == "one"
    )
    thread = await delivery.thread()
    await delivery.reply(thread, "one")
    await delivery.run_until_idle(sender)
    await repeat_by_hand(delivery, 1, "one, again")
    delivery.slack.faults.add(Respond(500), operation=DELETE)
    await delivery.run_rounds(sender, rounds=2)
    assert delivery.shown() == ["root", "  one"]
    assert len(delivery.calls(DELETE)) == 2
    [kept] = delivery.channel.replies(next(iter(delivery.channel.messages)))
    assert (await delivery.row(thread, 1)).ts == kept.ts


@ON_SQLITE
async def test_an_unreadable_history_gets_a_marked_repeat(delivery: Harness) -> None:
    """Without the scope, the message is posted again and marked."""
    delivery.slack.set_scopes(SCOPES - {"channels:history"})
    delivery.slack.faults.add(LoseReply(), operation=POST)
    thread = await delivery.thread()
    async with delivery.running():
        await delivery.slack.until(lambda: len(delivery.channel.messages) == 2)
    assert delivery.shown() == snapshot(
        ["root", "root (Possibly a repeat: Slack didn't confirm the first one.)"]
    )
    assert list(delivery.channel.messages.values())[1].words == snapshot("""\
root
Possibly a repeat: Slack didn't confirm the first one.\
""")
    assert (await delivery.row(thread, 0)).ts == list(delivery.channel.messages)[1]


@ON_SQLITE
async def test_a_history_limited_to_once_a_minute_counts_as_unreadable(
    delivery: Harness,
) -> None:
    """A Retry-After of a minute doesn't block the thread."""
    delivery.slack.faults.add(
        Respond(429, headers={"Retry-After": "60"}), operation=HISTORY, times=None
    )
    delivery.slack.faults.add(DropRequest(), operation=POST)
    thread = await delivery.thread()
    await delivery.reply(thread, "one")
    async with delivery.running():
        await delivery.slack.until(lambda: len(delivery.channel.messages) == 2)
    assert delivery.shown() == snapshot(
        ["root (Possibly a repeat: Slack didn't confirm the first one.)", "  one"]
    )


@ON_SQLITE
async def test_a_history_that_is_rate_limited_briefly_is_read_later(
    delivery: Harness,
) -> None:
    """After a short 429 or a 5xx, the history is read later."""
    sender = await delivery.slow_sender()
    delivery.slack.faults.add(LoseReply(), operation=POST)
    delivery.slack.faults.add(Respond(429, headers={"Retry-After": "20"}), operation=HISTORY)
    delivery.slack.faults.add(Respond(503), operation=HISTORY)
    thread = await delivery.thread()
    await delivery.run_until_idle(sender)
    waits = []
    for _ in range(2):
        await delivery.run_rounds(sender)
        waits.append(await delivery.seconds_until_due(thread, 0))
    assert waits == [pytest.approx(20, abs=3), pytest.approx(5, abs=3)]
    await delivery.run_rounds(sender)
    assert (delivery.shown(), len(delivery.calls(POST))) == (["root"], 1)


@ON_SQLITE
async def test_a_history_too_long_to_search_gets_a_marked_repeat(delivery: Harness) -> None:
    """With pages left unread, the message is posted again and marked."""
    delivery.slack.limits = Limits(enabled=False, page_size=1)
    delivery.slack.faults.add(DropRequest(), operation=POST)
    for number in range(6):
        await delivery.env.member.say(delivery.channel, f"talk {number}")
    await delivery.thread()
    async with delivery.running():
        await delivery.slack.until(lambda: len(delivery.channel.messages) == 7)
    assert len(delivery.calls(HISTORY)) == 5
    assert "Possibly a repeat" in delivery.shown()[-1]


@ON_SQLITE
async def test_marked_repeats_back_off(
    delivery: Harness,
) -> None:
    """The back-off doubles."""
    delivery.slack.set_scopes(SCOPES - {"channels:history"})
    delivery.slack.faults.add(DropRequest(), operation=POST, times=None)
    sender = await delivery.slow_sender()
    thread = await delivery.thread()
    waits = []
    for _ in range(4):
        # One post that is lost, and one look at the history that isn't allowed.
        await delivery.end_waits()
        await delivery.step(sender)
        await delivery.end_waits()
        await delivery.step(sender)
        waits.append(await delivery.seconds_until_due(thread, 0))
    assert waits == [0.0, *(pytest.approx(5 * 2**n, abs=2) for n in range(3))]


async def test_a_change_during_the_search_is_edited_in(delivery: Harness) -> None:
    """The found copy has the body that was sent."""
    sender = await delivery.slow_sender()
    delivery.slack.faults.add(LoseReply(), operation=POST)
    thread = await delivery.thread()
    await delivery.run_until_idle(sender)
    await delivery.redraw(thread, "changed")
    await delivery.run_rounds(sender)
    assert (delivery.shown(), len(delivery.calls(POST))) == (["changed"], 1)


async def test_a_removed_bot_searches_once_it_is_back(
    delivery: Harness,
) -> None:
    """The search waits, and nothing is repeated."""
    sender = await delivery.slow_sender()
    delivery.slack.faults.add(LoseReply(), operation=POST)
    thread = await delivery.thread()
    await delivery.run_until_idle(sender)
    delivery.slack.remove_bot(delivery.channel)
    await delivery.run_rounds(sender)
    assert (await delivery.channel_row(thread)).stopped_reason == "not_in_channel"
    delivery.slack.invite_bot(delivery.channel)
    await delivery.run_rounds(sender)
    assert delivery.shown() == ["root"]
    assert len([call for call in delivery.calls(POST) if "root" in call.body]) == 1


@ON_SQLITE
async def test_an_edit_with_an_unknown_outcome_is_repeated(delivery: Harness) -> None:
    """Edits are idempotent."""
    sender = await delivery.slow_sender()
    thread = await delivery.thread()
    await delivery.run_until_idle(sender)
    delivery.slack.faults.add(LoseReply(), operation=EDIT)
    await delivery.redraw(thread, "changed")
    await delivery.run_until_idle(sender)
    assert await delivery.seconds_until_due(thread, 0) == pytest.approx(5, abs=3)
    await delivery.run_rounds(sender)
    assert (delivery.shown(), len(delivery.calls(EDIT))) == (["changed"], 2)


@ON_SQLITE
async def test_an_unreachable_slack_is_retried_without_a_search(
    delivery: Harness,
) -> None:
    """What wasn't sent isn't searched for; each failure doubles the wait."""
    nowhere = await delivery.sender(url="http://127.0.0.1:9/api/")
    thread = await delivery.thread()
    waits = []
    for _ in range(2):
        await delivery.run_until_idle(nowhere)
        waits.append(await delivery.seconds_until_due(thread, 0))
        await delivery.end_waits()
    assert waits == [pytest.approx(5, abs=3), pytest.approx(10, abs=3)]
    assert (await delivery.row(thread, 0)).delivery == Delivery.PENDING
    await delivery.run_until_idle(await delivery.slow_sender())
    assert (delivery.shown(), delivery.calls(HISTORY)) == (["root"], [])


@ON_SQLITE
async def test_an_unknown_outcome_survives_an_unreachable_slack(delivery: Harness) -> None:
    """An unknown outcome stays unknown."""
    delivery.slack.faults.add(LoseReply(), operation=POST)
    await delivery.thread()
    sender = await delivery.slow_sender()
    await delivery.run_until_idle(sender)
    await delivery.end_waits()
    await delivery.run_until_idle(await delivery.sender(url="http://127.0.0.1:9/api/"))
    await delivery.run_rounds(sender)
    assert (delivery.shown(), len(delivery.calls(POST))) == (["root"], 1)
