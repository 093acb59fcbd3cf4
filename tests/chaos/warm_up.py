"""Deploys one endpoint, so that forks find everything imported, mapped and compiled."""

import gc
import tempfile
import threading
from pathlib import Path

from bot.app import running
from bot.ops import logs
from bot.sandbox.environment import connect, open_environment
from tests.chaos.databases import Databases, Engine
from tests.chaos.timeouts import LIMITS, SPEED, WAITS
from tests.databases import MEMORY, compile_once

_SERVES_WITHIN = 20.0


class ThreadsLeftError(Exception):
    """A fork would lack this process's threads."""


async def warm_up(server: str) -> None:
    """Deploy on each engine and wait until it serves, in this process; each fork logs as it wants.

    Args:
        server: The PostgreSQL server's URL; '' if only SQLite is used.
    """
    logs.configure("ERROR")
    compile_once()
    with tempfile.TemporaryDirectory(prefix="rehearsal", dir=MEMORY) as name:
        async with Databases(server) as databases:
            for engine in Engine if server else (Engine.SQLITE,):
                async with databases.database(engine, Path(name), empty=True) as database:
                    await _deploy(database.url)


async def _deploy(database: str) -> None:
    async with (
        open_environment(database, speed=SPEED * 10, limits=LIMITS) as env,
        running(env.settings(**WAITS)) as bot,
    ):
        env.slack.events_url = bot.events_url
        await connect(env)
        line = "sandbox/works --gpu 1xH100 --name rehearsal --yes"
        await env.member.command(env.channel, line)
        await env.slack.until(
            lambda: any("is live" in one.text for one in env.channel.messages.values()),
            _SERVES_WITHIN,
        )


def settle_down() -> None:
    """Freeze memory for forks; ThreadsLeftError if this process has more than one thread."""
    if threading.active_count() > 1:
        raise ThreadsLeftError(", ".join(thread.name for thread in threading.enumerate()))
    # Forks share the memory of what is frozen.
    gc.collect()
    gc.freeze()
