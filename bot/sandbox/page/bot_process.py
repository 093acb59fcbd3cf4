"""The bot as a separate process that can be stopped, killed and restarted."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

import aiohttp
from pydantic import SecretStr

import bot
from bot.config import Settings
from bot.domain.errors import ConfigError

_START_TIMEOUT = 30.0
_STOP_TIMEOUT = 12.0
_CHECK_INTERVAL = 0.05
_LOG_LINES_SHOWN = 5


class BotState(StrEnum):
    STARTING = "starting"
    RUNNING = "running"
    STOPPED = "stopped"


class BotProcess:
    """`serve` in a child process, its settings in the environment.

    Args:
        settings: Only those that were set are passed on.
        folder: Its working folder, with its log; must have no `.env`.
        port: Its port on 127.0.0.1, the same after a restart; 0 takes a free one.
    """

    def __init__(self, settings: Settings, folder: Path, *, port: int = 0) -> None:
        self._port = port or _free_port()
        self._environment = {**environment(settings), "HOST": "127.0.0.1", "PORT": str(self._port)}
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._changing = asyncio.Lock()
        self._callbacks: list[Callable[[], None]] = []
        self.state = BotState.STOPPED
        self.log = folder / "bot.log"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def on_change(self, callback: Callable[[], None]) -> None:
        self._callbacks.append(callback)

    async def start(self) -> None:
        """Start it and return once it listens; no-op if it runs.

        Raises:
            ConfigError: It ended, or didn't listen in time; with the last lines of its log.
        """
        async with self._changing:
            if self._process is None:
                await self._start()

    async def stop(self) -> None:
        """Terminate it and wait; it is killed if that takes too long."""
        async with self._changing:
            await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        async with self._changing:
            await self._end(signal.SIGKILL)

    async def restart(self) -> None:
        async with self._changing:
            await self._end(signal.SIGTERM)
            await self._start()

    async def _start(self) -> None:
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "bot.sandbox.page.parent_watchdog", "serve"),
                cwd=self._folder,
                env=self._environment,
                stdin=asyncio.subprocess.PIPE,
                stdout=log,
                stderr=log,
                # Ctrl-C in the terminal is for the parent, which stops the child in order.
                start_new_session=True,
            )
        self._set_state(BotState.STARTING)
        self._watcher = asyncio.create_task(self._watch(self._process))
        try:
            async with asyncio.timeout(_START_TIMEOUT):
                await self._listening(self._process)
        except TimeoutError:
            await self._end(signal.SIGKILL)
            raise ConfigError([f"The bot didn't start within {_START_TIMEOUT:g} s"]) from None
        except asyncio.CancelledError:
            await self._end(signal.SIGKILL)
            raise
        self._set_state(BotState.RUNNING)

    async def _listening(self, process: asyncio.subprocess.Process) -> None:
        async with aiohttp.ClientSession() as http:
            while process.returncode is None:
                with contextlib.suppress(aiohttp.ClientError):
                    async with http.get(f"{self.url}/healthz") as answer:
                        if answer.ok:
                            return
                await asyncio.sleep(_CHECK_INTERVAL)
        raise ConfigError(["The bot ended right after its start. It said:", *self._log_tail()])

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        await process.wait()
        self._process = None
        self._set_state(BotState.STOPPED)

    async def _end(self, how: signal.Signals) -> None:
        process, watcher = self._process, self._watcher
        if process is None or watcher is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(how)
        try:
            async with asyncio.timeout(_STOP_TIMEOUT):
                await asyncio.shield(watcher)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await watcher

    def _set_state(self, state: BotState) -> None:
        self.state = state
        for callback in self._callbacks:
            callback()

    def _log_tail(self) -> list[str]:
        return self.log.read_text(errors="replace").splitlines()[-_LOG_LINES_SHOWN:]


def environment(settings: Settings) -> dict[str, str]:
    names = {name.upper() for name in Settings.model_fields}
    kept = {name: value for name, value in os.environ.items() if name.upper() not in names}
    # The child imports this same package, wherever it runs.
    paths = [str(Path(bot.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    for name in settings.model_fields_set:
        value: object = getattr(settings, name)
        if value is not None:
            kept[name.upper()] = _plain(value)
    return kept


def _plain(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, list | frozenset):
        return ",".join(_plain(item) for item in value)
    return str(value)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
