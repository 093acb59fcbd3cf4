"""Stories of endpoints that fall asleep and wake at times of day."""

import re
from copy import copy
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial

import pytest
from inline_snapshot import snapshot

from bot.domain.policy import Approval, Policy
from bot.sandbox.environment import Environment, connect
from tests.acceptance.deploying import serve
from tests.acceptance.due_times import make_schedules_due, set_policy
from tests.acceptance.endpoints import RequestCounter, command_response
from tests.acceptance.thread_assertions import (
    card_with,
    ephemeral_texts,
    has_replies,
    last_reply_contains,
    message_text,
    rendered_text,
    root,
    thread,
)
from tests.conftest import StartBot


async def serve_in(env: Environment, status: str) -> str:
    """Deploy a model and bring it to a status; returns its id."""
    endpoint = await serve(env)
    env.friendli.set_status(endpoint, status)
    await env.slack.until(lambda: has_replies(env, 3))
    return endpoint


async def schedule(env: Environment, text: str) -> str:
    """Make a schedule; returns what only the member is told."""
    return rendered_text(env, (await command_response(env, text)).text)


@pytest.mark.usefixtures("bot")
async def test_what_a_schedule_means_is_said_back(env: Environment) -> None:
    """With its time zone and its next time, to the person and in the thread."""
    await serve(env)
    answers = [
        await schedule(env, text)
        for text in (
            "sleep it at 18:00 on weekdays",
            "wake it daily at 9:55 am",
            "sleep it tomorrow at 20",
            "sleep it at 25:00",
            "wake it on weekdays",
        )
    ]
    assert answers == snapshot(
        [
            "*it* will sleep weekdays at 18:00, Europe/Amsterdam; next: TIME.",
            "*it* will wake daily at 09:55, Europe/Amsterdam; next: TIME.",
            "*it* will sleep once at 20:00, Europe/Amsterdam; that is TIME.",
            "`at 25:00` isn't a time of day. Write `at 18:00`, `in 2 hours`, `at 6pm on weekdays` or `tomorrow at 9`.",
            "`on weekdays` needs a time of day, such as `on weekdays at 18:00`. `/friendli-deploy wake it on weekdays at 18:00`",
        ]
    )
    await env.slack.until(lambda: has_replies(env, 5))
    assert thread(env)[2:] == snapshot(
        [
            "@requester added a schedule: it will sleep weekdays at 18:00, Europe/Amsterdam; next: TIME. `/friendli-deploy schedules it` removes it.",
            "@requester added a schedule: it will wake daily at 09:55, Europe/Amsterdam; next: TIME. It costs $5.00/h while live. `/friendli-deploy schedules it` removes it.",
            "@requester added a schedule: it will sleep once at 20:00, Europe/Amsterdam; that is TIME. `/friendli-deploy schedules it` removes it.",
        ]
    )


@pytest.mark.usefixtures("bot")
async def test_a_time_from_now_is_said_back_as_the_moment_that_it_is(env: Environment) -> None:
    """`in 2 hours` isn't two o'clock; what can't be read gets no guess."""
    await serve(env)
    said = (await command_response(env, "sleep it in 2 hours")).text
    [moment] = re.findall(r"<!date\^(\d+)\^", said)
    ahead = int(moment) - datetime.now(UTC).timestamp()
    assert 7_190 < ahead <= 7_260
    refused = await command_response(env, "sleep it for 2 hours")
    assert "isn't a time of day" in refused.text
    assert "/friendli-deploy sleep" not in refused.text


@pytest.mark.usefixtures("bot")
async def test_at_its_time_it_is_done_once_and_comes_again(env: Environment) -> None:
    """The operation and the next time are written together."""
    endpoint = await serve(env)
    counted = RequestCounter(env)
    await schedule(env, "sleep it daily at 18:00")
    await make_schedules_due(env)
    await env.friendli.until(lambda: counted.of("sleep_endpoint"))
    env.friendli.set_status(endpoint, "SLEEPING")
    await env.slack.until(partial(last_reply_contains, env, "Asleep"))
    assert thread(env)[3:] == snapshot(
        [
            "Schedule: putting it to sleep.",
            "😴 Asleep. $0.00/h while asleep; any request wakes it.",
        ]
    )
    assert "will sleep daily at 18:00" in (await command_response(env, "schedules")).text
    assert counted.of("sleep_endpoint") == 1


