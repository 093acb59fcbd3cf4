"""Stories of endpoints that vanish: never given up too soon, and as before when they reappear."""

from functools import partial

import pytest
from inline_snapshot import snapshot

from bot.sandbox.environment import PROJECT, Environment, connect
from bot.sandbox.faults import Respond
from tests.acceptance.deploying import REPLICA, serve
from tests.acceptance.due_times import lifetime_ends_in
from tests.acceptance.endpoints import request_count
from tests.acceptance.thread_assertions import (
    last_reply_contains,
    message_text,
    root,
    terminate,
    thread,
)
from tests.conftest import StartBot


@pytest.mark.usefixtures("bot")
async def test_a_lone_endpoint_whose_project_vanishes_is_watched_on_and_revived(
    env: Environment,
) -> None:
    """A key without membership sees an empty list and 404; nobody is told that it costs nothing."""
    endpoint = await serve(env)
    env.friendli.hide_project(PROJECT)
    await env.slack.until(lambda: "isn't listed" in root(env).text)
    seen = len(env.friendli.requests)
    await env.friendli.until(lambda: len(env.friendli.requests) > seen + 8)
    assert message_text(env, root(env)) == snapshot("""\
❓ *it* isn't listed by Friendli any more
It was deleted, or the API key lost its project and it may still be billed. Watching until TIME.
Call it with `model: "ENDPOINT-1"`
org/model@ffc8550 · 1 × H100 · 1 replica · endpoint `ENDPOINT-1` · requested by @requester at TIME
[Open in Friendli]\
""")
    env.friendli.unhide_project(PROJECT)
    await env.slack.until(lambda: "is live" in root(env).text)
    env.friendli.set_status(endpoint, "SLEEPING")
    await env.slack.until(partial(last_reply_contains, env, "asleep"))
    assert thread(env)[2:] == snapshot(
        [
            "# Friendli no longer lists *it*. Either it was deleted, or this target's API key lost access to the project and it may still be billed. I keep watching until TIME.",
            "# Friendli lists *it* again: live, $5.00/h while live.",
            "😴 Put to sleep outside this channel. $0.00/h while asleep; any request wakes it.",
        ]
    )


@pytest.mark.usefixtures("bot")
async def test_a_terminate_that_is_answered_with_404_is_carried_out_later(
    env: Environment,
) -> None:
    """A 404 is no proof that it ended: the request waits, and is sent when it reappears."""
    await serve(env)
    env.friendli.hide_project(PROJECT)
    await terminate(env)
    await env.slack.until(lambda: "isn't listed" in root(env).text)
    env.friendli.unhide_project(PROJECT)
    await env.slack.until(lambda: any("Terminat" in line for line in thread(env)))
    [endpoint] = env.friendli.endpoints.values()
    assert endpoint.status in ("TERMINATING", "TERMINATED")


async def test_a_lifetime_that_ended_meanwhile_is_ended_afterwards(
    env: Environment, start_bot: StartBot
) -> None:
    """Nothing is sent to what isn't listed; once it is back, its end is warned of and carried out."""
    async with start_bot(lifetime_notice_min=0.1, lifetime_notice_max=0.1):
        await connect(env)
        await serve(env, options=f"{REPLICA} --for 2h")
        env.friendli.hide_project(PROJECT)
        await env.slack.until(lambda: "isn't listed" in root(env).text)
        await lifetime_ends_in(env, 0)
        env.friendli.unhide_project(PROJECT)
        await env.friendli.until(lambda: request_count(env, "terminate_endpoint") > 0, within=20)


@pytest.mark.usefixtures("bot")
async def test_what_was_deleted_from_here_is_gone_at_once(env: Environment) -> None:
    """That is what was requested."""
    endpoint = await serve(env)
    env.friendli.terminate(endpoint)
    env.clock.advance(60)
    await env.slack.until(lambda: "Delete" in root(env).buttons)
    await env.admin.click(root(env), "Delete")
    await env.slack.until(lambda: env.admin.modal)
    await env.admin.fill("Type it to confirm", "it")
    await env.admin.submit()
    await env.slack.until(partial(last_reply_contains, env, "gone from Friendli"))
    assert not any("doesn't list" in line for line in thread(env))


@pytest.mark.usefixtures("bot")
async def test_an_endpoint_that_is_gone_after_an_unanswered_delete_was_deleted(
    env: Environment,
) -> None:
    """Friendli fails after it deleted, and asks to wait; the list shows the outcome before."""
    endpoint = await serve(env)
    env.friendli.terminate(endpoint)
    env.clock.advance(60)
    await env.slack.until(lambda: "Delete" in root(env).buttons)
    failed = Respond(503, None, {"Retry-After": "60"}, acts=True)
    env.friendli.faults.add(failed, operation="delete_endpoint")
    await env.admin.click(root(env), "Delete")
    await env.slack.until(lambda: env.admin.modal)
    await env.admin.fill("Type it to confirm", "it")
    await env.admin.submit()
    await env.slack.until(partial(last_reply_contains, env, "gone from Friendli"))
    assert not any("doesn't list" in line for line in thread(env))


@pytest.mark.usefixtures("bot")
async def test_a_delete_that_was_refused_proves_nothing(env: Environment) -> None:
    """An endpoint that vanishes after it is looked for on, like any other."""
    endpoint = await serve(env)
    env.friendli.terminate(endpoint)
    env.clock.advance(60)
    await env.slack.until(lambda: "Delete" in root(env).buttons)
    env.friendli.faults.add(Respond(403), operation="delete_endpoint", times=None)
    await env.admin.click(root(env), "Delete")
    await env.slack.until(lambda: env.admin.modal)
    await env.admin.fill("Type it to confirm", "it")
    await env.admin.submit()
    await env.slack.until(partial(last_reply_contains, env, "didn't delete it"))
    env.friendli.hide_project(PROJECT)
    await env.slack.until(lambda: "isn't listed" in root(env).text)


async def test_a_bot_that_restarts_meanwhile_revives_it_too(
    env: Environment, start_bot: StartBot
) -> None:
    """Nothing lives only in memory."""
    async with start_bot():
        await connect(env)
        await serve(env)
        env.friendli.hide_project(PROJECT)
        await env.slack.until(lambda: "isn't listed" in root(env).text)
    env.friendli.unhide_project(PROJECT)
    async with start_bot():
        await env.slack.until(lambda: "is live" in root(env).text)
    assert sum("lists *it* again" in line for line in thread(env)) == 1


@pytest.mark.usefixtures("bot")
async def test_an_empty_list_alone_takes_nothing_away(env: Environment) -> None:
    """An endpoint that answers for itself is there, whatever the list says."""
    await serve(env)
    blackout = env.friendli.faults.add(
        Respond(200, {"data": {}, "nextCursor": None}), operation="list_endpoints", times=None
    )
    seen = blackout.taken
    await env.friendli.until(lambda: blackout.taken > seen + 6)
    assert "is live" in root(env).text
    assert len(thread(env)) == 2
