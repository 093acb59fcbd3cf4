"""One SQLite file, one process; and nobody else reads it."""

import signal
import stat
from pathlib import Path

from bot.sandbox.environment import Environment
from tests.test_cli import run, running


async def test_a_second_process_on_one_sqlite_file_is_refused(env: Environment) -> None:
    """With what to do; the first goes on, and a killed one leaves nothing behind."""
    async with running(env, "serve") as first:
        await first.says("running")
        second = await run(env, "serve")
        assert (second.code, second.out) == (2, "")
        [line] = second.lines
        assert line == (
            "DATABASE_URL leads to an SQLite file that another process of this bot uses. Stop that"
            " one first, or use PostgreSQL, which any number of processes share:"
            " DATABASE_URL=postgresql://user:password@host/name."
        )
        # What ends soon may look into it meanwhile.
        assert (await run(env, "audit", "export")).code == 0
        first.tell(signal.SIGKILL)
        await first.ended()
    async with running(env, "serve") as third:
        await third.says("running")


async def test_only_its_owner_reads_the_database(env: Environment, tmp_path: Path) -> None:
    """Nor what SQLite and the lock keep beside it, while it runs."""
    database = tmp_path / "folder" / "bot.sqlite3"
    async with running(env, "serve", DATABASE_URL=f"sqlite:///{database}") as bot:
        await bot.says("running")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in database.parent.iterdir()}
    assert modes.keys() >= {"bot.sqlite3", "bot.sqlite3-wal", "bot.sqlite3.lock"}
    assert set(modes.values()) == {0o600}
