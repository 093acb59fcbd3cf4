"""A Hugging Face Hub on loopback: real models' facts, and repos that can't be served."""

from collections.abc import Callable, Collection
from types import TracebackType
from typing import Self

from aiohttp import web

from bot.sandbox.clock import SandboxClock
from bot.sandbox.faults import FaultPlan
from bot.sandbox.hub.app import Api
from bot.sandbox.hub.exchange import HubRequest, HubRequests, exchange_through
from bot.sandbox.hub.rate_limits import Limits, RateLimiter, documented_limits
from bot.sandbox.hub.repo import Repo
from bot.sandbox.hub.repos import Repos


class HubSandbox:
    """Serves the Hub on loopback.

    Args:
        clock: Of rate limits and slow answers; the Hub's is as fast as life in the demo, too.
        tree_page: Entries of a tree's page.
    """

    def __init__(
        self, clock: SandboxClock, *, limits: Limits | None = None, tree_page: int = 1000
    ) -> None:
        self.clock = clock
        self.tree_page = tree_page
        self.faults = FaultPlan()
        self._log = HubRequests()
        self.url = ""
        self._repos = Repos()
        self._limiter = RateLimiter(limits or documented_limits(), clock.monotonic)
        self._runner: web.AppRunner | None = None

    @property
    def requests(self) -> list[HubRequest]:
        """All of them, oldest first."""
        return self._log.records

    def on_request(self, callback: Callable[[HubRequest], None]) -> Callable[[], None]:
        """Call `callback` at the start and end of each request; returns the undo function."""
        return self._log.subscribe(callback)

    def add(self, repo: Repo) -> None:
        """Add a repo, or replace the one of the same name."""
        self._repos.add(repo)

    def remove(self, name: str) -> None:
        """Delete a repo."""
        self._repos.remove(name)

    def repo(self, name: str) -> Repo:
        """A repo, public or not.

        Raises:
            LookupError: There is none.
        """
        found = self._repos.get(name)
        if found is None:
            raise LookupError(f"there is no repo {name}")
        return found

    def add_token(self, token: str, *, reads: Collection[str] = ()) -> None:
        """Accept a token; `reads`: the private and gated repos that it may read."""
        self._repos.add_token(token, reads)

    def set_limits(self, limits: Limits) -> None:
        """Change the rate limits, and count anew."""
        self._limiter = RateLimiter(limits, self.clock.monotonic)

    async def __aenter__(self) -> Self:
        exchange = exchange_through(self.faults, self._log, lambda: self._limiter, self.clock)
        app = web.Application(middlewares=[exchange])
        Api(self._repos, lambda: self.tree_page).add_routes(app.router)
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
