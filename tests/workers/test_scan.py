"""One scan for all workers: how soon it finds what another process wrote, and what it costs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import asyncpg
import pytest

from bot.app import running
from bot.db.claims import Claim, ClaimableTable
from bot.db.clock import after
from bot.db.deployment_tables import Deployment
from bot.db.message_tables import Channel, Workspace
from bot.db.session import Database
from bot.sandbox.environment import open_environment
from bot.workers.claim_loop import Worker
from bot.workers.scan import Scan
from tests.client import wait_for_replicas
from tests.pooler import pooler

# What an operator may expect of a bot with nothing to do.
MOST_A_MINUTE = 150
OVER = 10.0


async def test_an_idle_bot_on_postgresql_leaves_the_database_alone(postgresql_url: str) -> None:
    """With all its heartbeats and scans, also behind a pooler, which counts here."""
    async with (
        pooler(postgresql_url) as counting,
        open_environment(f"{counting.url}&pgbouncer=true", speed=0) as env,
        running(env.settings()),
    ):
        # What a start takes is over by then.
        await wait_for_replicas(postgresql_url, 1)
        clock = await asyncpg.connect(postgresql_url)
        before = counting.transactions
        await clock.execute(f"SELECT pg_sleep({OVER})")
        counted = counting.transactions - before
        await clock.close()
    assert 0 < counted <= MOST_A_MINUTE * OVER / 60


@asynccontextmanager
async def scanned(
    database: Database, *tables: ClaimableTable
) -> AsyncIterator[asyncio.Queue[Claim]]:
    """Workers of these tables that only a scan wakes; yields what they claim."""
    claimed: asyncio.Queue[Claim] = asyncio.Queue()

    async def handle(claim: Claim) -> timedelta:
        claimed.put_nowait(claim)
        return timedelta(minutes=1)

    workers = [
        Worker(
            table.__tablename__,
            database,
            table,
            handle,
            lease=timedelta(seconds=60),
            concurrency=1,
        )
        for table in tables
    ]
    scan = Scan(database, workers)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(scan.run())
        for worker in workers:
            tasks.create_task(worker.run(grace=1))
        yield claimed
        scan.stop()
        for worker in workers:
            worker.stop()


@pytest.mark.parametrize("delay", [-1.0, 0.5])
async def test_what_another_process_wrote_is_claimed_without_a_nudge(
    database: Database, database_url: str, delay: float
) -> None:
    """As soon as the scan sees that it is due, by the database's clock."""
    async with scanned(database, Channel, Deployment) as claimed:
        other = Database(database_url)
        async with other.write() as session:
            workspace = Workspace(enterprise_id="", workspace_id="T1")
            session.add(workspace)
            await session.flush()
            channel = Channel(workspace_row_id=workspace.id, address="C1", due_at=after(delay))
            session.add(channel)
        await session.close()
        async with asyncio.timeout(10):
            claim = await claimed.get()
        async with other.read() as session:
            row = await session.get_one(Channel, claim.id)
        await other.close()
    assert row.address == "C1"
    assert claimed.empty()


async def test_a_row_that_is_due_again_late_is_put_back_at_once(database: Database) -> None:
    """It must not stay claimed until somebody has another reason to look."""
    async with database.write() as session:
        workspace = Workspace(enterprise_id="", workspace_id="T1")
        session.add(workspace)
        await session.flush()
        session.add(Channel(workspace_row_id=workspace.id, address="C1", due_at=after(-1)))
    async with scanned(database, Channel) as claimed, asyncio.timeout(10):
        claim = await claimed.get()
        is_held = True
        while is_held:
            async with database.read() as session:
                is_held = (await session.get_one(Channel, claim.id)).claimed
