"""`backup` and `restored`, as an operator runs them."""

import asyncio
import os
import sqlite3
import stat
import threading
import time
from contextlib import closing
from pathlib import Path

from bot.sandbox.environment import Environment, connect
from tests.conftest import StartBot
from tests.friendli.loopback import refused_url
from tests.test_cli import run

NO_TOKENS = {"SLACK_BOT_TOKEN": None, "SLACK_SIGNING_SECRET": None, "ENCRYPTION_KEYS": None}


async def test_a_backup_is_complete_while_the_database_is_written(
    env: Environment, start_bot: StartBot, tmp_path: Path
) -> None:
    """One file that only its owner reads; every transaction is in it whole or not at all."""
    path = env.database.removeprefix("sqlite:///")
    async with start_bot():
        await connect(env)
        # In a thread of its own: a write that waits for the bot's doesn't hold the bot up.
        with closing(sqlite3.connect(path, check_same_thread=False)) as writer:
            writer.execute("CREATE TABLE pairs (one INTEGER, other INTEGER)")
            writer.commit()
            done = threading.Event()

            def write() -> None:
                number = 0
                while not done.is_set():
                    number += 1
                    writer.execute("INSERT INTO pairs VALUES (?, 0)", (number,))
                    writer.execute("UPDATE pairs SET other = one WHERE other = 0")
                    writer.commit()
                    time.sleep(0.001)

            writing = asyncio.create_task(asyncio.to_thread(write))
            file = tmp_path / "backup.sqlite3"
            ended = await run(env, "backup", str(file), **NO_TOKENS)
            done.set()
            await writing
    assert (ended.code, ended.out, ended.lines) == (0, f"Wrote {file}.\n", [])
    assert os.listdir(tmp_path) == ["backup.sqlite3"]  # noqa: PTH208 - nothing to wait for
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with closing(sqlite3.connect(file)) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert copy.execute("SELECT count(*) FROM pairs WHERE one != other").fetchone() == (0,)
        assert copy.execute("SELECT count(*) FROM targets").fetchone() == (1,)


async def test_a_backup_overwrites_nothing(env: Environment, tmp_path: Path) -> None:
    """An older backup may be the only good one."""
    (tmp_path / "old").write_text("the only good one")
    ended = await run(env, "backup", str(tmp_path / "old"))
    assert (ended.code, ended.lines) == (
        2,
        [f"{tmp_path / 'old'} exists and stays as it is. Name another file."],
    )
    assert (tmp_path / "old").read_text() == "the only good one"


async def test_what_can_t_be_backed_up_leaves_no_file(env: Environment, tmp_path: Path) -> None:
    """No database yet, one that is damaged, and PostgreSQL, whose tool is named."""
    file = tmp_path / "backup"
    damaged = tmp_path / "damaged.sqlite3"
    damaged.write_text("this is no database" * 100)
    address = refused_url().replace("http://", "postgresql://bot@")
    for url, words in {
        f"sqlite:///{tmp_path / 'none'}": "There is no database yet.",
        f"sqlite:///{damaged}": "The database can't be copied (file is not a database).",
        f"{address}/name": "PostgreSQL is backed up by its own tools: `pg_dump",
    }.items():
        ended = await run(env, "backup", str(file), DATABASE_URL=url)
        assert ended.code == 2
        assert ended.lines[0].startswith(words)
        assert not file.exists()
