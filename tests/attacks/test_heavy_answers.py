"""Answers without end, and those that take for ever, cost bounded memory and hold up nobody."""

import asyncio
import gzip
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from bot.sandbox.environment import Environment, connect
from bot.sandbox.faults import Hang
from tests.acceptance.thread_assertions import ephemeral_texts, root
from tests.attacks.processes import BotProcess, bot_process
from tests.attacks.test_connections import readiness
from tests.benchmarks.seeding import seed

MB = 1024 * 1024
PROJECTS = 100
DESCRIPTORS = 1024
# The flood and the bot share the machine.
WITHIN = 40.0
# Of all that the attacks in this file may add to the process.
MOST_GROWTH = 160 * MB

_STATUS = {"status": "INITIALIZING", "createdAt": "2026-11-02T10:00:00Z", "note": "x" * 50}
_LARGEST_PAGE = json.dumps({"data": {f"endpoint-{n}": _STATUS for n in range(12_000)}}).encode()
_BOMB = gzip.compress(b'{"data": {"a": "' + b"x" * 200 * MB)
# What each of the other teams' projects answers with, in turn.
GARBAGE: tuple[tuple[bytes, dict[str, str]], ...] = (
    (b'{"data": {"' + b"x" * 5 * MB, {}),
    (b"<title>" * (5 * MB // 7), {}),
    (b"[" * 5 * MB, {}),
    (b'{"data": {"a": {"status": "READY"}}, "nextCursor": "' + b"c" * 5 * MB + b'"}', {}),
    (_LARGEST_PAGE, {}),
    (_BOMB, {"Content-Encoding": "gzip"}),
)


@asynccontextmanager
async def flooding(env: Environment) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """A Friendli API that floods whoever lists the projects `project-<n>`, and serves all others.

    Yields:
        Its address, and what is set once each project was asked for.
    """
    asked: set[int] = set()
    all_asked = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        name = request.query.get("project_id", "")
        if name.startswith("project-"):
            number = int(name.removeprefix("project-"))
            asked.add(number)
            if len(asked) == PROJECTS:
                all_asked.set()
            body, headers = GARBAGE[number % len(GARBAGE)]
            status = 500 if number % len(GARBAGE) == 1 else 200
            return web.Response(status=status, body=body, headers=headers)
        async with http.request(
            request.method,
            f"{env.friendli.url}{request.path_qs}",
            headers={name: request.headers[name] for name in ("Authorization",)},
            json=await request.json() if request.can_read_body else None,
        ) as response:
            return web.Response(
                status=response.status,
                body=await response.read(),
                headers={
                    name: response.headers[name]
                    for name in ("Content-Type", "Date")
                    if name in response.headers
                },
            )

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    async with aiohttp.ClientSession() as http:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}", all_asked
        finally:
            await runner.cleanup()


def is_live(text: str) -> bool:
    """Whether a status message says so."""
    return "is live" in text


def report(what: str, bot: BotProcess, before: int) -> int:
    """Print by how much the bot's memory has grown, for whoever runs this with `-s`."""
    grown = bot.memory - before
    sys.stdout.write(f"\n{what}: {before / MB:.0f} MB before, {grown / MB:+.1f} MB\n")
    return grown


@pytest.mark.timeout(150)
async def test_a_flood_from_a_hundred_projects_holds_up_no_other_team(
    env: Environment, tmp_path: Path
) -> None:
    """While a hundred polls are answered with megabytes each, another team's endpoint goes live."""
    async with flooding(env) as (url, all_asked):
        settings = env.settings(friendli_api_url=url)
        await seed(settings, projects=PROJECTS, endpoints=1, channels=1)
        async with bot_process(
            env,
            tmp_path,
            descriptors=DESCRIPTORS,
            FRIENDLI_API_URL=url,
            POLL_SECONDS_TRANSITIONAL="1",
            FRIENDLI_RETRY_WAIT="5",
        ) as bot:
            before = bot.memory
            async with asyncio.timeout(WITHIN):
                await all_asked.wait()
            await connect(env)
            await env.member.command(
                env.channel, "org/model --gpu 1xH100 --replicas 1 --name calm --yes"
            )
            await env.slack.until(lambda: env.friendli.endpoints, timeout=WITHIN)
            env.clock.advance(3_600)
            await env.slack.until(lambda: is_live(root(env).text), timeout=WITHIN)
            assert await readiness(bot) == 200
            assert report("a hundred floods", bot, before) < MOST_GROWTH


async def test_a_slow_slack_costs_bounded_memory_and_loses_no_answer(
    env: Environment, tmp_path: Path
) -> None:
    """While no call is answered, a hundred commands are acknowledged at once; later, answered."""
    async with bot_process(env, tmp_path, descriptors=DESCRIPTORS) as bot:
        await connect(env)
        before = bot.memory
        slow = env.slack.faults.add(Hang(acts=True), times=None)
        await asyncio.gather(*(env.member.command(env.channel, "targets") for _ in range(100)))
        assert await readiness(bot) == 200
        grown = report("a slow Slack", bot, before)
        env.slack.faults.remove(slow)
        await env.slack.until(lambda: len(ephemeral_texts(env)) >= 100)
        assert grown < MOST_GROWTH
