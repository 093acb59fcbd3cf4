"""Stories of a cancel that comes at the moment at which the endpoint becomes known."""

from collections.abc import AsyncIterator
from copy import deepcopy

import pytest
from inline_snapshot import snapshot

from bot.sandbox.environment import Environment, open_environment
from bot.sandbox.faults import Slow
from tests.acceptance.endpoints import request_count
from tests.acceptance.thread_assertions import rendered_text, root, roots, thread
from tests.conftest import NO_LIMITS

pytestmark = pytest.mark.usefixtures("bot")

ENDS = "terminate_endpoint"


@pytest.fixture
async def env(database_url: str) -> AsyncIterator[Environment]:
    """Both sandboxes, on each engine."""
    async with open_environment(database_url, speed=0, limits=NO_LIMITS) as made:
        yield made


async def deploy(env: Environment) -> None:
    """Ask for an endpoint, and see its root."""
    await env.member.command(env.channel, "org/model --gpu 1xH100 --replicas 1 --name it --yes")
    await env.slack.until(lambda: roots(env) and "Cancel" in root(env).buttons)


async def is_over(env: Environment) -> None:
    """Let the endpoint go down, and see that the root says so."""
    await env.friendli.until(lambda: request_count(env, ENDS))
    await env.slack.until(lambda: any("Terminating." in said for said in thread(env)))
    env.clock.advance(60)
    await env.slack.until(lambda: "was terminated" in root(env).text)
    await env.slack.until(lambda: "Terminated." in thread(env)[-1])


async def test_a_cancel_written_before_the_adoption_is_carried_out_by_it(env: Environment) -> None:
    """The endpoint was found already and about to be written down as ours."""
    env.friendli.faults.add(Slow(5), operation="get_endpoint")
    await deploy(env)
    await env.friendli.until(lambda: request_count(env, "get_endpoint"))
    assert (await env.member.click(root(env), "Cancel")).ok
    await env.slack.until(lambda: "is being cancelled" in root(env).text)
    env.clock.advance(5)
    await is_over(env)
    assert thread(env) == snapshot(
        [
            "@requester asked to cancel it.",
            "Endpoint created: `ENDPOINT-1`. Getting a GPU machine.",
            "🟠 Terminating.",
            "⚪ Terminated. $0.00/h; a restart in Friendli Suite shows up here.",
        ]
    )
    assert (request_count(env, "create_endpoint"), request_count(env, ENDS)) == (1, 1)


async def test_a_cancel_clicked_after_the_adoption_ends_what_it_found(env: Environment) -> None:
    """The root that was clicked was drawn before."""
    await deploy(env)
    before = deepcopy(root(env))
    await env.slack.until(lambda: thread(env))
    assert (await env.member.click(before, "Cancel")).ok
    await is_over(env)
    assert thread(env) == snapshot(
        [
            "Endpoint created: `ENDPOINT-1`. Getting a GPU machine.",
            "@requester asked to terminate it.",
            "🟠 Terminating.",
            "⚪ Terminated. $0.00/h; a restart in Friendli Suite shows up here.",
        ]
    )
    assert (request_count(env, "create_endpoint"), request_count(env, ENDS)) == (1, 1)


async def test_a_cancel_between_the_list_and_the_request_sends_nothing(env: Environment) -> None:
    """What is listed before the request takes its time, in which a person may change their mind."""
    held = env.friendli.faults.add(Slow(5), operation="list_endpoints")
    await deploy(env)
    await env.friendli.until(lambda: held.taken)
    assert (await env.member.click(root(env), "Cancel")).ok
    await env.slack.until(lambda: "is being cancelled" in root(env).text)
    env.clock.advance(5)
    await env.slack.until(lambda: len(thread(env)) == 2)
    assert thread(env) == snapshot(
        ["@requester asked to cancel it.", "Cancelled. Nothing was created."]
    )
    assert request_count(env, "create_endpoint") == 0


async def test_a_second_cancel_is_told_that_there_was_one(env: Environment) -> None:
    """Whoever clicks what was drawn before the first one changes nothing."""
    env.friendli.faults.add(Slow(5), operation="get_endpoint")
    await deploy(env)
    await env.friendli.until(lambda: request_count(env, "get_endpoint"))
    before = deepcopy(root(env))
    assert (await env.member.click(before, "Cancel")).ok
    assert (await env.admin.click(before, "Cancel")).ok
    [said] = await env.slack.until(lambda: env.admin.ephemerals(env.channel)[-1:])
    assert rendered_text(env, said.text) == snapshot(
        "Someone already requested this; see the thread."
    )
    env.clock.advance(5)
    await is_over(env)
    assert thread(env)[0] == "@requester asked to cancel it."
    assert not [line for line in thread(env) if line.startswith("@admin")]
