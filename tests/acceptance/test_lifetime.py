"""Stories of endpoints that run for a time: told before, ended then, or kept by someone."""

from functools import partial

import pytest
from inline_snapshot import snapshot

from bot.domain.policy import ExpiryAction, Policy
from bot.sandbox.environment import API_KEY, Environment, connect
from bot.sandbox.faults import Answer
from tests.acceptance.clock import decide, lease_ends_in, lease_is_over
from tests.acceptance.listing import Counted, asked
from tests.acceptance.thread_assertions import (
    ends,
    plain,
    root,
    roots,
    thread,
    told,
    whispers,
    words,
)
from tests.conftest import StartBot

SOON = 0.05


async def deploy(here: Environment, *, lease: str = "--for 8h", name: str = "it") -> str:
    """Deploy a model for a time and wait until it serves; returns its id."""
    before = len(roots(here))
    line = f"org/model --gpu 1xH100 --replicas 1 --name {name} {lease} --yes"
    await here.member.command(here.channel, line)
    await here.slack.until(
        lambda: len(roots(here)) > before and here.channel.replies(roots(here)[-1].ts)
    )
    endpoint = list(here.friendli.endpoints)[-1]
    here.friendli.set_status(endpoint, "RUNNING")
    await here.slack.until(lambda: "is serving" in root(here).text and told(here, 2))
    return endpoint


async def warned(here: Environment) -> None:
    """Let the time nearly pass."""
    await lease_ends_in(here, 300)
    await here.slack.until(partial(ends, here, "Going on costs"))


@pytest.mark.usefixtures("bot")
async def test_a_time_is_shown_before_and_after_it_is_agreed_to(here: Environment) -> None:
    """The preview says how long it runs and what happens then; the root says until when."""
    await here.member.command(
        here.channel, "org/model --gpu 1xH100 --replicas 1 --name it --for 8h"
    )
    await here.slack.until(lambda: here.member.ephemerals(here.channel))
    assert words(here, here.member.ephemerals(here.channel)[0]) == snapshot("""\
*it* on 1 × H100, 1 replica, in `prod`: *$5.00/h* once it serves.
Skip special tokens: `on` · Add special tokens: `on`
org/model
A fixed replica never sleeps: it is billed until the endpoint ends.
It runs for 8 h from when it is made, then it is terminated.
[Deploy] [Change] [Cancel]\
""")
    await deploy(here)
    await here.slack.until(lambda: "until" in words(here, root(here)))
    assert words(here, root(here)) == snapshot("""\
● *it* is serving after under 1 s
$5.00/h from now, until it sleeps or ends
org/model · 1 × H100 · 1 replica · endpoint `ENDPOINT-1`
until TIME, then it is terminated
asked by @requester at TIME · target `prod`
[Sleep] [Open in Friendli] [Update] [Terminate]\
""")


@pytest.mark.usefixtures("bot")
async def test_a_target_can_give_every_endpoint_a_time(here: Environment) -> None:
    """What its team has decided holds where nobody says otherwise, and is shown before."""
    await decide(here, Policy(lifetime_hours=2, expiry_action=ExpiryAction.SLEEP))
    await here.member.command(here.channel, "org/model --gpu 1xH100 --replicas 1 --name it")
    await here.slack.until(lambda: here.member.ephemerals(here.channel))
    shown = words(here, here.member.ephemerals(here.channel)[0])
    assert "It runs for 2 h from when it is made, then it is put to sleep" in shown
    await deploy(here, lease="")
    await here.slack.until(lambda: "then it is put to sleep" in words(here, root(here)))


@pytest.mark.usefixtures("bot")
async def test_the_warning_says_what_going_on_costs(here: Environment) -> None:
    """It reaches the channel, and somebody decides by a button; a stale one is told what is so."""
    await deploy(here)
    await warned(here)
    warning = here.channel.replies(root(here).ts)[-1]
    assert (thread(here)[-1], warning.buttons) == snapshot(
        (
            "# *it* runs until TIME, then it is terminated. Going on costs $5.00/h, and is for somebody to decide.",
            ["Extend 8 h", "Keep it running"],
        )
    )
    await here.member.click(warning, "Extend 8 h")
    await here.slack.until(partial(ends, here, "extended it"))
    before = len(thread(here))
    await here.member.click(warning, "Extend 8 h")
    await here.slack.until(lambda: whispers(here))
    assert len(thread(here)) == before
    assert (thread(here)[-1], whispers(here)[-1]) == snapshot(
        (
            "@requester extended it by 8 h: it runs until TIME, then it is terminated. It costs $5.00/h.",
            "Somebody decided already. It runs until TIME, then it is terminated.",
        )
    )


