"""Has the bot deploy one endpoint, so that what it does the first time only is done already.

What it imports on the way, the source files that a library looks through, the mappings, the models
and the statements that are worked out when they are first used: that is most of what a start costs.
"""

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
    """A fork of this process would lack what its threads do."""


async def rehearse(server: str) -> None:
    """Deploy on each engine and wait until it serves, in this process; each fork logs as it wants.

    Args:
        server: The PostgreSQL server's URL; '' if only SQLite is used.
    """
    logs.configure("ERROR")
    compile_once()
    with tempfile.TemporaryDirectory(prefix="rehearsal", dir=MEMORY) as name:
        async with Databases(server) as databases:
            for engine in Engine if server else (Engine.SQLITE,):
                async with databases.books(engine, Path(name), empty=True) as rows:
                    await _deploy(rows.url)


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
            lambda: any("is serving" in one.text for one in env.channel.messages.values()),
            _SERVES_WITHIN,
        )


def settle_down() -> None:
    """Make this process fit to be forked.

    Raises:
        ThreadsLeftError: It has more than one thread.
    """
    if threading.active_count() > 1:
        raise ThreadsLeftError(", ".join(thread.name for thread in threading.enumerate()))
    # What is collected later is not what lies here already: forks go on sharing its memory.
    gc.collect()
    gc.freeze()
