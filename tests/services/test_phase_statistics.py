from datetime import UTC, datetime, timedelta

import pytest

from bot.db.deployment_tables import Deployment, Transition, WatchedProject
from bot.db.message_tables import Channel, Workspace
from bot.db.session import Database
from bot.domain.deployment_state import DeploymentState
from bot.domain.instances import INSTANCE_OPTIONS
from bot.domain.phase_times import StartTimes, UsualTime
from bot.domain.transitions import State
from bot.sandbox.environment import Environment
from bot.services.phase_statistics import StartSetup, durations, start_times, suspicious_after
from tests.domain.request.test_draft import request

BEGAN = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
GETTING_MACHINE = State("INITIALIZING", "REQUESTING_VIRTUAL_MACHINE")
DOWNLOADING = State("INITIALIZING", "DOWNLOADING_MODEL")


def test_few_others_say_nothing(env: Environment) -> None:
    """With fewer than five known, half an hour counts; then three times what nine in ten take."""
    settings = env.settings()
    assert suspicious_after([60.0] * 4, settings) == 1_800
    assert suspicious_after([60.0] * 9 + [900.0], settings) == 180
    assert suspicious_after([1.0] * 5, settings) == 10


async def add(
    database: Database,
    number: int,
    lasted: float,
    *,
    option: str,
    then: str = "RUNNING",
    model: str = "meta-llama/Llama-3.1-8B-Instruct",
    machine: float | None = None,
    state: DeploymentState = DeploymentState.LIVE,
) -> Deployment:
    """A deployment whose download took so long, after the machine did if that was seen."""
    async with database.write() as session:
        if await session.get(WatchedProject, 1) is None:
            session.add(Workspace(id=1, enterprise_id="", workspace_id="T1"))
            await session.flush()
            session.add(Channel(id=1, workspace_row_id=1, address="C1"))
            session.add(
                WatchedProject(
                    id=1,
                    api_base="http://localhost",
                    team_id="",
                    project_id="p",
                    key_fingerprint="f",
                    key_last_four="last",
                )
            )
            await session.flush()
        deployment = Deployment(
            request_id=str(number),
            public_id=str(number),
            channel_row_id=1,
            enterprise_id="",
            workspace_id="T1",
            channel_id="C1",
            requester_id="U1",
            target_name="prod",
            watched_project_id=1,
            api_base="http://localhost",
            friendli_project_id="p",
            friendli_team_id="",
            name=str(number),
            request=request(instance_option_id=option, model=model).model_dump(
                mode="json", exclude_none=True
            ),
            price_per_hour="5",
            requested_at=BEGAN,
            state=state,
            endpoint_id=str(number),
        )
        session.add(deployment)
        await session.flush()
        waited = machine or 0.0
        steps = [(DOWNLOADING, waited), (State(then), waited + lasted)]
        if machine is not None:
            steps.insert(0, (GETTING_MACHINE, 0.0))
        for sequence, (shown, seconds) in enumerate(steps, start=1):
            session.add(
                Transition(
                    deployment_id=deployment.id,
                    sequence=sequence,
                    status=shown.status,
                    phase=shown.phase,
                    observed_at=BEGAN + timedelta(seconds=seconds),
                )
            )
    return deployment


async def test_only_the_same_gpus_and_phases_that_went_well_count(database: Database) -> None:
    """What failed, and what ran on other GPUs, says nothing about how long it takes."""
    first = await add(database, 1, 40, option="zfTutSiLn0Hq")
    await add(database, 2, 60, option="zfTutSiLn0Hq")
    await add(database, 3, 7, option="zfTutSiLn0Hq", then="FAILED")
    await add(database, 4, 9, option="zfTutSiLn0Hq", then="TERMINATING")
    elsewhere = next(one for one in INSTANCE_OPTIONS if one.id != "zfTutSiLn0Hq")
    await add(database, 5, 11, option=elsewhere.id)
    async with database.read() as session:
        assert await durations(session, first, DOWNLOADING) == [60, 40]
        assert await durations(session, first, State("AWAKING", "DOWNLOADING_MODEL")) == []
        assert await durations(session, first, State("INITIALIZING")) == []


async def test_a_start_takes_as_long_as_its_phases(database: Database) -> None:
    """Median and 90th percentile, of five starts at least, for phases and the whole start."""
    setup = StartSetup(("H100", 2), "meta-llama/Llama-3.1-8B-Instruct")
    for number, seconds in enumerate((10, 20, 30, 40), start=1):
        await add(database, number, seconds, option="zfTutSiLn0Hq", machine=100)
    async with database.read() as session:
        assert await start_times(session, setup) == StartTimes({}, None)
    await add(database, 5, 50, option="zfTutSiLn0Hq", machine=200)
    async with database.read() as session:
        times = await start_times(session, setup)
        assert await start_times(session, setup, "AWAKING") == StartTimes({}, None)
    assert times.whole == UsualTime(130, 250)
    assert times.phases == {
        "REQUESTING_VIRTUAL_MACHINE": UsualTime(100, 200),
        "DOWNLOADING_MODEL": UsualTime(30, 50),
    }


@pytest.mark.parametrize(
    ("other", "counts"),
    [
        ("meta-llama/Llama-3.1-8B-Instruct", True),
        ("Qwen/Qwen3-14B", True),
        ("Qwen/Qwen3-32B", False),
        ("Qwen/Qwen3-32B-AWQ", True),
        ("Qwen/Qwen3-0.6B", False),
        ("deepseek-ai/DeepSeek-V3", False),
    ],
)
async def test_only_models_of_about_the_same_size_count(
    database: Database, other: str, *, counts: bool
) -> None:
    """The same model, or one whose name tells at most twice or half as many bytes."""
    for number in range(5):
        await add(database, number, 60, option="zfTutSiLn0Hq", model=other)
    async with database.read() as session:
        setup = StartSetup(("H100", 2), "meta-llama/Llama-3.1-8B-Instruct")
        times = await start_times(session, setup)
    assert (times.whole == UsualTime(60, 60)) == counts


async def test_the_weights_on_the_hub_go_before_the_name(database: Database) -> None:
    """A model whose name tells no size is compared by what the Hub said of it."""
    for number in range(5):
        made = await add(database, number, 60, option="zfTutSiLn0Hq", model="org/nameless")
        async with database.write() as session:
            row = await session.get_one(Deployment, made.id)
            row.model_facts = {"repo": "org/nameless", "weights": 141_000_000_000}
    async with database.read() as session:
        for weights, counts in ((100e9, True), (16e9, False), (None, False)):
            setup = StartSetup(("H100", 2), "org/other", weights)
            assert ((await start_times(session, setup)).whole is not None) == counts
