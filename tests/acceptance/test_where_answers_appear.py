"""Answers appear where the person clicked, and every click shows something soon."""

import asyncio
import sqlite3
import time

import pytest

from bot.sandbox.environment import Environment, connect
from tests.acceptance.deploying import REPLICA, serve
from tests.acceptance.endpoints import request_count
from tests.acceptance.test_guests import invite_guest
from tests.acceptance.test_lifetime import warned
from tests.acceptance.thread_assertions import ephemeral_texts, root
from tests.conftest import StartBot

SLOW = "Working on it. This takes longer than usual."


@pytest.mark.usefixtures("bot")
async def test_a_refusal_appears_where_the_button_is(env: Environment) -> None:
    """For the card in the channel, outside of its thread; for a reply, in the thread."""
    await serve(env, options=f"{REPLICA} --for 8h")
    await warned(env)
    guest = invite_guest(env)
    await guest.click(root(env), "Sleep")
    [in_channel] = await env.slack.until(lambda: guest.ephemerals(env.channel))
    assert (in_channel.channel_id, in_channel.thread_ts) == (env.channel.id, None)
    [reply] = [
        one for one in env.channel.replies(root(env).ts) if "lifetime.keep" in str(one.blocks)
    ]
    await guest.click(reply, "lifetime.keep")
    await env.slack.until(lambda: len(guest.ephemerals(env.channel)) > 1)
    assert guest.ephemerals(env.channel)[-1].thread_ts == root(env).ts


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
