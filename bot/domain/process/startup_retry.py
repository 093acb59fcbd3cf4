"""Connect to dependencies at startup: refuse wrong settings, retry during outages."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable

import structlog

from bot.domain.errors import BotError, ConfigError

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class UnreachableError(BotError):
    """A dependency is temporarily unreachable; `reason` is the error's name, for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class StartupRetry:
    """Retries until it succeeds.

    Args:
        attempt: Connects. Raises UnreachableError to be retried, ConfigError if only a person
            can help.
        timeout: Seconds that `start` waits for the first attempt; after that it continues in
            the background.

    Attributes:
        reached: Set once an attempt has succeeded.
    """

    def __init__(
        self,
        part: str,
        attempt: Callable[[], Awaitable[object]],
        *,
        pause: float,
        timeout: float = 5.0,
    ) -> None:
        self.reached = asyncio.Event()
        self._part = part
        self._attempt = attempt
        self._pause = pause
        self._patience = timeout
        self._first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Make the first attempt, or raise ConfigError; retries continue in the background."""
        self._task = asyncio.create_task(self._try_until_reached(), name=f"reach {self._part}")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._patience):
                await asyncio.shield(self._first)
        # The start is over: results are logged from now on.
        self._first.cancel()

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _try_until_reached(self) -> None:
        while not self.reached.is_set():
            try:
                await self._attempt()
            except UnreachableError as error:
                log.warning("can't be reached yet", part=self._part, error=error.reason)
                self._report()
            except Exception as error:
                if self._report(error):
                    return
                log.exception("can't be reached", part=self._part)
            else:
                self.reached.set()
                self._report()
                return
            await asyncio.sleep(self._pause)

    def _report(self, error: Exception | None = None) -> bool:
        """Report the first attempt's outcome to `start`; returns whether it still waited."""
        if self._first.done():
            return False
        if error is None:
            self._first.set_result(None)
        else:
            self._first.set_exception(error)
        return True


async def start_all(parts: Iterable[StartupRetry]) -> None:
    """Start them concurrently; raises ConfigError with the problems of all."""
    problems: list[str] = []
    for outcome in await asyncio.gather(*(part.start() for part in parts), return_exceptions=True):
        if isinstance(outcome, ConfigError):
            problems += outcome.problems
        elif outcome is not None:
            raise outcome
    if problems:
        raise ConfigError(problems)
