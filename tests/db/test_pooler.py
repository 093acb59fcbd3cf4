"""PostgreSQL behind a pooler in transaction mode, which gives each transaction another server."""

import asyncio

import pytest
from pydantic import SecretStr
from sqlalchemy import insert, select, text

from bot.app import running
from bot.config import DatabaseSettings
from bot.db.message_tables import Channel, Workspace
from bot.db.session import Database
from bot.db.startup import open_database, prepare
from bot.domain.errors import ConfigError
from bot.sandbox.environment import connect, open_environment
from tests.acceptance.thread_assertions import last_reply_contains
from tests.conftest import NO_LIMITS, SHORT_WAITS
from tests.pooler import pooler

DECLARED = "&pgbouncer=true"


async def start(url: str) -> None:
    settings = DatabaseSettings(database_url=SecretStr(url))
    database = open_database(settings)
    try:
        await prepare(database, settings)
    finally:
        await database.close()


async def test_a_pooler_that_the_address_doesnt_name_is_refused(postgresql_url: str) -> None:
    """With what to add; a statement prepared on one server would be missing on the next."""
    async with pooler(postgresql_url) as before:
        with pytest.raises(ConfigError, match="Add pgbouncer=true to the address"):
            await start(before.url)
        await start(before.url + DECLARED)


async def test_without_a_pooler_nothing_is_refused(postgresql_url: str) -> None:
    """Two connections are two of the server's."""
    await start(postgresql_url)
    await start(postgresql_url + DECLARED)


async def test_a_parameter_that_a_pooler_refuses_is_told(postgresql_url: str) -> None:
    """PgBouncer takes few of the server's settings."""
    async with pooler(postgresql_url) as before:
        with pytest.raises(ConfigError, match="it doesn't take a parameter of the address"):
            await start(f"{before.url}{DECLARED}&work_mem=64MB")
        assert before.refused == {"work_mem"}


async def test_many_transactions_share_the_servers(postgresql_url: str) -> None:
    """Reads, writes, JSON, streams and locks, each on whichever server is free."""
    async with pooler(postgresql_url, servers=2) as before:
        database = Database(before.url + DECLARED)

        async def work(number: int) -> None:
            async with database.write() as session:
                workspace = Workspace(enterprise_id="", workspace_id=f"T{number}")
                session.add(workspace)
                await session.flush()
                await session.execute(
                    insert(Channel),
                    [
                        {"workspace_row_id": workspace.id, "address": f"C{n}", "claimed": False}
                        for n in range(3)
                    ],
                )
            async with database.read(streams=True) as session:
                rows = await session.stream_scalars(
                    select(Channel.address).execution_options(yield_per=2)
                )
                assert len([row async for row in rows]) >= 3
                assert await session.scalar(text("SELECT '[1]'::jsonb || '[2]'::jsonb")) == [1, 2]

        await asyncio.gather(*(work(number) for number in range(30)))
        [count] = await database.rows(select(text("count(*)")).select_from(Channel))
        assert tuple(count) == (90,)
        await database.close()


async def test_a_bot_works_behind_a_pooler(postgresql_url: str) -> None:
    """From the command to the ready thread."""
    async with (
        pooler(postgresql_url) as before,
        open_environment(before.url + DECLARED, speed=0, limits=NO_LIMITS) as env,
        running(env.settings(**SHORT_WAITS)) as bot,
    ):
        env.slack.events_url = bot.events_url
        await connect(env)
        await env.member.command(env.channel, "org/model --gpu H100 --replicas 1 --name it --yes")
        await env.friendli.until(lambda: env.friendli.endpoints)
        env.clock.advance(600)
        await env.slack.until(lambda: last_reply_contains(env, "went live"))
    assert env.slack.protocol_errors == []
