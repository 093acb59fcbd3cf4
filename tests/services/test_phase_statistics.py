from datetime import UTC, datetime, timedelta

import pytest

from bot.db.deployment_tables import Deployment, Transition, WatchedProject
from bot.db.message_tables import Channel, Workspace
from bot.db.session import Database
from bot.domain.deployment_state import DeploymentState
from bot.domain.instances import INSTANCE_OPTIONS
from bot.domain.transitions import State
from bot.sandbox.environment import Environment
from bot.services.phase_statistics import durations, percentile, suspicious_after
from tests.domain.request.test_draft import request

BEGAN = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
DOWNLOADING = State("INITIALIZING", "DOWNLOADING_MODEL")


def test_few_others_say_nothing(env: Environment) -> None:
    """With fewer than ten known, half an hour counts; then three times what nine in ten take."""
    settings = env.settings()
    assert suspicious_after([60.0] * 9, settings) == 1_800
    assert suspicious_after([60.0] * 9 + [900.0], settings) == 180
    assert suspicious_after([1.0] * 10, settings) == 10


@pytest.mark.parametrize(
    ("durations", "share", "expected"),
    [
        ([5.0], 0.9, 5.0),
        ([float(n) for n in range(1, 11)], 0.9, 9.0),
        ([float(n) for n in range(10, 0, -1)], 0.9, 9.0),
        ([float(n) for n in range(1, 21)], 0.9, 18.0),
        ([1.0, 2.0], 1.0, 2.0),
    ],
)
def test_the_percentile_is_one_of_the_durations(
    durations: list[float], share: float, expected: float
) -> None:
    """By nearest rank, in any order."""
    assert percentile(durations, share) == expected


async def add(
    database: Database, number: int, lasted: float, *, option: str, then: str = "RUNNING"
) -> Deployment:
    """A deployment whose download took so long."""
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
            request=request(instance_option_id=option).model_dump(mode="json", exclude_none=True),
            price_per_hour="5",
            requested_at=BEGAN,
            state=DeploymentState.LIVE,
            endpoint_id=str(number),
        )
        session.add(deployment)
        await session.flush()
        for sequence, (state, seconds) in enumerate(
            [(DOWNLOADING, 0.0), (State(then), lasted)], start=1
        ):
            session.add(
                Transition(
                    deployment_id=deployment.id,
                    sequence=sequence,
                    status=state.status,
                    phase=state.phase,
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
