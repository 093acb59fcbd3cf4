"""Forks bots from a process that has imported everything and run once (`tests.chaos.warm_up`).

Imports are most of a start's time, and a run starts several bots. A fork continues as `python -m
bot.sandbox.page.parent_watchdog serve` in a session of its own: it can be killed and stalled like
any process.

As a program it reads a JSON object per line from its standard input and answers with a process id.
When the input ends, all its forks end.
"""

import asyncio
import json
import os
import runpy
import signal
import sys
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Self

# Its standard output, in the program.
_ANSWERS = 1


@dataclass(frozen=True, slots=True)
class Order:
    """A bot to start."""

    environment: dict[str, str]
    folder: str
    log: str


class Forked:
    """A process that isn't our own child."""

    def __init__(self, pid: int) -> None:
        self._ended = asyncio.Event()
        try:
            self._descriptor: int | None = os.pidfd_open(pid)
        except ProcessLookupError:
            self._descriptor = None
            self._ended.set()
        else:
            asyncio.get_running_loop().add_reader(self._descriptor, self._has_ended)

    @property
    def is_running(self) -> bool:
        return not self._ended.is_set()

    def send(self, number: signal.Signals) -> None:
        """Nothing happens if it has ended."""
        if self._descriptor is not None:
            try:
                signal.pidfd_send_signal(self._descriptor, number)
            except ProcessLookupError:
                return

    async def wait(self) -> None:
        await self._ended.wait()

    def _has_ended(self) -> None:
        if self._descriptor is not None:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None
        self._ended.set()


class _ForkServer:
    """The program, as its client sees it: one per import path."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._ordering = asyncio.Lock()

    async def fork(self, order: Order) -> Forked:
        orders, answers = self._process.stdin, self._process.stdout
        if orders is None or answers is None:
            raise RuntimeError("the nursery has no pipes")
        async with self._ordering:
            orders.write(json.dumps(asdict(order)).encode() + b"\n")
            await orders.drain()
            pid = await answers.readline()
        return Forked(int(pid))

    async def close(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        await self._process.wait()


class ForkServers:
    """A fork server per import path, started when needed.

    Args:
        server: The PostgreSQL server's URL; '' for SQLite alone.
    """

    def __init__(self, server: str = "") -> None:
        self._server = server
        self._made: dict[str, _ForkServer] = {}
        self._making = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        for fork_server in self._made.values():
            await fork_server.close()

    async def fork(self, path: str, order: Order) -> Forked:
        async with self._making:
            if path not in self._made:
                self._made[path] = _ForkServer(
                    await asyncio.create_subprocess_exec(
                        sys.executable,
                        *("-P", "-m", "tests.chaos.prefork", self._server),
                        env={**os.environ, "PYTHONPATH": path},
                        stdin=asyncio.subprocess.PIPE,
                        stdout=asyncio.subprocess.PIPE,
                        start_new_session=True,
                    )
                )
        return await self._made[path].fork(order)


def _main() -> None:
    # Only the program imports the bot, from its own path.
    import bot.cli  # noqa: F401, PLC0415
    from tests.chaos.warm_up import settle_down, warm_up  # noqa: PLC0415

    asyncio.run(warm_up(sys.argv[1]))
    settle_down()
    # Lets the kernel reap children.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    leash, hand = os.pipe()
    for line in sys.stdin:
        order = Order(**json.loads(line))
        pid = os.fork()
        if not pid:
            os.close(hand)
            _become(order, leash)
        os.write(_ANSWERS, f"{pid}\n".encode())


def _become(order: Order, leash: int) -> None:
    code = 1
    try:
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        log = os.open(order.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        for descriptor, standard in ((leash, 0), (log, 1), (log, 2)):
            os.dup2(descriptor, standard)
        os.chdir(order.folder)
        os.environ.clear()
        os.environ.update(order.environment)
        sys.argv = ["leash", "serve"]
        runpy.run_module("bot.sandbox.page.parent_watchdog", run_name="__main__")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    finally:
        os._exit(code)


if __name__ == "__main__":
    _main()