@pytest.mark.usefixtures("bot")
async def test_waking_once_leaves_no_schedule(env: Environment) -> None:
    """What comes once is gone once it is done."""
    await serve_in(env, "SLEEPING")
    counted = RequestCounter(env)
    await schedule(env, "wake it at 09:55")
    await make_schedules_due(env)
    await env.friendli.until(lambda: counted.of("wake_endpoint"))
    await env.slack.until(partial(last_reply_contains, env, "Schedule:"))
    assert rendered_text(env, (await command_response(env, "schedules")).text) == snapshot("""\
No schedules.
`/friendli-deploy sleep [endpoint] at 18:00 on weekdays` creates one.\
""")


@pytest.mark.usefixtures("bot")
async def test_what_doesn_t_fit_is_skipped_quietly(env: Environment) -> None:
    """An endpoint that sleeps already isn't put to sleep, and nobody is told."""
    await serve_in(env, "SLEEPING")
    await schedule(env, "sleep it at 18:00")
    await env.slack.until(lambda: has_replies(env, 4))
    await make_schedules_due(env)
    while "No schedules" not in (await command_response(env, "schedules it")).text:
        pass
    assert has_replies(env, 4)


async def test_what_was_missed_is_made_up_for_unless_it_costs(
    env: Environment, start_bot: StartBot
) -> None:
    """Sleep is done late, with words; to wake late is for somebody to decide."""
    async with start_bot():
        await connect(env)
        endpoint = await serve(env)
        await schedule(env, "sleep it at 18:00")
    await make_schedules_due(env, ago=3600)
    async with start_bot():
        await env.slack.until(partial(last_reply_contains, env, "Schedule:"))
        env.friendli.set_status(endpoint, "SLEEPING")
        await env.slack.until(partial(last_reply_contains, env, "Asleep"))
        await schedule(env, "wake it at 09:55")
    await make_schedules_due(env, ago=3600)
    counted = RequestCounter(env)
    async with start_bot():
        await env.slack.until(partial(last_reply_contains, env, "and skipped it"))
    assert counted.of("wake_endpoint") == 0
    assert [line for line in thread(env) if "missed" in line] == snapshot([])


async def test_a_wake_that_was_missed_does_not_wait_for_what_goes_down(
    env: Environment, start_bot: StartBot
) -> None:
    """While it is stopping, it is said at once that it isn't woken late."""
    async with start_bot():
        await connect(env)
        await serve_in(env, "STOPPING")
        await schedule(env, "wake it at 09:55")
    await make_schedules_due(env, ago=3600)
    async with start_bot():
        while "No schedules" not in (await command_response(env, "schedules it")).text:
            pass
        assert "and skipped it" not in thread(env)[-1]


async def test_a_wake_on_a_target_that_was_disconnected_is_not_done(
    env: Environment, start_bot: StartBot
) -> None:
    """Its endpoint is watched on through another target; nobody decides about spending on it."""
    async with start_bot():
        await connect(env)
        await serve_in(env, "SLEEPING")
        await connect(env, "staging")
        await schedule(env, "wake it at 09:55")
        await env.admin.command(env.channel, "disconnect prod")
        question = await env.slack.until(lambda: env.admin.ephemerals(env.channel)[-1])
        await env.admin.click(question, "Disconnect")
        await env.slack.until(
            lambda: any("is disconnected" in one.text for one in env.admin.ephemerals(env.channel))
        )
        counted = RequestCounter(env)
        await make_schedules_due(env)
    async with start_bot():
        await env.slack.until(partial(last_reply_contains, env, "was disconnected"))
    assert counted.of("wake_endpoint") == 0


