"""How fast the sender may be: Slack's limits are kept, and a 429 holds up only what it is about."""

import asyncio

from bot.sandbox.faults import LoseReply, Respond
from bot.sandbox.slack.rate_limits import Limits
from tests.slack.holding_proxy import holding_proxy, stall
from tests.slack.outgoing import EDIT, POST, Outgoing

# Slack's real limits, twenty times as fast.
FAST = Limits(speed=20, jitter=0.002)
FAST_INTERVAL = 1 / 20
# Six edits a minute instead of fifty, sixty times as fast: one every 167 ms.
FEW_EDITS = Limits(speed=60, per_minute={EDIT: 6})
FEW_EDITS_INTERVAL = 0.18
# So much slower than a test that nothing which has to wait for it ever comes.
NEVER = 1000.0


def refused(outgoing: Outgoing) -> list[str]:
    """The methods that were answered with 429."""
    return [entry.operation for entry in outgoing.slack.requests.entries if entry.status == 429]


async def test_a_channel_gets_one_message_a_second_from_all_replicas(outgoing: Outgoing) -> None:
    """Three threads of one channel, sent by two replicas, never meet Slack's limit."""
    outgoing.slack.limits = FAST
    async with outgoing.at_work(replicas=2, slack_message_interval=FAST_INTERVAL):
        threads = [await outgoing.thread(f"root {number}") for number in range(3)]
        await asyncio.gather(*(outgoing.reply(one, "one", "two", "three") for one in threads))
        await outgoing.slack.until(lambda: len(outgoing.channel.messages) == 12)
    assert outgoing.shown() == [
        line for number in range(3) for line in (f"root {number}", "  one", "  two", "  three")
    ]
    assert refused(outgoing) == []


async def test_channels_do_not_wait_for_one_another(outgoing: Outgoing) -> None:
    """Each channel has its own second."""
    other = outgoing.slack.add_channel("other", members=[outgoing.env.member.user])
    sender = await outgoing.sender(
        outgoing.settings.model_copy(update={"slack_message_interval": NEVER})
    )
    for place in (outgoing.channel, other):
        await outgoing.reply(await outgoing.thread(channel=place), "one")
    await outgoing.settle(sender)
    assert (outgoing.shown(), outgoing.shown(other)) == (["root"], ["root"])


async def test_a_post_whose_answer_was_lost_counts_against_the_pace(outgoing: Outgoing) -> None:
    """What may stand in the channel delays the next message like what surely does."""
    outgoing.slack.limits = FAST
    outgoing.slack.faults.add(LoseReply(), operation=POST)
    async with outgoing.at_work(slack_message_interval=FAST_INTERVAL):
        for number in range(3):
            await outgoing.thread(f"root {number}")
        await outgoing.slack.until(lambda: len(outgoing.channel.messages) == 3)
    assert refused(outgoing) == []


async def test_root_edits_stay_inside_tier_3_over_all_channels_and_replicas(
    outgoing: Outgoing,
) -> None:
    """The roots of three channels, edited by two replicas, never meet Slack's limit."""
    members = [outgoing.env.member.user]
    places = [outgoing.slack.add_channel(f"c{n}", members=members) for n in range(3)]
    async with outgoing.at_work(replicas=2):
        threads = [await outgoing.thread(f"{n}", channel=places[n % 3]) for n in range(9)]
        await outgoing.slack.until(lambda: sum(len(place.messages) for place in places) == 9)
    outgoing.slack.limits = FEW_EDITS
    for number, thread in enumerate(threads):
        await outgoing.redraw(thread, f"{number} serves")
    async with outgoing.at_work(replicas=2, slack_edit_interval=FEW_EDITS_INTERVAL):
        await outgoing.slack.until(
            lambda: all("serves" in text for place in places for text in outgoing.shown(place))
        )
    assert refused(outgoing) == []
    assert len(outgoing.calls(EDIT)) == 9


