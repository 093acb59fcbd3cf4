"""A Hugging Face Hub on loopback: which models exist, without their contents."""

from types import TracebackType
from typing import Self

from aiohttp import web

from bot.sandbox.clock import SandboxClock
from bot.sandbox.faults import Call, FaultPlan
from bot.sandbox.serving import serve


class HubSandbox:
    """Serves the Hub on loopback.

    Attributes:
        models: Existing models. One without an organisation redirects to another name, as the
            Hub's oldest ones do.
        requested_models: The names, oldest first.
    """

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock
        self._runner: web.AppRunner | None = None
        self.models = {"gpt2"}
        self.faults = FaultPlan()
        self.requested_models: list[str] = []
        self.url = ""

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/api/models/{name:.+}", self._model)
        app.router.add_get("/{name:.+}", self._page)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.faults.clear()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _model(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        self.requested_models.append(name)

        async def answer() -> web.Response:
            if name not in self.models:
                return web.json_response({"error": "Repository not found"}, status=401)
            if "/" not in name:
                moved = {"Location": f"/api/models/openai-community/{name}"}
                return web.Response(status=307, headers=moved)
            return web.json_response({"id": name})

        call = Call("get_model", request.method, request.path)
        return (await serve(self.faults, call, request, answer, self._clock)).response

    async def _page(self, request: web.Request) -> web.Response:
        return web.Response(text=f"The sandbox's page of {request.match_info['name']}")