@pytest.mark.usefixtures("bot")
async def test_schedules_are_listed_and_removed(env: Environment) -> None:
    """Each has a button; the second click is told what is so."""
    await serve(env)
    await schedule(env, "sleep it at 18:00 on weekdays")
    listed = await command_response(env, "schedules")
    assert message_text(env, listed) == snapshot("""\
*it* will sleep weekdays at 18:00, Europe/Amsterdam; next: TIME
Remove
[Remove]\
""")
    stale = copy(listed)
    await env.member.click(listed, "Remove")
    await env.slack.until(partial(last_reply_contains, env, "removed the schedule"))
    assert thread(env)[-1] == snapshot(
        "@requester removed the schedule to sleep weekdays at 18:00, Europe/Amsterdam."
    )
    before = len(env.member.ephemerals(env.channel))
    await env.member.click(stale, "Remove")
    await env.slack.until(lambda: len(env.member.ephemerals(env.channel)) > before)
    assert env.member.ephemerals(env.channel)[-1].text == snapshot(
        "This schedule doesn't exist any more: it was removed, or has ended."
    )


@pytest.mark.usefixtures("bot")
async def test_waking_by_schedule_needs_the_approval_that_its_price_needs(
    env: Environment,
) -> None:
    """Asked for when it is due, of somebody else than whose schedule it is; or woken by hand."""
    await serve_in(env, "SLEEPING")
    await set_policy(env, Policy(approval=Approval.ABOVE, approval_above=Decimal(4)))
    counted = RequestCounter(env)
    await schedule(env, "wake it daily at 09:55")
    await make_schedules_due(env)
    await env.slack.until(partial(last_reply_contains, env, "waits for approval"))
    proposal = await card_with(env, "Approve")
    await env.member.click(proposal, "Withdraw")
    await env.slack.until(partial(last_reply_contains, env, "withdrew"))
    await make_schedules_due(env)
    await env.slack.until(partial(last_reply_contains, env, "waits for approval"))
    assert thread(env)[3:] == snapshot(
        [
            "@requester added a schedule: it will wake daily at 09:55, Europe/Amsterdam; next: TIME. It costs $5.00/h while live. Each run needs approval in this thread. `/friendli-deploy schedules it` removes it.",
            "# 🔵 Schedule: wake it. *it* may then cost up to *$5.00/h*, so this waits for approval: workspace admins can approve until TIME. Nothing is sent to Friendli until then.",
            "@requester withdrew the request. It stays as it is.",
            "# 🔵 Schedule: wake it. *it* may then cost up to *$5.00/h*, so this waits for approval: workspace admins can approve until TIME. Nothing is sent to Friendli until then.",
        ]
    )
    assert counted.of("wake_endpoint") == 0
    proposal = await card_with(env, "Approve")
    await env.admin.click(proposal, "Approve")
    await env.friendli.until(lambda: counted.of("wake_endpoint") == 1)


@pytest.mark.usefixtures("bot")
async def test_a_wake_that_waits_for_approval_is_not_walked_around_by_hand(
    env: Environment,
) -> None:
    """By hand it needs the same approval, until the target asks for none any more."""
    await serve_in(env, "SLEEPING")
    await set_policy(env, Policy(approval=Approval.ALWAYS))
    counted = RequestCounter(env)
    await schedule(env, "wake it at 09:55")
    await make_schedules_due(env)
    await env.slack.until(partial(last_reply_contains, env, "waits for approval"))
    proposal = await card_with(env, "Approve")
    before = len(ephemeral_texts(env))
    await env.member.click(root(env), "Wake ($5.00/h)")
    await env.slack.until(lambda: len(ephemeral_texts(env)) > before)
    assert ephemeral_texts(env)[-1] == snapshot(
        "@requester already requested this; see the thread."
    )
    assert counted.of("wake_endpoint") == 0
    await set_policy(env, Policy(approval=Approval.NEVER))
    await env.member.click(root(env), "Wake ($5.00/h)")
    await env.friendli.until(lambda: counted.of("wake_endpoint") == 1)
    await env.admin.click(proposal, "Approve")
    [said] = await env.slack.until(lambda: env.admin.ephemerals(env.channel))
    assert rendered_text(env, said.text) == snapshot(
        "There is nothing left to decide here; see the thread."
    )
