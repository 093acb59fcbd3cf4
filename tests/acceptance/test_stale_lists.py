"""Stories of a list that was asked for before something happened and is answered after it."""

from functools import partial

import pytest

from bot.sandbox.environment import TEAM, Environment, connect
from bot.sandbox.faults import Slow
from tests.acceptance.deploying import deploy
from tests.acceptance.endpoints import request_count
from tests.acceptance.thread_assertions import has_replies, last_reply_contains, root, roots, thread

pytestmark = pytest.mark.usefixtures("bot")

HELD = 60.0


async def list_shows(env: Environment, endpoint: str, status: str | None = None) -> None:
    """Hold back a list whose answer shows how the endpoint is now, or a new status."""
    held = env.friendli.faults.add(Slow(HELD), operation="list_endpoints")
    if status is not None:
        env.friendli.set_status(endpoint, status)
    await env.friendli.until(lambda: held.taken)


async def listed_again(env: Environment) -> None:
    """Let the list arrive that was held back, and two more after it."""
    lists = request_count(env, "list_endpoints")
    env.clock.advance(HELD)
    await env.friendli.until(lambda: request_count(env, "list_endpoints") >= lists + 2)


async def test_what_moved_to_another_key_is_not_told_by_the_old_one(env: Environment) -> None:
    """The list under the old key shows how it was before the new one told what followed."""
    endpoint = await deploy(env)
    await list_shows(env, endpoint)
    env.friendli.add_key("sandbox-second-key", team_id=TEAM)
    await env.admin.command(env.channel, "connect prod")
    await env.slack.until(lambda: env.admin.modal)
    await env.admin.fill("Personal API key (flp_…)", "sandbox-second-key")
    await env.admin.submit()
    env.friendli.set_status(endpoint, "RUNNING")
    await env.slack.until(lambda: "is live" in root(env).text)
    await env.slack.until(lambda: has_replies(env, 2))
    await listed_again(env)
    env.friendli.set_status(endpoint, "SLEEPING")
    await env.slack.until(partial(last_reply_contains, env, "Put to sleep outside"))
    assert len(thread(env)) == 3


async def test_a_list_older_than_what_we_did_is_not_told(env: Environment) -> None:
    """After somebody asked to terminate it, nobody is told that it serves."""
    endpoint = await deploy(env)
    await list_shows(env, endpoint, "RUNNING")
    await env.member.click(root(env), "Cancel")
    await env.friendli.until(lambda: request_count(env, "terminate_endpoint"))
    await listed_again(env)
    await env.slack.until(partial(last_reply_contains, env, "Terminat"))
    assert not [said for said in thread(env) if "live" in said]


async def test_what_was_let_go_meanwhile_is_not_told(env: Environment) -> None:
    """Its target was disconnected while the list was under way: nobody watches it any more."""
    endpoint = await deploy(env)
    await list_shows(env, endpoint, "RUNNING")
    await env.admin.command(env.channel, "disconnect prod")
    [question] = await env.slack.until(lambda: env.admin.ephemerals(env.channel))
    await env.admin.click(question, question.buttons[0])
    await env.slack.until(lambda: has_replies(env, 2))
    await connect(env)
    await deploy(env, "another")
    await listed_again(env)
    first, _ = roots(env)
    assert len(env.channel.replies(first.ts)) == 2
    assert "serving" not in first.text
