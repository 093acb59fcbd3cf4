"""Run as a process: an inference API at a steady pace and a Slack that takes whatever comes.

`GET /first` tells how long each answer took from its first token here to Slack's first update of
its thread here, in seconds.
"""

import asyncio
import json
import time

from aiohttp import web

from tests.benchmarks.caller import fields
from tests.benchmarks.process import answer_marks

_IDENTITY = {"ok": True, "user_id": "UBOT", "bot_id": "BBOT", "team_id": "T1", "url": "https://x/"}


class Apis:
    """Both APIs; an endpoint's id is the timestamp of its thread."""

    def __init__(self, tokens: int, tokens_per_second: float) -> None:
        self._tokens = tokens
        self._between = 1 / tokens_per_second
        self._first: dict[str, float] = {}
        self._seconds: list[float] = []
        self._posted = 0

    def routes(self) -> list[web.RouteDef]:
        """What is served."""
        return [
            web.post("/dedicated/v1/chat/completions", self.chat),
            web.post("/api/{method}", self.slack),
            web.get("/first", self.first),
        ]

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """An answer, token by token."""
        endpoint = (await request.json())["model"]
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        chunk = {"choices": [{"index": 0, "delta": {"content": " token"}}]}
        token = f"data: {json.dumps(chunk)}\n\n".encode()
        await asyncio.sleep(0.5)
        due = time.monotonic()
        for number in range(self._tokens):
            if number == 0:
                self._first[endpoint] = time.monotonic()
            await response.write(token)
            due += self._between
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        usage = {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": self._tokens}}
        await response.write(f"data: {json.dumps(usage)}\n\ndata: [DONE]\n\n".encode())
        await response.write_eof()
        return response

    async def slack(self, request: web.Request) -> web.Response:
        """Any method of Slack's, all of which succeed."""
        method = request.match_info["method"]
        if method == "auth.test":
            return web.json_response(_IDENTITY)
        if method == "chat.startStream":
            sent = await fields(request)
            self._seconds.append(time.monotonic() - self._first[sent["thread_ts"]])
        self._posted += 1
        return web.json_response({"ok": True, "ts": f"{time.time_ns() / 1e9:.6f}"})

    async def first(self, _request: web.Request) -> web.Response:
        """The seconds so far."""
        return web.json_response(self._seconds)


async def _main(tokens: int, tokens_per_second: float) -> None:
    application = web.Application()
    application.add_routes(Apis(tokens, tokens_per_second).routes())
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=512).start()
    await answer_marks(url=f"http://127.0.0.1:{runner.addresses[0][1]}")
    await runner.cleanup()


if __name__ == "__main__":
    import sys

    asyncio.run(_main(int(sys.argv[1]), float(sys.argv[2])))