@pytest.mark.usefixtures("bot")
async def test_keeping_it_is_a_decision_that_the_thread_records(here: Environment) -> None:
    """It has no end any more, whoever clicks how often; the old end passes unnoticed."""
    await deploy(here)
    await warned(here)
    warning = here.channel.replies(root(here).ts)[-1]
    await here.member.click(warning, "Keep it running")
    await here.slack.until(partial(ends, here, "keeps it running"))
    assert thread(here)[-1] == snapshot(
        "@requester keeps it running: nothing ends it by itself any more. It costs $5.00/h until somebody does."
    )
    await here.slack.until(lambda: "until TIME" not in words(here, root(here)))
    await here.member.click(warning, "Keep it running")
    await here.slack.until(lambda: whispers(here))
    await here.member.click(warning, "Extend 8 h")
    await here.slack.until(lambda: len(whispers(here)) > 1)
    assert whispers(here) == snapshot(
        [
            "It has no end: it runs until somebody ends it, so there was nothing to do.",
            "It has no end: it runs until somebody ends it, so there was nothing to do.",
        ]
    )


async def test_at_the_end_it_is_terminated_once(here: Environment, start_bot: StartBot) -> None:
    """Nobody decided otherwise, so it stops costing money."""
    counted = Counted(here)
    async with start_bot(lifetime_notice_min=SOON):
        await connect(here)
        endpoint = await deploy(here)
        await lease_ends_in(here, 0)
        await here.slack.until(partial(ends, here, "it is terminated."))
        await here.friendli.until(lambda: counted.of("terminate_endpoint"))
        here.friendli.set_status(endpoint, "TERMINATED")
        await here.slack.until(partial(ends, here, "Terminated."))
        await here.slack.until(lambda: "until TIME" not in words(here, root(here)))
    assert counted.of("terminate_endpoint") == 1
    assert thread(here)[2:] == snapshot(
        [
            "# *it* runs until TIME, then it is terminated. Going on costs $5.00/h, and is for somebody to decide.",
            "Its time is over: it is terminated.",
            "Terminated. It costs nothing now; a restart in Friendli Suite would be told here.",
        ]
    )


async def test_two_bots_on_one_database_end_it_once(here: Environment, start_bot: StartBot) -> None:
    """Whoever claims the row does it; the other finds it done."""
    counted = Counted(here)
    async with start_bot(lifetime_notice_min=SOON), start_bot(lifetime_notice_min=SOON):
        await connect(here)
        endpoint = await deploy(here)
        await lease_ends_in(here, 0)
        await here.friendli.until(lambda: counted.of("terminate_endpoint"))
        here.friendli.set_status(endpoint, "TERMINATED")
        await here.slack.until(partial(ends, here, "Terminated."))
    assert counted.of("terminate_endpoint") == 1
    assert sum("time is over" in line for line in thread(here)) == 1


async def test_it_sleeps_where_someone_chose_that(here: Environment, start_bot: StartBot) -> None:
    """Its time begins anew when something wakes it: sleep alone guards no money."""
    async with start_bot(lifetime_notice_min=SOON):
        await connect(here)
        await decide(here, Policy(expiry_action=ExpiryAction.SLEEP))
        endpoint = await deploy(here)
        await lease_ends_in(here, 0)
        await here.slack.until(partial(ends, here, "it is put to sleep."))
        here.friendli.set_status(endpoint, "SLEEPING")
        await here.slack.until(lambda: "sleeping" in root(here).text)
        assert "until TIME" not in words(here, root(here))
        here.friendli.set_status(endpoint, "RUNNING")
        await here.slack.until(lambda: "until TIME, then it is put" in words(here, root(here)))


async def test_an_end_that_friendli_refuses_is_told_loudly_and_tried_again(
    here: Environment, start_bot: StartBot
) -> None:
    """Money runs, so the channel hears of it, and it isn't given up."""
    counted = Counted(here)
    async with start_bot(lifetime_notice_min=SOON, lifetime_end_retry=SOON):
        await connect(here)
        endpoint = await deploy(here)
        here.friendli.faults.add(Answer(400, {"detail": "not now"}), operation="terminate_endpoint")
        await lease_ends_in(here, 0)
        await here.friendli.until(lambda: counted.of("terminate_endpoint") > 1)
        here.friendli.set_status(endpoint, "TERMINATED")
        await here.slack.until(partial(ends, here, "Terminated."))
    assert thread(here)[3:] == snapshot(
        [
            "Its time is over: it is terminated.",
            "# *it* runs on although its time is over: Friendli didn't terminate it. Friendli said: “not now”. It may be billed on, at $5.00/h. I keep trying; to be sure, end it in Friendli Suite.",
            "Terminated. It costs nothing now; a restart in Friendli Suite would be told here.",
        ]
    )


