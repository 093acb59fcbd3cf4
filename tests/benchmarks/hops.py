"""`python -m tests.benchmarks.hops`: the calls from `/friendli-deploy` to "is live".

Traces one deployment by a line of text, on the sandbox, with the bot in this process. A hop is a
call from a function of one module of `bot` to a function of another one, counted once however often
it is made. The main path are the hops to what is awaited: they read, write, send or wait; the
others compute. Not counted: the sandbox, properties, generated methods, what only writes the log,
and what runs in the background before and after the deployment.
"""

import asyncio
import inspect
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import CodeType, FrameType

from rich.console import Console

from bot.app import running
from bot.sandbox.environment import Environment, connect, open_environment
from tests.acceptance.thread_assertions import has_replies, root, roots
from tests.conftest import NO_LIMITS, SHORT_WAITS

_LINE = "meta-llama/Llama-3.1-8B-Instruct --gpu 2xH100 --replicas 1 --name my-llama --yes"
# Seconds until Friendli enters the next phase; the last is the first in which it serves.
# The profiler slows the bot down.
_UNHURRIED: dict[str, object] = {"create_timeout": 10.0, "lease": 40.0}
_PHASES = (48, 80, 120)
# A package imports those of later lines; a call to one of an earlier line goes back up.
_LAYERS = (
    ("app",),
    ("ops",),
    ("workers", "slack", "commands"),
    ("services",),
    ("db", "friendli", "hub", "messages"),
    ("config",),
    ("domain",),
)
_NOT_COUNTED = frozenset(
    {
        *("bot.ops.logs", "bot.ops.log_limits", "bot.db.commit_log"),
        *("bot.domain.process.correlation", "bot.services.lookup.bind_request"),
        *("bot.ops.supervisor", "bot.workers.scan"),
    }
)
_AWAITED = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the bot.

    Attributes:
        module: Its full name.
        name: Within the module, such as "Creator.create".
        is_awaited: Whether it is a coroutine function, or an asynchronous context manager.
    """

    module: str
    name: str
    is_awaited: bool = field(compare=False)

    @property
    def layer(self) -> int:
        """The line of `_LAYERS` that its package is in."""
        package = self.module.split(".")[1]
        return next(at for at, names in enumerate(_LAYERS) if package in names)

    def __str__(self) -> str:
        return f"{self.module.removeprefix('bot.')}.{self.name}"


@dataclass(frozen=True, slots=True)
class Hop:
    """A call from one module to another."""

    caller: Function
    callee: Function

    @property
    def goes_up(self) -> bool:
        """Whether the callee's package imports the caller's."""
        return self.callee.layer < self.caller.layer

    def __str__(self) -> str:
        return f"{self.caller} → {self.callee}" + "  (up)" * self.goes_up


class Trace:
    """Collects hops while it is the profiler of every thread."""

    def __init__(self) -> None:
        self.hops: dict[Hop, None] = {}
        self._is_recording = False
        # Slack gives up on a command after 3 s, so each function is looked up once.
        self._functions: dict[CodeType, Function | None] = {}

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Be the profiler, also of threads that begin meanwhile."""
        threading.setprofile(self._on_event)
        sys.setprofile(self._on_event)
        try:
            yield
        finally:
            sys.setprofile(None)
            threading.setprofile(None)

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Collect the hops of what runs meanwhile."""
        self._is_recording = True
        try:
            yield
        finally:
            self._is_recording = False

    def _on_event(self, frame: FrameType, event: str, _argument: object) -> None:
        if event != "call" or not self._is_recording:
            return
        # A function within a function is part of it, and no hop of what calls it back.
        callee = self._function(frame)
        if callee is None or "<locals>" in frame.f_code.co_qualname:
            return
        caller = self._function(_caller(frame))
        if caller is not None and callee.module != caller.module:
            self.hops.setdefault(Hop(caller, callee))

    def _function(self, frame: FrameType | None) -> Function | None:
        if frame is None:
            return None
        if frame.f_code not in self._functions:
            self._functions[frame.f_code] = _function(frame)
        return self._functions[frame.f_code]


def _caller(frame: FrameType) -> FrameType | None:
    """Who called, through the standard library's decorators if need be."""
    back = frame.f_back
    while back is not None and back.f_globals.get("__name__") in ("contextlib", "functools"):
        back = back.f_back
    return back


def _function(frame: FrameType) -> Function | None:
    """The function of a frame; None if it isn't counted."""
    module, code = str(frame.f_globals.get("__name__", "")), frame.f_code
    is_ours = module.startswith("bot.") and not module.startswith("bot.sandbox")
    # The last stands in for SQLAlchemy's session.
    is_generated = code.co_filename == "<string>" or code.co_qualname.startswith("_ThreadSession.")
    if not is_ours or is_generated:
        return None
    name = code.co_qualname.partition(".<locals>")[0]
    if name == "<module>" or not _NOT_COUNTED.isdisjoint({module, f"{module}.{name}"}):
        return None
    owner = type(frame.f_locals.get("self"))
    if isinstance(inspect.getattr_static(owner, code.co_name, None), property):
        return None
    return Function(module, name, bool(code.co_flags & _AWAITED))


def _has_replies(env: Environment, count: int) -> bool:
    return bool(roots(env)) and has_replies(env, count)


async def main_path(folder: Path) -> Sequence[Hop]:
    """Deploy once and return the hops in the order of their first call."""
    database = f"sqlite:///{folder}/hops.sqlite3"
    trace = Trace()
    with trace.installed():
        async with (
            open_environment(database, speed=0, limits=NO_LIMITS) as env,
            running(env.settings(**SHORT_WAITS | _UNHURRIED)) as bot,
        ):
            env.slack.events_url = bot.events_url
            await connect(env)
            with trace.recording():
                await env.member.command(env.channel, _LINE)
                for replies, seconds in enumerate(_PHASES, 1):
                    await env.slack.until(partial(_has_replies, env, replies))
                    env.clock.advance(seconds)
                await env.slack.until(lambda: "is live" in root(env).text)
    return list(trace.hops)


def main() -> int:
    """Print the main path; return how many hops go back up."""
    with tempfile.TemporaryDirectory() as folder:
        hops = asyncio.run(main_path(Path(folder)))
    console = Console(width=200, highlight=False)
    awaited = [hop for hop in hops if hop.callee.is_awaited]
    for number, hop in enumerate(awaited, 1):
        console.print(f"{number:4} {hop}", markup=False)
    up = [hop for hop in hops if hop.goes_up]
    console.print(f"main path: {len(awaited)} hops; {len(hops)} with those that only compute")
    console.print(f"back up: {len(up)}", *map(str, up), sep="\n", markup=False)
    return len(up)


if __name__ == "__main__":
    sys.exit(min(main(), 1))