async def test_channels_claimed_at_once_share_one_edit(outgoing: Outgoing) -> None:
    """However many channels find the workspace free for an edit, one of them makes it."""
    members = [outgoing.env.member.user]
    places = [outgoing.slack.add_channel(f"c{n}", members=members) for n in range(5)]
    senders = [
        await outgoing.sender(outgoing.settings.model_copy(update={"slack_edit_interval": NEVER}))
        for _ in range(2)
    ]
    threads = [await outgoing.thread(channel=place) for place in places]
    await outgoing.settle(senders[0])
    for thread in threads:
        await outgoing.redraw(thread, "changed")
    claims = await outgoing.claims()
    await asyncio.gather(*(senders[number % 2].handle(held) for number, held in enumerate(claims)))
    await outgoing.settle(senders[1])
    assert len(outgoing.calls(EDIT)) == 1
    assert sorted(text for place in places for text in outgoing.shown(place)) == [
        "changed",
        *["root"] * 4,
    ]


async def test_edits_of_a_root_collapse_to_the_newest(outgoing: Outgoing) -> None:
    """Five changes before the edit's turn make one edit, with the last of them."""
    thread = await outgoing.thread()
    sender = await outgoing.sender()
    await outgoing.settle(sender)
    for number in range(5):
        await outgoing.redraw(thread, f"change {number}")
    await outgoing.settle(sender)
    assert outgoing.shown() == ["change 4"]
    assert len(outgoing.calls(EDIT)) == 1


async def test_a_root_that_changed_before_it_was_posted_needs_no_edit(outgoing: Outgoing) -> None:
    """The post carries the newest body."""
    thread = await outgoing.thread()
    await outgoing.redraw(thread, "changed")
    await outgoing.settle(await outgoing.sender())
    assert outgoing.shown() == ["changed"]
    assert outgoing.calls(EDIT) == []


async def test_a_429_on_posting_holds_up_every_channel_but_no_edit(outgoing: Outgoing) -> None:
    """Slack counts per method and workspace: posts wait as long as it asked, edits go on."""
    other = outgoing.slack.add_channel("other", members=[outgoing.env.member.user])
    sender = await outgoing.sender()
    edited = await outgoing.thread("edited", channel=other)
    await outgoing.settle(sender)
    outgoing.slack.faults.add(Respond(429, headers={"Retry-After": "30"}), operation=POST)
    first = await outgoing.thread("first")
    await outgoing.reply(first, "one")
    await outgoing.settle(sender)
    await outgoing.thread("second", channel=other)
    await outgoing.redraw(edited, "edited twice")
    await outgoing.settle(sender)
    assert (outgoing.shown(), outgoing.shown(other)) == ([], ["edited twice"])
    assert 25 < await outgoing.posts_wait() <= 30
    await outgoing.hurry()
    await outgoing.settle(sender)
    assert outgoing.shown() == ["first", "  one"]
    assert outgoing.shown(other) == ["edited twice", "second"]


async def test_a_429_on_editing_holds_up_every_edit_but_no_post(outgoing: Outgoing) -> None:
    """Replies go on while roots wait, and the roots then show the newest body."""
    other = outgoing.slack.add_channel("other", members=[outgoing.env.member.user])
    sender = await outgoing.sender()
    first, second = await outgoing.thread(), await outgoing.thread(channel=other)
    await outgoing.settle(sender)
    outgoing.slack.faults.add(Respond(429, headers={"Retry-After": "30"}), operation=EDIT)
    await outgoing.redraw(first, "changed")
    await outgoing.settle(sender)
    await outgoing.redraw(second, "changed")
    for thread in (first, second):
        await outgoing.reply(thread, "one")
    await outgoing.settle(sender)
    assert (outgoing.shown(), outgoing.shown(other)) == (["root", "  one"], ["root", "  one"])
    assert len(outgoing.calls(EDIT)) == 1
    await outgoing.redraw(first, "changed again")
    await outgoing.hurry()
    await outgoing.settle(sender)
    assert outgoing.shown() == ["changed again", "  one"]


async def test_a_429_that_asks_for_less_does_not_shorten_the_wait(outgoing: Outgoing) -> None:
    """Of two answers that cross, the longer wait counts."""
    other = outgoing.slack.add_channel("other", members=[outgoing.env.member.user])
    await outgoing.thread()
    await outgoing.thread(channel=other)
    for seconds in ("30", "1"):
        outgoing.slack.faults.add(Respond(429, headers={"Retry-After": seconds}), operation=POST)
    async with holding_proxy(outgoing.slack.url) as line:
        sender = await outgoing.sender(url=line.url)
        posts = [await stall(line, sender, held, POST) for held in await outgoing.claims()]
        for post in posts:
            await post.arrive()
    assert 25 < await outgoing.posts_wait() <= 30
