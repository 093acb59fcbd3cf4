"""Replicas of the bot as processes that can be killed and stalled."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp

from tests.chaos.prefork import Forked, Order

_STARTS_WITHIN = 60.0
_LOOKS_EVERY = 0.05
_ATTEMPTS = 3


class NotStartedError(Exception):
    """A replica ended, or didn't listen in time."""


class Replica:
    """`serve` in a process of its own.

    Args:
        name: Of its log file.
        environment: Its settings, without HOST and PORT.
        folder: Where it runs and logs.
        fork: Starts the process.

    Attributes:
        log: Of all its lives.
        awake: Set unless it is stalled.
    """

    def __init__(
        self,
        name: str,
        environment: dict[str, str],
        folder: Path,
        fork: Callable[[Order], Awaitable[Forked]],
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self.deaths = 0
        self._environment = environment
        self._folder = folder
        self._fork = fork
        self._port = 0
        self._process: Forked | None = None
        self._stalled: asyncio.TimerHandle | None = None
        self.awake = asyncio.Event()
        self.awake.set()
        self._starting = False

    @property
    def events_url(self) -> str:
        return f"http://127.0.0.1:{self._port}/slack/events"

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.is_running and not self._starting

    @property
    def is_responsive(self) -> bool:
        """It lives and isn't stalled."""
        return self.is_alive and self._stalled is None

    async def start(self) -> None:
        """Return once it listens.

        Raises:
            NotStartedError: With the end of its log.
        """
        self._starting = True
        try:
            for attempt in range(_ATTEMPTS):
                if await self._start():
                    return
                # The port that was free has been taken by somebody else.
                await asyncio.sleep(attempt * 0.1)
        finally:
            self._starting = False
        raise NotStartedError(f"{self.name} didn't start:\n{self.tail(20)}")

    def kill(self) -> None:
        """SIGKILL."""
        process, self._process = self._process, None
        self._awake()
        if process is not None and process.is_running:
            self.deaths += 1
            process.send(signal.SIGKILL)

    def stall(self, seconds: float) -> None:
        """SIGSTOP, and SIGCONT later."""
        if not self.is_responsive:
            return
        self._send(signal.SIGSTOP)
        self.awake.clear()
        self._stalled = asyncio.get_running_loop().call_later(seconds, self.go_on)

    def go_on(self) -> None:
        if self._stalled is not None:
            self._awake()
            self._send(signal.SIGCONT)

    async def end(self) -> None:
        process = self._process
        self.kill()
        if process is not None:
            await process.wait()

    def tail(self, lines: int) -> str:
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    async def _start(self) -> bool:
        self._port = _free_port()
        listening = {"HOST": "127.0.0.1", "PORT": str(self._port)}
        order = Order({**self._environment, **listening}, str(self._folder), str(self.log))
        process = await self._fork(order)
        self._process = process
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STARTS_WITHIN), aiohttp.ClientSession() as http:
                while process.is_running:
                    with contextlib.suppress(aiohttp.ClientError):
                        url = f"http://127.0.0.1:{self._port}/healthz"
                        async with http.get(url) as answer:
                            if answer.ok:
                                return True
                    await asyncio.sleep(_LOOKS_EVERY)
        # A kill while it started is a death like any other: the caller starts it again.
        self._process = None
        process.send(signal.SIGKILL)
        await process.wait()
        return False

    def _awake(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
            self.awake.set()

    def _send(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send(number)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
