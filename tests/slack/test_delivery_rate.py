"""Slack's rate limits, across channels and replicas."""

import asyncio

from bot.sandbox.faults import LoseReply, Respond
from bot.sandbox.slack.rate_limits import Limits
from tests.slack.harness import EDIT, POST, Harness
from tests.slack.holding_proxy import hold_call, holding_proxy

# Slack's real limits, twenty times as fast.
FAST = Limits(speed=20, jitter=0.002)
FAST_INTERVAL = 1 / 20
# Six edits a minute instead of fifty, sixty times as fast: one every 167 ms.
FEW_EDITS = Limits(speed=60, per_minute={EDIT: 6})
FEW_EDITS_INTERVAL = 0.18
# So much slower than a test that nothing which has to wait for it ever comes.
NEVER = 1000.0


def refused(delivery: Harness) -> list[str]:
    return [entry.operation for entry in delivery.slack.requests.entries if entry.status == 429]


async def test_a_channel_gets_one_message_a_second_from_all_replicas(
    delivery: Harness,
) -> None:
    """Two replicas with three threads never get a 429."""
    delivery.slack.limits = FAST
    async with delivery.running(replicas=2, slack_message_interval=FAST_INTERVAL):
        threads = [await delivery.thread(f"root {number}") for number in range(3)]
        await asyncio.gather(*(delivery.reply(one, "one", "two", "three") for one in threads))
        await delivery.slack.until(lambda: len(delivery.channel.messages) == 12)
    assert delivery.shown() == [
        proxy for number in range(3) for proxy in (f"root {number}", "  one", "  two", "  three")
    ]
    assert refused(delivery) == []


async def test_channels_do_not_wait_for_one_another(delivery: Harness) -> None:
    """Each channel has its own limit."""
    other = delivery.slack.add_channel("other", members=[delivery.env.member.user])
    sender = await delivery.sender(
        delivery.settings.model_copy(update={"slack_message_interval": NEVER})
    )
    for place in (delivery.channel, other):
        await delivery.reply(await delivery.thread(channel=place), "one")
    await delivery.run_until_idle(sender)
    assert (delivery.shown(), delivery.shown(other)) == (["root"], ["root"])


async def test_a_post_with_an_unknown_outcome_counts_against_the_limit(
    delivery: Harness,
) -> None:
    """It delays the next message like a confirmed post."""
    delivery.slack.limits = FAST
    delivery.slack.faults.add(LoseReply(), operation=POST)
    async with delivery.running(slack_message_interval=FAST_INTERVAL):
        for number in range(3):
            await delivery.thread(f"root {number}")
        await delivery.slack.until(lambda: len(delivery.channel.messages) == 3)
    assert refused(delivery) == []


async def test_root_edits_stay_inside_tier_3_over_all_channels_and_replicas(
    delivery: Harness,
) -> None:
    """Two replicas with three channels never get a 429."""
    members = [delivery.env.member.user]
    places = [delivery.slack.add_channel(f"c{n}", members=members) for n in range(3)]
    async with delivery.running(replicas=2):
        threads = [await delivery.thread(f"{n}", channel=places[n % 3]) for n in range(9)]
        await delivery.slack.until(lambda: sum(len(place.messages) for place in places) == 9)
    delivery.slack.limits = FEW_EDITS
    for number, thread in enumerate(threads):
        await delivery.redraw(thread, f"{number} serves")
    async with delivery.running(replicas=2, slack_edit_interval=FEW_EDITS_INTERVAL):
        await delivery.slack.until(
            lambda: all("serves" in text for place in places for text in delivery.shown(place))
        )
    assert refused(delivery) == []
    assert len(delivery.calls(EDIT)) == 9


async def test_channels_claimed_at_once_share_one_edit(delivery: Harness) -> None:
    """Only one of the channels edits."""
    members = [delivery.env.member.user]
    places = [delivery.slack.add_channel(f"c{n}", members=members) for n in range(5)]
    senders = [
        await delivery.sender(delivery.settings.model_copy(update={"slack_edit_interval": NEVER}))
        for _ in range(2)
    ]
    threads = [await delivery.thread(channel=place) for place in places]
    await delivery.run_until_idle(senders[0])
    for thread in threads:
        await delivery.redraw(thread, "changed")
    claims = await delivery.claims()
    await asyncio.gather(
        *(senders[number % 2].handle(claim) for number, claim in enumerate(claims))
    )
    await delivery.run_until_idle(senders[1])
    assert len(delivery.calls(EDIT)) == 1
    assert sorted(text for place in places for text in delivery.shown(place)) == [
        "changed",
        *["root"] * 4,
    ]


