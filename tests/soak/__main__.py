"""`python -m tests.soak --minutes N`: the same work for minutes, and a verdict on growth."""

import argparse
import asyncio
import contextlib
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table
from sqlalchemy import func, make_url, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.base import Base
from bot.db.operation_tables import AuditEntry
from bot.db.session import Database
from bot.sandbox.environment import (
    BOT_TOKEN,
    SIGNING_SECRET,
    Environment,
    connect,
    open_environment,
)
from bot.sandbox.slack.rate_limits import Limits
from tests.databases import new_postgresql, postgresql_server
from tests.soak.bot import Bot, serving
from tests.soak.figures import MEBIBYTE, Growth, Sample, a_minute, growth
from tests.soak.traffic import Traffic

_SAMPLES = 40
# Friendli's clock: an endpoint is up after two seconds.
_SPEED = 120.0
# What an operator waits for by default would make a soak of minutes say nothing.
_SETTINGS = {
    "POLL_SECONDS_TRANSITIONAL": "0.5",
    "POLL_SECONDS_STABLE": "1",
    "POLL_SECONDS_ENDED": "1",
    "GONE_CONFIRMED_AFTER": "1",
    "SLACK_MESSAGE_INTERVAL": "0.02",
    "SLACK_EDIT_INTERVAL": "0.02",
    # Rows are kept for 10 seconds.
    "KEEP_FINISHED_DAYS": "0.0001",
    "RETENTION_INTERVAL": "2",
    "PORT": "0",
}


def main() -> int:
    """Run a soak; return 1 if something grows."""
    asked = _arguments()
    console = Console()
    with (
        tempfile.TemporaryDirectory(prefix="soak") as folder,
        _database(asked.engine, folder) as url,
    ):
        samples, lives = asyncio.run(
            soak(url, Path(folder), minutes=asked.minutes, at_once=asked.endpoints)
        )
    found = growth(samples)
    console.print(_table(found))
    console.print(_summary(samples, lives))
    return int(any(one.grows for one in found))


def _summary(samples: Sequence[Sample], lives: int) -> str:
    last = samples[-1]
    parts = [
        f"{lives} endpoints lived, {last.changes:.0f} changes in {last.at:.0f} s",
        f"a minute: {a_minute(samples, lambda one: one.changes):.0f} changes",
        f"{a_minute(samples, lambda one: one.written) / MEBIBYTE:.2f} MiB written",
        f"{a_minute(samples, lambda one: one.logged) / MEBIBYTE:.2f} MiB of log",
    ]
    if last.transactions:
        parts.append(f"{a_minute(samples, lambda one: one.transactions):.0f} transactions")
    return ", ".join(parts)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--engine", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument(
        "--endpoints", type=int, default=5, help="live at a time; 0 for a bot with nothing to do"
    )
    return parser.parse_args()


@contextmanager
def _database(engine: str, folder: str) -> Iterator[str]:
    """The URL of an empty database."""
    if engine == "sqlite":
        yield f"sqlite:///{folder}/bot.sqlite3"
        return
    with postgresql_server(f"soak-{Path(folder).name}", Path(folder) / "turn") as server:
        yield asyncio.run(new_postgresql(server))


async def soak(url: str, folder: Path, *, minutes: float, at_once: int) -> tuple[list[Sample], int]:
    """Let endpoints live for some minutes, and look at the bot meanwhile."""
    async with open_environment(url, speed=_SPEED, limits=Limits(enabled=False)) as env:
        settings = {
            "SLACK_BOT_TOKEN": BOT_TOKEN,
            "SLACK_SIGNING_SECRET": SIGNING_SECRET,
            "SLACK_API_URL": f"{env.slack.url}/api/",
            "FRIENDLI_API_URL": env.friendli.url,
            "HF_ENDPOINT": env.hub.url,
            "DATABASE_URL": url,
            "ENCRYPTION_KEYS": env.encryption_key.get_secret_value(),
            **(_SETTINGS if at_once else {"PORT": "0"}),
        }
        async with serving(settings, folder) as bot, _measuring(env, bot, url) as measure:
            env.slack.events_url = f"{bot.url}/slack/events"
            traffic = Traffic(env)
            if at_once:
                await connect(env)
            samples: list[Sample] = []
            async with asyncio.TaskGroup() as group:
                lives = [group.create_task(traffic.go_on()) for _ in range(at_once)]
                began = asyncio.get_running_loop().time()
                for number in range(_SAMPLES + 1):
                    await asyncio.sleep(
                        began
                        + number * minutes * 60.0 / _SAMPLES
                        - asyncio.get_running_loop().time()
                    )
                    at = asyncio.get_running_loop().time() - began
                    samples.append(await measure.sample(at))
                for life in lives:
                    life.cancel()
        return samples, traffic.lives


class _Measure:
    """Looks at a bot, its database and its log."""

    def __init__(self, env: Environment, bot: Bot, database: Database) -> None:
        self._env, self._bot, self._database = env, bot, database
        self._changes = 0
        self._last: dict[str, tuple[str, str | None]] = {}

    async def count_changes(self) -> None:
        """Count what the API shows anew, as often as something happens there."""
        while True:
            for id_, one in self._env.friendli.endpoints.items():
                state = (one.status, one.phase)
                self._changes += self._last.get(id_) != state
                self._last[id_] = state
            await self._env.friendli.changed()

    async def sample(self, at: float) -> Sample:
        """Measure once."""
        logged = float(self._bot.log.stat().st_size)
        async with self._database.read() as session:
            counts = [
                await session.scalar(select(func.count()).select_from(table))
                for table in Base.metadata.sorted_tables
                if table.name != AuditEntry.__tablename__
            ]
            size, written, transactions = await self._of_database(session, logged)
        return Sample(
            at=at,
            memory=self._bot.memory(),
            descriptors=self._bot.descriptors(),
            rows=float(sum(count or 0 for count in counts)),
            database=size,
            written=written,
            logged=logged,
            transactions=transactions,
            changes=float(self._changes),
        )

    async def _of_database(
        self, session: AsyncSession, logged: float
    ) -> tuple[float, float, float]:
        if self._database.is_sqlite:
            path = make_url(str(self._database.engine.url)).database or ""
            files = [Path(path), Path(f"{path}-wal")]
            size = sum(file.stat().st_size for file in files if file.exists())
            return float(size), self._bot.written() - logged, 0.0
        row = (
            await session.execute(
                text(
                    "SELECT pg_database_size(current_database()),"
                    " pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0'),"
                    " (SELECT xact_commit + xact_rollback FROM pg_stat_database"
                    " WHERE datname = current_database())"
                )
            )
        ).one()
        return float(row[0]), float(row[1]), float(row[2])


@contextlib.asynccontextmanager
async def _measuring(env: Environment, bot: Bot, url: str) -> AsyncIterator[_Measure]:
    database = Database(url)
    measure = _Measure(env, bot, database)
    counting = asyncio.create_task(measure.count_changes())
    try:
        yield measure
    finally:
        counting.cancel()
        await asyncio.gather(counting, return_exceptions=True)
        await database.close()


def _table(found: Sequence[Growth]) -> Table:
    table = Table("figure", "second quarter", "last quarter", "limit", "verdict")
    for one in found:
        table.add_row(
            f"{one.name} ({one.unit})" if one.unit else one.name,
            *(f"{value:,.1f}" for value in (one.early, one.late, one.limit)),
            "GROWS" if one.grows else "steady",
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
