"""Changes due times in the bot's database, and makes the rows due."""

from datetime import timedelta

from sqlalchemy import select, update

from bot.db.claims import make_due
from bot.db.clock import after
from bot.db.deployment_tables import Deployment, Target
from bot.db.operation_tables import Schedule
from bot.db.session import Database
from bot.domain.policy import Policy
from bot.sandbox.environment import Environment


async def lifetime_ends_in(env: Environment, seconds: float) -> None:
    """Set when the only deployment's lifetime ends."""
    database = Database(env.database)
    async with database.write() as session:
        row = await session.scalar(
            update(Deployment)
            .values(lifetime_ends_at=after(timedelta(seconds=seconds)))
            .returning(Deployment.id)
        )
        assert row is not None
        await make_due(session, Deployment, row)
    await database.close()


async def lifetime_is_removed(env: Environment) -> None:
    """Wait until the only deployment has no lifetime any more."""
    database = Database(env.database)
    async with database.read() as session:
        while await session.scalar(select(Deployment.lifetime_ends_at)) is not None:
            # Each read is a transaction of its own.
            await session.rollback()
            await _polled(env)
    await database.close()


async def _polled(env: Environment) -> None:
    """Wait for the bot's next poll, without keeping the database busy."""
    seen = len(env.friendli.requests)
    await env.friendli.until(lambda: len(env.friendli.requests) > seen)


async def phase_is_stuck_in(env: Environment, seconds: float) -> None:
    """Set when the only deployment's phase counts as stuck."""
    database = Database(env.database)
    async with database.write() as session:
        row = await session.scalar(
            update(Deployment)
            .values(stuck_at=after(timedelta(seconds=seconds)))
            .returning(Deployment.id)
        )
        assert row is not None
        await make_due(session, Deployment, row)
    await database.close()


async def make_schedules_due(env: Environment, *, ago: float = 0) -> None:
    """Make every schedule due, so many seconds ago."""
    at = after(timedelta(seconds=-ago))
    database = Database(env.database)
    async with database.write() as session:
        await session.execute(update(Schedule).values(next_at=at, due_at=at))
    await database.close()


async def set_policy(env: Environment, policy: Policy) -> None:
    """Set the only target's policy."""
    database = Database(env.database)
    async with database.write() as session:
        await session.execute(update(Target).values(policy=policy.model_dump(mode="json")))
    await database.close()
