import asyncio
from datetime import timedelta

from sqlalchemy import select, update

from bot.app import PERIODIC_CHECKS
from bot.db.claims import claim_due
from bot.db.clock import after, now
from bot.db.deployment_tables import Deployment, Target
from bot.db.operation_tables import AuditEntry, Operation, Schedule
from bot.db.session import Database
from bot.domain.actors import Actor, ChannelRef
from bot.domain.operations import Cause, OperationKind
from bot.domain.schedule_days import ScheduleDays
from bot.domain.times_of_day import When
from bot.sandbox.environment import Environment
from bot.services.lifetimes import LifetimeOutcome, LifetimeResult, Lifetimes
from bot.services.schedules import ScheduleOutcome, Schedules
from bot.workers.scheduler import Scheduler
from tests.services.test_phase_statistics import add

PLACE = ChannelRef("", "T1", "C1")
PERSON = Actor("U1")
H100 = "zfTutSiLn0Hq"
LEASE = timedelta(seconds=30)


def nothing() -> None:
    pass


async def leased(database: Database, *, ends_in: float = 300) -> Deployment:
    """An endpoint that serves, and whose time is over in so many seconds."""
    deployment = await add(database, 1, 40, option=H100)
    async with database.write() as session:
        session.add(
            Target(
                enterprise_id=deployment.enterprise_id,
                workspace_id=deployment.workspace_id,
                channel_id=deployment.channel_id,
                name=deployment.target_name,
                is_default=True,
                watched_project_id=deployment.watched_project_id,
                connected_by="U1",
                connected_at=now(),
            )
        )
        await session.execute(
            update(Deployment).values(
                status="RUNNING",
                lifetime_seconds=28_800,
                expiry_action="terminate",
                lifetime_ends_at=after(ends_in),
                lifetime_warned_at=now(),
            )
        )
    async with database.read() as session:
        return await session.get_one(Deployment, deployment.id)


async def test_two_clicks_at_once_extend_once(database: Database, env: Environment) -> None:
    """The end that the message showed is moved once; the audit names who moved it."""
    deployment = await leased(database)
    lifetimes = Lifetimes(database, env.settings())

    async def extend() -> LifetimeResult:
        return await lifetimes.extend(PLACE, PERSON, "1", shown_end=deployment.lifetime_ends_at)

    outcomes = [answer.outcome for answer in await asyncio.gather(extend(), extend())]
    assert sorted(outcomes) == [LifetimeOutcome.ACCEPTED, LifetimeOutcome.CHANGED]
    async with database.read() as session:
        row = await session.get_one(Deployment, deployment.id)
        audited = (await session.scalars(select(AuditEntry))).all()
    assert deployment.lifetime_ends_at is not None
    assert row.lifetime_ends_at == deployment.lifetime_ends_at + timedelta(hours=8)
    assert row.lifetime_warned_at is None
    assert [(one.person_id, one.action) for one in audited] == [("U1", "lifetime:extend")]


async def test_an_end_is_asked_for_once_however_often_it_is_looked(
    database: Database, env: Environment
) -> None:
    """Each look works out anew what is left to do, whoever died before."""
    deployment = await leased(database, ends_in=-1)
    settings = env.settings()
    for _ in range(3):
        async with database.write() as session:
            row = await session.get_one(Deployment, deployment.id)
            present = (await session.execute(select(now()))).scalar_one()
            for chore in PERIODIC_CHECKS:
                await chore(session, row, present, settings)
    async with database.read() as session:
        operations = (await session.scalars(select(Operation))).all()
    assert [(one.kind, one.cause) for one in operations] == [
        (OperationKind.TERMINATE, Cause.LIFETIME)
    ]


