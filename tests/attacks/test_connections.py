"""Strangers who open connections and never finish a request stop nobody else."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

from bot.commands.registry import SLASH
from bot.sandbox.environment import Environment
from tests.attacks.harness import ANSWER_SECONDS, form_encoded, signature_headers
from tests.attacks.processes import BotProcess, bot_process
from tests.conftest import StartBot

HOST = b"Host: bot\r\n"
POST = b"POST /slack/events HTTP/1.1\r\n" + HOST
SIGNED = b"X-Slack-Signature: v0=0\r\nX-Slack-Request-Timestamp: 1\r\n"
# What is sent at once, and what is then sent again and again.
ATTACKS: dict[str, tuple[bytes, bytes]] = {
    "nothing": (b"", b""),
    "half a request line": (b"GET /rea", b""),
    "half a head": (POST, b""),
    "a head without end": (POST, b"X: y\r\n"),
    "half a body": (POST + SIGNED + b"Content-Length: 900\r\n\r\nx", b""),
    "a slow body": (POST + SIGNED + b"Content-Length: 900\r\n\r\n", b"x"),
    "chunks without end": (POST + SIGNED + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "a huge body": (POST + SIGNED + b"Content-Length: 1000000000\r\n\r\n", b"x" * 1000),
    "a body for nobody": (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 900\r\n\r\n", b"x"),
    "a slow second head": (b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\nGET /", b""),
}
NOT_HTTP = (
    b"\x16\x03\x01\x02\x00\x01\x00",
    b"G\x00T / HTTP/1.1\r\n\r\n",
    b"\r\n" * 9,
    b"SSH-2.0\r\n\r\n",
)
# Enough for any deadline of the bot, and some more for a machine that is busy.
CLOSED_WITHIN = 20.0
MB = 1024 * 1024


async def kept_waiting(url: str, attack: str) -> float:
    """Keep a bot waiting; returns the seconds until it closed the connection."""
    at_once, again = ATTACKS[attack]
    address = urlsplit(url)
    started = time.monotonic()
    reader, writer = await asyncio.open_connection(address.hostname, address.port)

    async def drip() -> None:
        while again:
            writer.write(again)
            await writer.drain()
            await asyncio.sleep(0.2)

    dripping = asyncio.create_task(drip())
    try:
        writer.write(at_once)
        with suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(CLOSED_WITHIN):
                await reader.read()
        return time.monotonic() - started
    finally:
        dripping.cancel()
        await asyncio.gather(dripping, return_exceptions=True)
        writer.transport.abort()


@pytest.mark.parametrize("mode", ["http", "socket"])
async def test_whoever_keeps_the_bot_waiting_is_cut_off(start_bot: StartBot, mode: str) -> None:
    """A head, a body or a second request that doesn't come ends its connection in seconds."""
    overrides: dict[str, object] = (
        {"slack_app_token": "sandbox-app-token", "slack_signing_secret": None}
        if mode == "socket"
        else {}
    )
    async with start_bot(**overrides) as bot:
        waited = await asyncio.gather(*(kept_waiting(bot.url, attack) for attack in ATTACKS))
    late = dict(zip(ATTACKS, waited, strict=True))
    assert {name: took for name, took in late.items() if took >= CLOSED_WITHIN} == {}


async def test_what_is_too_long_is_refused_before_it_is_read(start_bot: StartBot) -> None:
    """A body's announced length is enough to say no."""
    async with start_bot() as bot:
        address = urlsplit(bot.url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(POST + SIGNED + b"Content-Length: 1048577\r\n\r\n")
        async with asyncio.timeout(ANSWER_SECONDS):
            assert b" 413 " in await reader.readline()
        writer.transport.abort()


@asynccontextmanager
async def half_open(bot: BotProcess, count: int) -> AsyncIterator[None]:
    """Keep so many connections half open, each in one of the ways; reopen what the bot closes."""
    address = urlsplit(bot.url)
    ways = list(ATTACKS.values())

    async def keep(number: int) -> None:
        at_once, again = ways[number % len(ways)]
        while True:
            with suppress(OSError):
                reader, writer = await asyncio.open_connection(address.hostname, address.port)
                try:
                    writer.write(at_once)
                    # The end of the connection, or of its turn.
                    with suppress(TimeoutError):
                        async with asyncio.timeout(3):
                            while again:
                                writer.write(again)
                                await writer.drain()
                                await asyncio.sleep(0.5)
                            await reader.read()
                finally:
                    writer.transport.abort()
            # Others on this machine want to work too.
            await asyncio.sleep(3)

    attackers = [asyncio.create_task(keep(number)) for number in range(count)]
    try:
        yield
    finally:
        for one in attackers:
            one.cancel()
        await asyncio.gather(*attackers, return_exceptions=True)


@pytest.mark.parametrize("mode", ["http", "socket"])
async def test_half_open_connections_stop_nobody(
    env: Environment, tmp_path: Path, mode: str
) -> None:
    """With 256 descriptors and 1,000 strangers, health checks and Slack are served all the time."""
    async with bot_process(env, tmp_path, descriptors=256, socket_mode=mode == "socket") as bot:
        assert await readiness(bot) == 200
        before = bot.memory
        async with half_open(bot, 1_000):
            await asyncio.sleep(1)  # the attack begins
            for _ in range(20):
                # Each over a new connection, as a load balancer does.
                assert await readiness(bot) == 200
                if mode == "http":
                    assert await a_command(env, bot) == 200
                assert bot.descriptors < 200
            grown = bot.memory - before
        assert grown < 48 * MB
        assert bot.log.stat().st_size < 100_000
        assert "Traceback" not in bot.log.read_text()


async def readiness(bot: BotProcess) -> int:
    """What `/readyz` answers over a connection of its own."""
    async with aiohttp.ClientSession() as http, http.get(f"{bot.url}/readyz") as answer:
        return answer.status


async def a_command(env: Environment, bot: BotProcess) -> int:
    """The status of the answer to a signed command over a connection of its own."""
    member = env.member
    form = member._slack.payloads.command(member.user, env.channel, SLASH, "help")
    body = form_encoded(form)
    headers = {"Content-Type": "application/x-www-form-urlencoded", **signature_headers(body)}
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())
        started = time.monotonic()
        answer = await stack.enter_async_context(
            http.post(f"{bot.url}/slack/events", data=body, headers=headers)
        )
        await answer.read()
        assert time.monotonic() - started < ANSWER_SECONDS
        return answer.status


async def test_what_is_not_http_or_breaks_off_leaves_no_traceback(
    env: Environment, tmp_path: Path
) -> None:
    """Whatever strangers send, and however they leave, the log stays small and calm."""
    async with bot_process(env, tmp_path, descriptors=256) as bot:
        address = urlsplit(bot.url)
        for sent in [*NOT_HTTP, *(at_once for at_once, _ in ATTACKS.values())] * 10:
            _, writer = await asyncio.open_connection(address.hostname, address.port)
            writer.write(sent)
            await writer.drain()
            writer.transport.abort()
        assert await readiness(bot) == 200
    assert "Traceback" not in bot.log.read_text()
    assert bot.log.stat().st_size < 20_000
