"""What is remembered of starts, on both databases."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select

from bot.db.clock import after
from bot.db.deployment_tables import Deployment, FitRecord
from bot.db.session import Database
from bot.domain.actors import ChannelRef
from bot.domain.fit_history import FitObservation, FitOutcome
from bot.domain.transitions import ObservedTransition, State
from bot.services import fit_records
from bot.workers.retention import Retention
from tests.services.test_phase_statistics import add

AT = datetime(2026, 11, 28, 9, 0, tzinfo=UTC)
MODEL = "meta-llama/Llama-3.1-8B-Instruct"
FULL = State("FAILED", None, "INFERENCE_ENGINE_MEMORY_ERROR")
RUNNING = State("RUNNING")
HERE = ChannelRef("", "T1", "C1")


async def record(
    database: Database, deployment: Deployment, state: State, minutes: int = 0
) -> None:
    async with database.write() as session:
        row = await session.get_one(Deployment, deployment.id)
        newest = ObservedTransition(state, AT + timedelta(minutes=minutes))
        await fit_records.record(session, row, newest)


async def observed(
    database: Database, workspace: ChannelRef = HERE, model: str = MODEL
) -> list[FitObservation]:
    async with database.read() as session:
        return list(await fit_records.observations(session, workspace, model))


async def test_each_deployment_counts_once_for_the_same_settings(database: Database) -> None:
    """Restarts and wakes renew the time; other settings and another outcome count anew."""
    first = await add(database, 1, 40, option="zfTutSiLn0Hq")
    second = await add(database, 2, 40, option="zfTutSiLn0Hq")
    await record(database, first, FULL)
    await record(database, first, RUNNING, 10)
    await record(database, first, RUNNING, 20)
    await record(database, second, RUNNING, 5)
    async with database.write() as session:
        row = await session.get_one(Deployment, first.id)
        row.request = {**row.request, "max_batch_size": 8}
    await record(database, first, RUNNING, 30)
    found = await observed(database)
    assert [(one.outcome, one.at - AT, one.settings.max_batch_size) for one in found] == [
        (FitOutcome.SERVED, timedelta(minutes=30), 8),
        (FitOutcome.SERVED, timedelta(minutes=20), None),
        (FitOutcome.SERVED, timedelta(minutes=5), None),
        (FitOutcome.OUT_OF_MEMORY, timedelta(0), None),
    ]
    assert {(one.gpu, one.count, one.revision) for one in found} == {("H100", 2, "")}


async def test_nothing_crosses_workspaces_or_models(database: Database) -> None:
    """Another workspace, enterprise or model knows nothing of it."""
    await record(database, await add(database, 1, 40, option="zfTutSiLn0Hq"), RUNNING)
    assert len(await observed(database)) == 1
    assert await observed(database, ChannelRef("", "T2", "C1")) == []
    assert await observed(database, ChannelRef("E1", "T1", "C1")) == []
    assert await observed(database, model="org/other") == []


async def test_only_what_shows_the_fit_is_recorded(database: Database) -> None:
    """Not other errors or statuses, nor versions, endpoints and instances that aren't known."""
    made = await add(database, 1, 40, option="zfTutSiLn0Hq")
    await record(database, made, State("FAILED", None, "WORKLOAD_INIT_DOWNLOAD_ERROR"))
    await record(database, made, State("INITIALIZING", "DOWNLOADING_MODEL"))
    await record(database, await add(database, 2, 40, option="unlisted"), RUNNING)
    elsewhere = await add(database, 3, 40, option="zfTutSiLn0Hq")
    imported = await add(database, 4, 40, option="zfTutSiLn0Hq")
    async with database.write() as session:
        (await session.get_one(Deployment, elsewhere.id)).version_elsewhere = "2"
        (await session.get_one(Deployment, imported.id)).spec = {"gpuType": "H100", "numGpu": 1}
    await record(database, elsewhere, RUNNING)
    await record(database, imported, RUNNING)
    assert await observed(database) == []


async def test_it_is_forgotten_with_everything_old(database: Database) -> None:
    """After KEEP_FINISHED_DAYS, and not before; the deployment may be gone or still be there."""
    await record(database, await add(database, 1, 40, option="zfTutSiLn0Hq"), RUNNING)
    keep = timedelta(days=90)

    async def left(age: timedelta) -> int | None:
        async with database.write() as session:
            [row] = await session.scalars(select(FitRecord))
            row.at = after(-age)
        await Retention(database, keep=keep).sweep()
        async with database.read() as session:
            return await session.scalar(select(func.count()).select_from(FitRecord))

    assert await left(keep - timedelta(days=1)) == 1
    assert await left(keep) == 0