async def test_who_died_before_the_end_was_committed_changed_nothing(
    database: Database, env: Environment
) -> None:
    """The operation and what the thread is told of it stand or fall together."""
    deployment = await leased(database, ends_in=-1)

    class Killed(Exception):  # noqa: N818 - it stands for a signal
        pass

    try:
        async with database.write() as session:
            row = await session.get_one(Deployment, deployment.id)
            present = (await session.execute(select(now()))).scalar_one()
            for chore in PERIODIC_CHECKS:
                await chore(session, row, present, env.settings())
            raise Killed  # noqa: TRY301 - as a signal would strike
    except Killed:
        pass
    async with database.read() as session:
        assert (await session.scalars(select(Operation))).all() == []
        assert (await session.get_one(Deployment, deployment.id)).lifetime_ends_at is not None


async def test_a_schedule_is_done_by_one_of_many(database: Database, env: Environment) -> None:
    """The operation and the next time are written in one transaction, under one claim."""
    await leased(database)
    settings = env.settings()
    schedules = Schedules(database, settings)
    when = When(ScheduleDays.DAILY, "18:00", "Europe/Berlin")
    first = schedules.add(PLACE, PERSON, "1", OperationKind.SLEEP, when, "id", zone_known=True)
    assert (await first)[0] is ScheduleOutcome.ACCEPTED
    again = schedules.add(PLACE, PERSON, "1", OperationKind.SLEEP, when, "id", zone_known=True)
    assert (await again)[0] is ScheduleOutcome.REPEATED
    async with database.write() as session:
        await session.execute(update(Schedule).values(next_at=now(), due_at=now()))
    scheduler = Scheduler(database, settings)

    async def work() -> int:
        async with database.write() as session:
            claims = await (await session.connection()).run_sync(
                claim_due, Schedule, lease=LEASE, limit=5
            )
        for held in claims:
            await scheduler.handle(held)
        return len(claims)

    assert sum(await asyncio.gather(work(), work(), work())) == 1
    async with database.read() as session:
        operations = (await session.scalars(select(Operation))).all()
        schedule = (await session.scalars(select(Schedule))).one()
        present = (await session.execute(select(now()))).scalar_one()
    assert [(one.kind, one.cause) for one in operations] == [(OperationKind.SLEEP, Cause.SCHEDULE)]
    assert schedule.next_at is not None
    assert schedule.due_at is not None
    assert present < schedule.next_at <= schedule.due_at
    assert not schedule.claimed


async def test_a_stale_claim_does_nothing(database: Database, env: Environment) -> None:
    """Whoever stalled past its lease finds that somebody else has taken over."""
    await leased(database)
    settings = env.settings()
    schedules = Schedules(database, settings)
    when = When(ScheduleDays.DAILY, "18:00", "Europe/Berlin")
    await schedules.add(PLACE, PERSON, "1", OperationKind.SLEEP, when, "id", zone_known=True)
    claims = []
    for _ in range(2):
        async with database.write() as session:
            await session.execute(update(Schedule).values(next_at=now(), due_at=now()))
            claims += await (await session.connection()).run_sync(
                claim_due, Schedule, lease=LEASE, limit=1
            )
    scheduler = Scheduler(database, settings)
    for held in claims:
        await scheduler.handle(held)
    async with database.read() as session:
        assert len((await session.scalars(select(Operation))).all()) == 1


async def test_a_schedule_that_is_looked_at_early_waits_for_its_time(
    database: Database, env: Environment
) -> None:
    """As after its time was moved while somebody had claimed it."""
    await leased(database)
    settings = env.settings()
    schedules = Schedules(database, settings)
    when = When(ScheduleDays.DAILY, "18:00", "Europe/Berlin")
    await schedules.add(PLACE, PERSON, "1", OperationKind.SLEEP, when, "id", zone_known=True)
    async with database.write() as session:
        later = after(timedelta(hours=1))
        await session.execute(update(Schedule).values(next_at=later, due_at=now()))
        [held] = await (await session.connection()).run_sync(
            claim_due, Schedule, lease=LEASE, limit=1
        )
    await Scheduler(database, settings).handle(held)
    async with database.read() as session:
        assert (await session.scalars(select(Operation))).all() == []
        schedule = (await session.scalars(select(Schedule))).one()
        assert schedule.due_at is not None
        assert schedule.next_at is not None
        assert schedule.due_at >= schedule.next_at