async def test_an_end_that_nobody_can_reach_is_tried_until_it_is_given_up(
    here: Environment, start_bot: StartBot
) -> None:
    """With a revoked key nothing can be ended; the thread says so, and at last that it's over."""
    async with start_bot(
        lifetime_notice_min=SOON, lifetime_end_retry=SOON, lifetime_end_give_up_after=0.3
    ):
        await connect(here)
        await deploy(here)
        here.friendli.revoke_key(API_KEY)
        await lease_ends_in(here, 0)
        await here.slack.until(partial(ends, here, "any more"), timeout=15)
    assert thread(here)[3:] == snapshot(
        [
            "# *it* runs until TIME, then it is terminated. Going on costs $5.00/h, and is for somebody to decide.",
            "Its time is over: it is terminated.",
            "# *it* runs on although its time is over: Friendli didn't terminate it. Friendli said: “Missing or invalid API key.”. It may be billed on, at $5.00/h. I keep trying; to be sure, end it in Friendli Suite.",
            "# *it* runs on although its time is over, and I don't try to terminate it any more. It may be billed on, at $5.00/h, until somebody ends it here or in Friendli Suite.",
        ]
    )


async def test_a_bot_that_was_down_warns_before_it_ends_anything(
    here: Environment, start_bot: StartBot
) -> None:
    """Whoever wasn't warned still gets the least notice."""
    async with start_bot():
        await connect(here)
        await deploy(here)
    await lease_ends_in(here, -3600)
    counted = Counted(here)
    async with start_bot():
        await here.slack.until(partial(ends, here, "Going on costs"))
        await here.slack.until(lambda: "until TIME" in words(here, root(here)))
    assert counted.of("terminate_endpoint") == 0


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize("status", ["SLEEPING", "FAILED", "TERMINATED"])
async def test_what_is_at_rest_when_its_time_is_over_is_left_alone(
    here: Environment, status: str
) -> None:
    """Nothing is warned of or done; its time begins anew once it comes up."""
    endpoint = await deploy(here)
    here.friendli.set_status(endpoint, status)
    await here.slack.until(lambda: told(here, 3))
    counted = Counted(here)
    await lease_ends_in(here, 0)
    await lease_is_over(here)
    assert told(here, 3)
    assert "until TIME" not in words(here, root(here))
    here.friendli.set_status(endpoint, "INITIALIZING", phase="ENGINE_INITIALIZING")
    await here.slack.until(lambda: "until TIME" in words(here, root(here)))
    assert counted.of("terminate_endpoint") == 0


@pytest.mark.parametrize("status", ["INITIALIZING", "UPDATING", "UNKNOWN"])
async def test_what_isn_t_at_rest_is_ended_whatever_it_does(
    here: Environment, start_bot: StartBot, status: str
) -> None:
    """Coming up, updating, or unknown: it costs money, or soon will."""
    counted = Counted(here)
    async with start_bot(lifetime_notice_min=SOON):
        await connect(here)
        endpoint = await deploy(here)
        here.friendli.set_status(endpoint, status)
        await here.slack.until(lambda: told(here, 3))
        await lease_ends_in(here, 0)
        await here.friendli.until(lambda: counted.of("terminate_endpoint"))


async def test_a_command_that_slack_delivers_again_extends_once(
    here: Environment, start_bot: StartBot
) -> None:
    """Also where the bot was started anew, and hasn't heard of the first time."""
    async with start_bot():
        await connect(here)
        await deploy(here)
        typed = await here.member.command(here.channel, "extend it 8h")
        await here.slack.until(partial(ends, here, "extended it by 8 h"))
    async with start_bot():
        before = len(whispers(here))
        assert (await here.slack.deliver_again(typed.delivery)).ok
        await here.slack.until(lambda: len(whispers(here)) > before)
        assert whispers(here)[-1] == snapshot("It runs until TIME, then it is terminated.")
        await here.member.command(here.channel, "extend it 1h")
        await here.slack.until(partial(ends, here, "extended it by 1 h"))
    assert sum("extended it" in line for line in thread(here)) == 2


@pytest.mark.usefixtures("bot")
async def test_extending_and_keeping_by_name(here: Environment) -> None:
    """What the buttons do, at any time; slips come with a correction."""
    await deploy(here, lease="")
    answers = [
        plain(here, (await asked(here, text)).text)
        for text in (
            "extend it",
            "extend it 8",
            "extend it 8h",
            "extend it",
            "keep it",
            "keep it",
        )
    ]
    assert answers == snapshot(
        [
            "*it* has no end. To give it one, say how long it may run from now. `/friendli-deploy extend it 8h`",
            "`8` isn't a length of time. Write it as `8h`, `2d` or `90m`. Nearest: `8h`. `/friendli-deploy extend it 8h`",
            "It runs until TIME, then it is terminated.",
            "It runs until TIME, then it is terminated.",
            "It has no end.",
            "It has no end: it runs until somebody ends it, so there was nothing to do.",
        ]
    )
    await here.slack.until(partial(ends, here, "keeps it running"))
    assert thread(here)[2:] == snapshot(
        [
            "@requester gave it an end: it runs until TIME, then it is terminated. It costs $5.00/h.",
            "@requester extended it by 8 h: it runs until TIME, then it is terminated. It costs $5.00/h.",
            "@requester keeps it running: nothing ends it by itself any more. It costs $5.00/h until somebody does.",
        ]
    )
