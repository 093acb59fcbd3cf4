"""Stories of a Friendli that answers 429: what was asked for waits its turn, and is told once."""

import pytest
from inline_snapshot import snapshot

from bot.sandbox.environment import Environment, connect
from bot.sandbox.faults import Respond
from tests.acceptance.endpoints import request_count
from tests.acceptance.thread_assertions import root, thread
from tests.conftest import StartBot

LINE = "org/model --gpu 1xH100 --name it --yes"


def limited(seconds: str | None = None) -> Respond:
    """A 429 that asks for a wait."""
    headers = {} if seconds is None else {"Retry-After": seconds}
    return Respond(429, {"detail": "slow <down>"}, headers=headers)


@pytest.mark.usefixtures("bot")
async def test_a_create_request_that_is_limited_waits_and_is_sent_again(env: Environment) -> None:
    """Nothing was made, so one endpoint is made in the end, and the wait is told once."""
    env.friendli.faults.add(limited("0.3"), operation="create_endpoint", times=3)
    await env.member.command(env.channel, LINE)
    await env.slack.until(lambda: thread(env) and "Endpoint created" in thread(env)[-1])
    assert thread(env) == snapshot(
        [
            "Friendli is rate-limiting requests (429: “slow <down>”). Nothing was done yet; retrying in under 1 s.",
            "Endpoint created: `ENDPOINT-1`. Getting a GPU machine.",
        ]
    )
    assert request_count(env, "create_endpoint") == 4
    assert len(env.friendli.endpoints) == 1


@pytest.mark.usefixtures("short_timeout_bot")
async def test_a_create_request_that_is_limited_for_too_long_is_given_up(env: Environment) -> None:
    """Like an outage, however long Friendli asks to wait; nothing was created."""
    env.friendli.faults.add(limited("3000"), operation="create_endpoint", times=None)
    await env.member.command(env.channel, LINE)
    await env.slack.until(lambda: root(env).buttons == ["Try again"], timeout=20)
    assert len(thread(env)) == 2
    assert "was limiting requests (429) for" in thread(env)[1]
    assert request_count(env, "create_endpoint") == 1
    assert not env.friendli.endpoints


@pytest.mark.usefixtures("bot")
async def test_a_wait_for_friendli_can_be_cancelled(env: Environment) -> None:
    """Then nothing is sent any more."""
    env.friendli.faults.add(limited("20"), operation="create_endpoint", times=None)
    await env.member.command(env.channel, LINE)
    await env.slack.until(lambda: thread(env) and "Cancel" in root(env).buttons)
    await env.member.click(root(env), "Cancel")
    await env.slack.until(lambda: "was cancelled" in root(env).text)
    assert request_count(env, "create_endpoint") == 1


async def test_a_wait_survives_a_restart(env: Environment, start_bot: StartBot) -> None:
    """A bot that stops meanwhile sends it after its next start, and tells nothing twice."""
    async with start_bot():
        await connect(env)
        env.friendli.faults.add(limited("1"), operation="create_endpoint")
        await env.member.command(env.channel, LINE)
        await env.slack.until(lambda: thread(env))
    async with start_bot():
        await env.slack.until(lambda: "Endpoint created" in thread(env)[-1])
    assert len(thread(env)) == 2
    assert request_count(env, "create_endpoint") == 2


@pytest.mark.usefixtures("bot")
async def test_an_operation_that_is_limited_waits_and_is_told_once(env: Environment) -> None:
    """It is carried out once Friendli takes it."""
    await env.member.command(env.channel, LINE)
    await env.slack.until(lambda: thread(env) and "Cancel" in root(env).buttons)
    env.friendli.faults.add(limited("0.2"), operation="terminate_endpoint", times=2)
    await env.member.click(root(env), "Cancel")
    await env.friendli.until(lambda: request_count(env, "terminate_endpoint") == 3)
    await env.slack.until(lambda: any("Terminating." in said for said in thread(env)))
    assert sum("is rate-limiting requests" in line for line in thread(env)) == 1


@pytest.mark.usefixtures("short_timeout_bot")
async def test_an_operation_that_is_limited_for_too_long_is_given_up(env: Environment) -> None:
    """With the API's own words, and what is true instead."""
    await env.member.command(env.channel, LINE)
    await env.slack.until(lambda: thread(env) and "Cancel" in root(env).buttons)
    env.friendli.faults.add(limited(), operation="terminate_endpoint", times=None)
    await env.member.click(root(env), "Cancel")
    await env.slack.until(lambda: "didn't terminate it" in thread(env)[-1], timeout=20)
    assert thread(env)[-1] == snapshot(
        "# Friendli didn't terminate it. It said: “slow <down>”. It may still be billed."
    )
    assert sum("is rate-limiting requests" in line for line in thread(env)) == 1
