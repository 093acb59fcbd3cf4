"""Stories of an endpoint that isn't found: what must be so before anybody is told so."""

import asyncio
from collections.abc import Callable

from bot.sandbox.environment import Environment, connect
from bot.sandbox.faults import Call, Respond
from tests.acceptance.thread_assertions import root, thread
from tests.conftest import StartBot


def lists_by(env: Environment, works: Callable[[int], bool]) -> list[bool]:
    """Let lists after a failed create request work or fail; returns how each one went.

    Args:
        here: The world.
        works: Whether the next one works, by how many were asked for before it.
    """
    went: list[bool] = []

    def fails(_: Call) -> bool:
        if not any(one.operation == "create_endpoint" for one in env.friendli.requests):
            return False
        went.append(works(len(went)))
        return not went[-1]

    env.friendli.faults.add(Respond(500), operation="create_endpoint")
    env.friendli.faults.add(Respond(503), operation="list_endpoints", times=None, when=fails)
    return went


async def deploy(env: Environment) -> None:
    """Ask for an endpoint whose create request fails."""
    await connect(env)
    await env.member.command(env.channel, "org/model --gpu 1xH100 --name it-k7wq --yes")


async def test_two_complete_lists_are_not_enough(env: Environment, start_bot: StartBot) -> None:
    """However much time lies between them; the third one is what nobody can do without."""
    async with start_bot(
        create_give_up_after=2, poll_seconds_transitional=2.2, outage_notify_after=60
    ):
        went = lists_by(env, lambda asked: asked < 2)
        await deploy(env)
        await env.friendli.until(lambda: len(went) > 3, within=30)
        assert went[:3] == [True, True, False]
        assert "may have been created" in root(env).text
        assert len(thread(env)) == 1


async def test_the_time_of_an_outage_is_no_time_of_looking(
    env: Environment, start_bot: StartBot
) -> None:
    """Three complete lists, a long outage and one more list don't prove that nothing was made."""
    clock = asyncio.get_running_loop().time
    first_failed: list[float] = []

    def works(asked: int) -> bool:
        if asked < 4:
            return True
        first_failed.append(clock())
        # One list in the middle of an outage, once that has lasted long enough to give up.
        is_over = clock() - first_failed[0] > 3
        return is_over and not any(went[4:])

    async with start_bot(create_give_up_after=2.5, outage_notify_after=60):
        went = lists_by(env, works)
        await deploy(env)
        await env.friendli.until(lambda: any(went[4:]) and not went[-1], within=30)
        assert "may have been created" in root(env).text
        assert len(thread(env)) == 1
