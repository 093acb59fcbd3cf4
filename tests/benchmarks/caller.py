"""Slack as the caller: signs requests, sends them over kept connections, and sees forms open."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self
from urllib.parse import parse_qsl, urlencode, urlsplit

from aiohttp import web
from pydantic import JsonValue

from bot.sandbox.slack.signing import signature
from tests.benchmarks.bots import SIGNING_SECRET

_WITHIN = 20.0


class Slack:
    """Answers the Web API, and tells when a form was asked for.

    Attributes:
        url: Its address.
    """

    def __init__(self) -> None:
        self.url = ""
        self._opening: dict[str, asyncio.Future[float]] = {}

    def opening(self, trigger_id: str) -> asyncio.Future[float]:
        """When a form is asked for with this trigger, by this process's clock."""
        future = asyncio.get_running_loop().create_future()
        self._opening[trigger_id] = future
        return future

    async def _answer(self, request: web.Request) -> web.Response:
        arrived = time.perf_counter()
        answer: dict[str, JsonValue] = {"ok": True}
        match request.match_info["method"]:
            case "auth.test":
                answer |= {"user_id": "UBOT", "bot_id": "BBOT", "team_id": "T1"}
            case "views.open":
                trigger = (await fields(request))["trigger_id"]
                self._opening.pop(trigger).set_result(arrived)
                answer |= {"view": {"id": "V1"}}
            case "conversations.info":
                answer |= {"channel": {"id": "C1", "is_member": True}}
            case _:
                answer |= {"ts": f"{time.time():.6f}"}
        return web.json_response(answer)

    async def _take(self, _request: web.Request) -> web.Response:
        # What a person is shown in answer to a click.
        return web.Response()

    async def _refuse(self, request: web.Request) -> web.Response:
        # Friendli lists nothing, and takes nobody's money.
        refused = request.method == "POST"
        return web.json_response({"data": {}}, status=402 if refused else 200)

    @classmethod
    @asynccontextmanager
    async def serve(cls) -> AsyncIterator[Self]:
        """Serve on a free port of loopback."""
        slack = cls()
        application = web.Application()
        application.add_routes(
            [
                # slack_sdk asks by GET for what it only reads.
                web.route("*", "/api/{method}", slack._answer),
                web.post("/actions/x", slack._take),
                web.route("*", "/{rest:.*}", slack._refuse),
            ]
        )
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        slack.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield slack
        finally:
            await runner.cleanup()


async def fields(request: web.Request) -> dict[str, str]:
    """The texts among what slack_sdk sends, as JSON or as a form."""
    body = await request.read()
    if request.content_type == "application/json":
        sent: dict[str, JsonValue] = json.loads(body)
        return {name: value for name, value in sent.items() if isinstance(value, str)}
    return dict(parse_qsl(body.decode()))


class Line:
    """One kept connection to what takes Slack's requests."""

    def __init__(
        self, url: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._reader = reader
        self._writer = writer
        address = urlsplit(url)
        self._head = (
            f"POST {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n"
        )

    async def send(self, fields: dict[str, str]) -> tuple[float, float]:
        """Send a signed request; return when it left and when its acknowledgement was there."""
        body = urlencode(fields).encode()
        timestamp = str(int(time.time()))
        head = (
            f"{self._head}X-Slack-Request-Timestamp: {timestamp}\r\n"
            f"X-Slack-Signature: {signature(SIGNING_SECRET, timestamp, body)}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        left = time.perf_counter()
        self._writer.write(head.encode() + body)
        async with asyncio.timeout(_WITHIN):
            answer = await self._reader.readuntil(b"\r\n\r\n")
            acknowledged = time.perf_counter()
            length = answer.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            await self._reader.readexactly(int(length or 0))
        if not answer.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"not acknowledged: {answer[:60]!r}")
        return left, acknowledged

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


@asynccontextmanager
async def lines(url: str, count: int) -> AsyncIterator[list[Line]]:
    """Open so many connections."""
    address = urlsplit(url)
    opened = [
        Line(url, *await asyncio.open_connection(address.hostname, address.port))
        for _ in range(count)
    ]
    try:
        yield opened
    finally:
        for line in opened:
            line.close()