async def test_edits_of_a_root_collapse_to_the_newest(delivery: Harness) -> None:
    """Five changes before the edit make one edit."""
    thread = await delivery.thread()
    sender = await delivery.sender()
    await delivery.run_until_idle(sender)
    for number in range(5):
        await delivery.redraw(thread, f"change {number}")
    await delivery.run_until_idle(sender)
    assert delivery.shown() == ["change 4"]
    assert len(delivery.calls(EDIT)) == 1


async def test_a_root_that_changed_before_it_was_posted_needs_no_edit(
    delivery: Harness,
) -> None:
    """The post has the newest body."""
    thread = await delivery.thread()
    await delivery.redraw(thread, "changed")
    await delivery.run_until_idle(await delivery.sender())
    assert delivery.shown() == ["changed"]
    assert delivery.calls(EDIT) == []


async def test_a_429_on_posting_pauses_every_channel_but_no_edit(delivery: Harness) -> None:
    """Posts wait for Retry-After, edits go on."""
    other = delivery.slack.add_channel("other", members=[delivery.env.member.user])
    sender = await delivery.sender()
    edited = await delivery.thread("edited", channel=other)
    await delivery.run_until_idle(sender)
    delivery.slack.faults.add(Respond(429, headers={"Retry-After": "30"}), operation=POST)
    first = await delivery.thread("first")
    await delivery.reply(first, "one")
    await delivery.run_until_idle(sender)
    await delivery.thread("second", channel=other)
    await delivery.redraw(edited, "edited twice")
    await delivery.run_until_idle(sender)
    assert (delivery.shown(), delivery.shown(other)) == ([], ["edited twice"])
    assert 25 < await delivery.seconds_until_posts() <= 30
    await delivery.end_waits()
    await delivery.run_until_idle(sender)
    assert delivery.shown() == ["first", "  one"]
    assert delivery.shown(other) == ["edited twice", "second"]


async def test_a_429_on_editing_pauses_every_edit_but_no_post(delivery: Harness) -> None:
    """Replies go on; roots then show the newest body."""
    other = delivery.slack.add_channel("other", members=[delivery.env.member.user])
    sender = await delivery.sender()
    first, second = await delivery.thread(), await delivery.thread(channel=other)
    await delivery.run_until_idle(sender)
    delivery.slack.faults.add(Respond(429, headers={"Retry-After": "30"}), operation=EDIT)
    await delivery.redraw(first, "changed")
    await delivery.run_until_idle(sender)
    await delivery.redraw(second, "changed")
    for thread in (first, second):
        await delivery.reply(thread, "one")
    await delivery.run_until_idle(sender)
    assert (delivery.shown(), delivery.shown(other)) == (["root", "  one"], ["root", "  one"])
    assert len(delivery.calls(EDIT)) == 1
    await delivery.redraw(first, "changed again")
    await delivery.end_waits()
    await delivery.run_until_idle(sender)
    assert delivery.shown() == ["changed again", "  one"]


async def test_a_429_that_asks_for_less_does_not_shorten_the_wait(
    delivery: Harness,
) -> None:
    """Of two concurrent answers, the longer wait counts."""
    other = delivery.slack.add_channel("other", members=[delivery.env.member.user])
    await delivery.thread()
    await delivery.thread(channel=other)
    for seconds in ("30", "1"):
        delivery.slack.faults.add(Respond(429, headers={"Retry-After": seconds}), operation=POST)
    async with holding_proxy(delivery.slack.url) as proxy:
        sender = await delivery.sender(url=proxy.url)
        posts = [await hold_call(proxy, sender, claim, POST) for claim in await delivery.claims()]
        for post in posts:
            await post.arrive()
    assert 25 < await delivery.seconds_until_posts() <= 30
