"""Answers appear where the person clicked, and every click shows something soon."""

import asyncio
import sqlite3
import time
from functools import partial

import pytest

from bot.domain.policy import Policy
from bot.sandbox.environment import Environment, connect
from bot.sandbox.slack.conversations import Message
from bot.sandbox.slack.user_client import UserClient
from tests.acceptance.deploying import REPLICA, serve
from tests.acceptance.due_times import set_policy
from tests.acceptance.endpoints import request_count
from tests.acceptance.test_guests import invite_guest
from tests.acceptance.test_lifetime import warned
from tests.acceptance.thread_assertions import ephemeral_texts, root
from tests.conftest import StartBot

SLOW = "Working on it. This takes longer than usual."


@pytest.mark.usefixtures("bot")
async def test_a_refusal_appears_where_the_button_is(env: Environment) -> None:
    """For the card in the channel, outside of its thread; for what is in the thread, there."""
    await serve(env, options=f"{REPLICA} --for 8h")
    await warned(env)
    await set_policy(env, Policy(guests_may_act=True))
    guest = invite_guest(env)
    await guest.mention(env.channel, "terminate", thread=root(env))
    [question] = await env.slack.until(lambda: guest.ephemerals(env.channel))
    assert question.thread_ts == root(env).ts
    await set_policy(env, Policy(guests_may_act=False))
    for label in ("Sleep", "lifetime.keep"):
        seen = guest.ephemerals(env.channel)
        await guest.click(root(env), label)
        [in_channel] = await env.slack.until(partial(newer, env, guest, seen))
        assert (in_channel.channel_id, in_channel.thread_ts) == (env.channel.id, None)
        assert "another organisation" in in_channel.text
    seen = guest.ephemerals(env.channel)
    await guest.click(question, "Terminate")
    [in_thread] = await env.slack.until(partial(newer, env, guest, seen))
    assert in_thread.thread_ts == root(env).ts
    assert "another organisation" in in_thread.text
    assert request_count(env, "terminate_endpoint") == 0


def newer(env: Environment, person: UserClient, seen: list[Message]) -> list[Message]:
    """What only this person was shown since."""
    return [one for one in person.ephemerals(env.channel) if one not in seen]


async def test_a_click_shows_something_while_the_database_is_slow(
    env: Environment, start_bot: StartBot
) -> None:
    """Within a second; what was clicked is done once the database can write."""
    async with start_bot(slow_notice_after=0.2):
        await connect(env)
        await serve(env)
        locked = sqlite3.connect(env.database.removeprefix("sqlite:///"), isolation_level=None)
        locked.execute("BEGIN IMMEDIATE")
        clicked = time.monotonic()
        click = asyncio.create_task(env.member.click(root(env), "Sleep"))
        await env.slack.until(lambda: SLOW in ephemeral_texts(env))
        assert time.monotonic() - clicked < 1
        locked.execute("ROLLBACK")
        locked.close()
        assert (await click).ok
        await env.friendli.until(lambda: request_count(env, "sleep_endpoint") == 1)
        assert ephemeral_texts(env) == [SLOW]


async def test_a_quick_click_has_no_notice(env: Environment, start_bot: StartBot) -> None:
    """What it did shows by itself."""
    async with start_bot(slow_notice_after=2):
        await connect(env)
        await serve(env)
        await env.member.click(root(env), "Sleep")
        await env.friendli.until(lambda: request_count(env, "sleep_endpoint") == 1)
        assert ephemeral_texts(env) == []
