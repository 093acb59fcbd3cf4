import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, select, text
from sqlalchemy.exc import DBAPIError

from bot.db.base import Base
from bot.db.deployment_tables import WatchedProject
from bot.db.message_tables import Workspace
from bot.db.migrate import migrate, newest_revision, script_location
from bot.db.restore_mark import Origin
from bot.db.session import Database
from tests.databases import new_postgresql

PROJECT = Path(__file__).parents[2]


def config(connection: Connection | None = None) -> Config:
    made = Config(toml_file=PROJECT / "pyproject.toml")
    made.attributes["connection"] = connection
    return made


REVISIONS = [script.revision for script in ScriptDirectory.from_config(config()).walk_revisions()]


@pytest.fixture(params=["sqlite", "postgresql"])
async def database_url(
    request: pytest.FixtureRequest, postgresql_server: str, tmp_path: Path
) -> str:
    """The URL of a database of each kind, in which there is nothing yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'bot.sqlite3'}"
    return await new_postgresql(postgresql_server)


@pytest.fixture
async def empty(database_url: str) -> AsyncIterator[Database]:
    """A database in which there is nothing yet."""
    opened = Database(database_url)
    yield opened
    await opened.close()


@pytest.fixture
async def database(empty: Database) -> Database:
    """A database that was migrated."""
    await migrate(empty)
    return empty


async def downgrade(database: Database, revision: str) -> None:
    async with database.connection() as connection:
        await connection.run_sync(lambda sync: command.downgrade(config(sync), revision))


async def tables(database: Database) -> set[str]:
    async with database.connection() as connection:
        names = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    return set(names) - {"alembic_version"}


CATALOGUES = {
    "sqlite": """
        SELECT name, sql AS definition
        FROM sqlite_master WHERE tbl_name <> 'alembic_version' AND type <> 'trigger'
    """,
    "postgresql": """
        SELECT table_name || '.' || column_name AS name,
               concat_ws(' ', udt_name, is_nullable, column_default, is_identity) AS definition
        FROM information_schema.columns
        WHERE table_schema = 'public' AND table_name <> 'alembic_version'
        UNION SELECT conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
        FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace
        AND conrelid::regclass::text <> 'alembic_version'
        UNION SELECT tablename || '.' || indexname, indexdef
        FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'
        UNION SELECT relname || ' storage', array_to_string(reloptions, E'\n')
        FROM pg_class WHERE relnamespace = 'public'::regnamespace AND reloptions IS NOT NULL
    """,
}


async def structure(database: Database) -> dict[str, list[str]]:
    """Every column, constraint and index, as the database itself tells them."""
    catalogue = text(CATALOGUES[database.engine.dialect.name])
    async with database.connection() as connection:
        return {
            # SQLite keeps the statement, in which columns and constraints may stand in any order.
            row.name: sorted(_parts(str(row.definition)))
            for row in await connection.execute(catalogue)
        }


def _parts(statement: str) -> list[str]:
    """A statement cut at its outermost commas."""
    head, opened, inner = statement.partition("(")
    if not opened or not head.startswith("CREATE TABLE"):
        return statement.split("\n")
    parts, depth = [""], 0
    for character in inner.rpartition(")")[0]:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [head, *(" ".join(part.split()) for part in parts)]


async def test_migrations_make_what_the_models_say(empty: Database) -> None:
    """To the last condition of a partial index, which a comparison by Alembic leaves out."""
    await migrate(empty)
    migrated = await structure(empty)
    await downgrade(empty, "base")
    async with empty.connection() as connection:
        await connection.run_sync(Base.metadata.create_all)
    assert migrated == await structure(empty)
    assert len(migrated) > 20


async def test_no_model_waits_for_a_migration(database: Database) -> None:
    """What Alembic would put into the next migration is nothing."""

    def pending(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, Base.metadata))

    async with database.connection() as connection:
        assert await connection.run_sync(pending) == []


async def test_alembic_itself_reads_our_settings(
    empty: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`alembic upgrade head` and `alembic check` work in a checkout, where DATABASE_URL is set."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    await asyncio.to_thread(command.upgrade, config(), "head")
    await asyncio.to_thread(command.check, config())
    assert await tables(empty) == set(Base.metadata.tables)


async def test_each_revision_goes_forth_and_back(empty: Database) -> None:
    """From nothing to head, a step at a time, and the same way back to nothing."""
    states: list[dict[str, list[str]]] = []
    for revision in reversed(REVISIONS):
        states.append(await structure(empty))
        await migrate(empty, revision=revision)
    for state in reversed(states):
        await downgrade(empty, "-1")
        assert await structure(empty) == state
    assert await tables(empty) == set()


def test_revisions_follow_one_another() -> None:
    """Two heads would leave open what `serve` migrates to."""
    script = ScriptDirectory.from_config(config())
    assert script.get_heads() == [REVISIONS[0]]
    assert script.dir == str(script_location())
    assert newest_revision() == REVISIONS[0]


async def test_a_second_migration_changes_nothing(database: Database) -> None:
    """Every start migrates; rows stay as they are."""
    async with database.write() as session:
        session.add(Workspace(enterprise_id="", workspace_id="T1"))
    before = await structure(database)
    await migrate(database)
    assert await structure(database) == before
    async with database.read() as session:
        assert (await session.scalars(select(Workspace.workspace_id))).all() == ["T1"]


async def test_a_migration_that_fails_leaves_nothing_behind(empty: Database) -> None:
    """All of it or none of it: once what was in its way is gone, it works."""
    async with empty.connection() as connection:
        await connection.execute(text("CREATE TABLE transitions (id INTEGER)"))
    with pytest.raises(DBAPIError):
        await migrate(empty)
    assert await tables(empty) == {"transitions"}
    async with empty.connection() as connection:
        await connection.execute(text("DROP TABLE transitions"))
    await migrate(empty)
    assert await tables(empty) == set(Base.metadata.tables)


async def test_many_who_migrate_at_once_don_t_meet(empty: Database, database_url: str) -> None:
    """One does it while the others wait, whether in this process or in others."""
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "SLACK_BOT_TOKEN": "made-up-bot-token",
        "SLACK_SIGNING_SECRET": "made-up-signing-secret",
        "ENCRYPTION_KEYS": "A" * 43 + "=",
    }
    others = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "migrate"),
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        for _ in range(2)
    ]
    ours = [Database(database_url) for _ in range(4)]
    await asyncio.gather(*(migrate(database) for database in ours))
    for database in ours:
        await database.close()
    said = [(await other.communicate())[0].decode() for other in others]
    assert said == ["The database is up to date.\n"] * 2
    assert await tables(empty) == set(Base.metadata.tables)


async def test_projects_that_are_watched_already_stay_reconciled(empty: Database) -> None:
    """Only a restore makes everything wait for Friendli's list."""
    await migrate(empty, revision="0012")
    async with empty.write() as session:
        await session.execute(
            text(
                "INSERT INTO watched_projects (api_base, team_id, project_id, key_fingerprint,"
                " key_last_four, list_pages, failures, fence, held, woken)"
                " VALUES ('', '', 'p', '', '', 1, 0, 0, false, false)"
            )
        )
    await migrate(empty)
    async with empty.read() as session:
        assert await session.scalar(select(WatchedProject.unreconciled)) is False
        assert await session.scalar(select(Origin.id)) is None
