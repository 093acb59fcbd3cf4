"""Stories of a newer version that starts beside an older one, on one database."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from inline_snapshot import snapshot
from sqlalchemy import text

from bot.app import Running, running
from bot.db import migrate
from bot.db.session import Database
from bot.sandbox.environment import APP_TOKEN, Environment, connect, open_environment
from tests.acceptance.thread_assertions import ephemeral_texts, root, thread
from tests.client import get
from tests.conftest import NO_LIMITS, SHORT_WAITS

LINE = "org/model --gpu H100 --replicas 1 --name {} --yes"
# Heartbeats every 20 ms.
BEATS = {**SHORT_WAITS, "replica_silent_after": 0.12}
NEWER = '''
"""Expand: a column that the older version doesn't know."""

import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("targets", sa.Column("newer", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("targets", "newer")
'''
MODES: dict[str, dict[str, object]] = {
    "http": {},
    "socket": {"slack_app_token": APP_TOKEN, "slack_signing_secret": None},
}


@pytest.fixture
async def env(postgresql_url: str) -> AsyncIterator[Environment]:
    """Both sandboxes, on a PostgreSQL database."""
    async with open_environment(postgresql_url, speed=0, limits=NO_LIMITS) as made:
        yield made


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """The migrations of a version that has one more."""
    folder = tmp_path / "migrations"
    shutil.copytree(migrate.script_location(), folder)
    (folder / "versions" / "9999_newer.py").write_text(NEWER.format(migrate.newest_revision()))
    return folder


async def says(
    http: aiohttp.ClientSession, bot: Running, status: int, *, schema: str | bool
) -> None:
    """Wait until `/readyz` answers with this status, and says this of the schema."""
    async with asyncio.timeout(10):
        found: tuple[int, object] = (0, None)
        while found != (status, schema):
            async with http.get(f"{bot.url}/readyz") as response:
                found = response.status, (await response.json())["schema"]


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
async def test_an_older_replica_neither_claims_nor_accepts_beside_a_newer_one(
    env: Environment,
    newer: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    mode: dict[str, object],
) -> None:
    """It says why where operators look and where people ask; the newer one goes on with all."""
    database = Database(env.database)
    async with running(env.settings(**{**BEATS, **mode})) as old, aiohttp.ClientSession() as http:
        env.slack.events_url = None if mode else old.events_url
        await connect(env)
        await env.member.command(env.channel, LINE.format("first"))
        await env.friendli.until(lambda: env.friendli.endpoints)
        ours = migrate.newest_revision()
        monkeypatch.setattr(migrate, "script_location", lambda: newer)
        worker = env.settings(**BEATS, role="worker")
        async with running(worker) as new:
            why = (
                f"the database is at schema revision 9999, this process needs {ours}:"
                " replace it with the version that migrated the database"
            )
            await says(http, old, 503, schema=why)
            assert why in capsys.readouterr().out
            assert (await get(http, f"{new.url}/readyz"))[0] == 200
            await env.member.command(env.channel, LINE.format("second"))
            await env.slack.until(lambda: ephemeral_texts(env))
            assert ephemeral_texts(env)[-1] == snapshot(
                "The bot is being upgraded, so nothing was started. Try again in a minute."
            )
            # What the older one took before, the newer one finishes.
            env.clock.advance(600)
            await env.slack.until(lambda: "live" in thread(env)[-1])
        # Now nobody claims: a row that is due stays due.
        async with database.write() as session:
            await session.execute(text("UPDATE channels SET due_at = 0, claimed = false"))
        async with database.read() as session:
            # Longer than the pause between two scans.
            await session.execute(text("SELECT pg_sleep(1.5)"))
        async with database.read() as session:
            assert await session.scalar(text("SELECT min(due_at) FROM channels")) == 0
        # Back to the older version: the column goes, and the older replica goes on.
        async with database.connection() as connection:
            await connection.execute(text("ALTER TABLE targets DROP COLUMN newer"))
            await connection.execute(
                text("UPDATE alembic_version SET version_num = :ours"), {"ours": ours}
            )
        await says(http, old, 200, schema=True)
        await env.member.command(env.channel, LINE.format("third"))
        await env.friendli.until(lambda: len(env.friendli.endpoints) == 2)
    async with database.read() as session:
        names = await session.scalars(text("SELECT name FROM deployments ORDER BY id"))
        assert list(names) == ["first", "third"]
    await database.close()


async def test_a_form_that_an_older_replica_refuses_keeps_what_was_typed(
    env: Environment, newer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is submitted again once the newer version answers."""
    async with running(env.settings(**BEATS)) as old, aiohttp.ClientSession() as http:
        env.slack.events_url = old.events_url
        await connect(env)
        await env.member.command(env.channel)
        await env.slack.until(lambda: env.member.modal)
        await env.member.fill("Model", "org/model")
        await env.member.fill("Instance", "1 × H100 · 80 GB · $5.00/h")
        monkeypatch.setattr(migrate, "script_location", lambda: newer)
        async with running(env.settings(**BEATS)) as new:
            while (await get(http, f"{old.url}/readyz"))[0] == 200:
                pass
            await env.member.submit()
            assert env.member.field_errors == snapshot(
                {
                    "Model": "The bot is being upgraded, so nothing was started. Try again in a minute."
                }
            )
            env.slack.events_url = new.events_url
            await env.member.submit()
            await env.slack.until(lambda: root(env))
