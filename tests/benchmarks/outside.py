"""Run as a process: a Friendli API and a Slack that cost next to nothing, for the bot to talk to.

They answer what the measured work asks for and nothing else. Endpoints are `<project>-<number>`,
all of them starting; `POST /change` moves one to its next phase, and `GET /told` tells how long
each change took until Slack was sent a message about it.
"""

import asyncio
import json
import time
from collections import defaultdict

from aiohttp import web

from tests.benchmarks.caller import fields
from tests.benchmarks.process import answer_marks

_PHASES = ("REQUESTING_VIRTUAL_MACHINE", "DOWNLOADING_MODEL", "ENGINE_INITIALIZING")
_IDENTITY = {"ok": True, "user_id": "UBOT", "bot_id": "BBOT", "team_id": "T1", "url": "https://x/"}


class Dependencies:
    """Both APIs.

    Args:
        endpoints: In each project.
    """

    def __init__(self, endpoints: int) -> None:
        self._endpoints = endpoints
        self._phases: defaultdict[str, int] = defaultdict(int)
        self._pages: dict[str, bytes] = {}
        self._requests = 0
        self._statuses = 0
        self._changed: dict[str, float] = {}
        self._told: list[float] = []
        self._to_hold = False
        self._held = asyncio.Event()
        self._listed = asyncio.Event()

    def routes(self) -> list[web.RouteDef]:
        """What is served."""
        return [
            web.get("/dedicated/beta/endpoint", self.page),
            web.get("/dedicated/beta/endpoint/{id}/status", self.status),
            web.post("/api/{method}", self.slack),
            web.post("/change", self.change),
            web.get("/told", self.told),
            web.get("/asked", self.asked),
            web.get("/hold", self.hold),
            web.get("/held", self.held),
            web.get("/listed", self.listed),
        ]

    async def page(self, request: web.Request) -> web.Response:
        """All endpoints of a project."""
        self._requests += 1
        self._statuses += self._endpoints
        if self._to_hold:
            self._to_hold = False
            self._held.set()
            self._listed.clear()
            await asyncio.Event().wait()
        self._listed.set()
        project = request.query["project_id"]
        page = self._pages.get(project)
        if page is None:
            ids = [f"{project}-{number}" for number in range(self._endpoints)]
            listed = {"data": {id_: self._status(id_) for id_ in ids}, "nextCursor": None}
            page = self._pages[project] = json.dumps(listed).encode()
        return web.Response(body=page, content_type="application/json")

    async def status(self, request: web.Request) -> web.Response:
        """One endpoint."""
        self._requests += 1
        self._statuses += 1
        return web.json_response(self._status(request.match_info["id"]))

    async def slack(self, request: web.Request) -> web.Response:
        """Any method of Slack's, all of which succeed."""
        method = request.match_info["method"]
        if method == "auth.test":
            return web.json_response(_IDENTITY)
        if method == "conversations.info":
            return web.json_response({"ok": True, "channel": {"id": "C1", "is_member": True}})
        sent = await fields(request)
        if method == "chat.postMessage" and "thread_ts" in sent:
            self._note(sent["thread_ts"])
        message = {"thread_ts": "1.000001"}
        return web.json_response({"ok": True, "ts": f"{time.time():.6f}", "message": message})

    async def change(self, request: web.Request) -> web.Response:
        """Move an endpoint to its next phase; its thread's root tells which one it is."""
        asked = await request.json()
        endpoint: str = asked["endpoint"]
        self._phases[endpoint] += 1
        self._pages.pop(endpoint.rpartition("-")[0], None)
        self._changed[asked["root"]] = time.monotonic()
        return web.json_response({})

    async def told(self, _request: web.Request) -> web.Response:
        """Seconds from a change to its message, and how many changes have none yet."""
        return web.json_response({"seconds": self._told, "untold": len(self._changed)})

    async def asked(self, _request: web.Request) -> web.Response:
        """Requests to the Friendli API, and the statuses that they told."""
        return web.json_response({"requests": self._requests, "statuses": self._statuses})

    async def hold(self, _request: web.Request) -> web.Response:
        """Never answer whoever asks for a list next."""
        self._held.clear()
        self._to_hold = True
        return web.Response()

    async def held(self, _request: web.Request) -> web.Response:
        """Answer once somebody waits for a list in vain."""
        await self._held.wait()
        return web.Response()

    async def listed(self, _request: web.Request) -> web.Response:
        """Answer once somebody else has got a list since."""
        await self._listed.wait()
        return web.Response()

    def _note(self, root: str) -> None:
        since = self._changed.pop(root, None)
        if since is not None:
            self._told.append(time.monotonic() - since)

    def _status(self, endpoint: str) -> dict[str, str]:
        return {
            "status": "INITIALIZING",
            "phase": _PHASES[self._phases[endpoint] % len(_PHASES)],
            "createdAt": "2026-11-02T10:00:00Z",
            "updatedAt": "2026-11-02T10:00:00Z",
        }


async def _main(endpoints: int) -> None:
    application = web.Application()
    application.add_routes(Dependencies(endpoints).routes())
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    await answer_marks(url=f"http://127.0.0.1:{runner.addresses[0][1]}")
    await runner.cleanup()


if __name__ == "__main__":
    import sys

    asyncio.run(_main(int(sys.argv[1])))
