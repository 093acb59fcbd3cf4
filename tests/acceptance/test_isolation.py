"""Stories of one target's trouble that must not be another's."""

import asyncio
from datetime import timedelta
from functools import partial

import pytest
from pydantic import SecretStr
from sqlalchemy import update

from bot.db.clock import now
from bot.db.deployment_tables import Deployment, WatchedProject
from bot.db.encryption import KeyRing, fingerprint
from bot.db.session import Database
from bot.domain.deployment_state import DeploymentState
from bot.friendli.client import FriendliClient, TimeLimits
from bot.sandbox.environment import API_KEY, PROJECT, TEAM, Environment
from bot.sandbox.faults import Call, Hang
from bot.services import outbox
from bot.workers.claim_loop import Worker
from bot.workers.poller import Poller
from tests.acceptance.deploying import deploy
from tests.acceptance.thread_assertions import roots
from tests.conftest import SHORT_WAITS

CROWD = 12


async def spoil(env: Environment, name: str) -> None:
    """Make a deployment's row unreadable, as a defect could."""
    database = Database(env.database)
    async with database.write() as session:
        await session.execute(
            update(Deployment).where(Deployment.name == name).values(request={"made": "no sense"})
        )
    await database.close()


def says(env: Environment, number: int, words: str) -> bool:
    """Whether the last reply of a thread has these words."""
    replies = env.channel.replies(roots(env)[number].ts)
    return bool(replies) and words in replies[-1].text


@pytest.mark.usefixtures("bot")
async def test_a_row_that_can_t_be_read_silences_no_neighbour(env: Environment) -> None:
    """What happens to the other endpoints of its project is told, and so is an outage."""
    first = await deploy(env, "first")
    second = await deploy(env, "second")
    await spoil(env, "first")
    env.friendli.set_status(first, "RUNNING")
    env.friendli.set_status(second, "RUNNING")
    await env.slack.until(partial(says, env, 1, "went live"))
    env.friendli.set_status(second, "SLEEPING")
    await env.slack.until(partial(says, env, 1, "sleep"))
    assert not says(env, 0, "went live")


async def test_projects_that_hang_leave_room_for_those_that_answer(env: Environment) -> None:
    """However many are silent, those that answer are asked as often as before."""
    settings = env.settings(**SHORT_WAITS)
    database = Database(env.database)
    await watch(database, env)
    limits = TimeLimits(read=0.2)
    async with FriendliClient(settings.friendli_api_url, limits=limits) as friendli:
        hung = env.friendli.faults.add(Hang(), when=is_of_crowd, times=None)
        poller = Poller(
            database,
            friendli,
            KeyRing(settings.encryption_keys),
            settings,
            failing_at_once=2,
        )
        lease = timedelta(seconds=settings.lease)
        worker = Worker(
            "poller", database, WatchedProject, poller.handle, lease=lease, concurrency=4
        )
        work = asyncio.create_task(worker.run(grace=1.0))
        # Once each has failed, it waits for its turn among those that fail.
        await env.friendli.until(lambda: hung.taken >= CROWD)
        before = (answered(env), hung.taken)
        await env.friendli.until(lambda: answered(env) >= before[0] + 20)
        # In turns with all others, each would have been asked as often as the one that answers.
        assert hung.taken - before[1] < 20 * CROWD / 2
        worker.stop()
        await work
    await database.close()


async def watch(database: Database, env: Environment) -> None:
    """Watch an endpoint of the sandbox's project, and one in each of many further projects."""
    key_ring = KeyRing([env.encryption_key])
    endpoint = env.friendli.create(project_id=PROJECT, name="it")
    async with database.write() as session:
        channel = await outbox.channel_row(
            session, enterprise_id="", workspace_id="T1", address="C1"
        )
        for number, project_id in enumerate([PROJECT, *(f"silent-{n}" for n in range(CROWD))]):
            project = WatchedProject(
                api_base=env.friendli.url,
                team_id=TEAM,
                project_id=project_id,
                key_fingerprint=fingerprint(SecretStr(API_KEY)),
                key_last_four="",
                key_ciphertext=key_ring.encrypt(SecretStr(API_KEY)),
                due_at=now(),
            )
            session.add(project)
            await session.flush()
            session.add(
                Deployment(
                    request_id=f"{number}",
                    public_id=f"{number}",
                    channel_row_id=channel,
                    enterprise_id="",
                    workspace_id="T1",
                    channel_id="C1",
                    requester_id="U1",
                    target_name="prod",
                    watched_project_id=project.id,
                    api_base=env.friendli.url,
                    friendli_project_id=project_id,
                    friendli_team_id=TEAM,
                    name="it",
                    request={},
                    spec={},
                    price_per_hour="",
                    requested_at=now(),
                    state=DeploymentState.LIVE,
                    endpoint_id=endpoint if project_id == PROJECT else f"silent-{number}",
                    # As the sandbox shows it, so that there is nothing to tell.
                    status="INITIALIZING",
                    phase="REQUESTING_VIRTUAL_MACHINE",
                )
            )


def answered(env: Environment) -> int:
    """How many lists of the project that answers were asked for."""
    lists = [one for one in env.friendli.requests if one.operation == "list_endpoints"]
    return sum(one.query.get("project_id") == PROJECT for one in lists)


def is_of_crowd(call: Call) -> bool:
    """Whether a request is about one of the silent projects."""
    return call.query.get("project_id", PROJECT) != PROJECT
