"""What the tracker remembers of quiet projects, and what makes it read their rows again."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import event, select, update

from bot.db.claims import Claim, claim_due, make_due, release_many
from bot.db.clock import after, now
from bot.db.deployment_tables import Deployment, Transition, WatchedProject
from bot.db.encryption import KeyRing, fingerprint, last_four
from bot.db.message_tables import Channel, Message, Workspace
from bot.db.session import Database
from bot.domain.deployment_state import DeploymentState
from bot.domain.request.deploy_request import DeployRequest
from bot.friendli.client import FriendliClient
from bot.sandbox.environment import API_KEY, PROJECT, TEAM, Environment
from bot.sandbox.faults import Slow
from bot.workers.poller import Poller

REQUEST = DeployRequest(
    target="prod", model="org/model", name="it", instance_option_id="zfTutSiLn0Hq", replicas=1
)


@dataclass
class Watching:
    """A tracker with one project and a running endpoint in it.

    Attributes:
        reads: How often the rows of deployments were read before a poll.
    """

    env: Environment
    database: Database
    poller: Poller
    endpoint: str
    reads: int = 0

    async def claim(self) -> Claim:
        """Claim the project, whenever it is due."""
        async with self.database.write() as session:
            # As time does it, and not a wish.
            await session.execute(update(WatchedProject).values(due_at=now()))
        async with self.database.connection() as connection:
            [claim] = await connection.run_sync(
                claim_due, WatchedProject, lease=timedelta(seconds=60), limit=10
            )
            return claim

    async def poll(self, claim: Claim | None = None) -> None:
        """Poll the project once, and put it back."""
        claim = claim or await self.claim()
        due = await self.poller.handle(claim)
        if due is not None:
            async with self.database.connection() as connection:
                await connection.run_sync(release_many, WatchedProject, [(claim, due)])

    async def statuses(self) -> list[str]:
        """What was recorded, the oldest first."""
        async with self.database.read() as session:
            return list(await session.scalars(select(Transition.status).order_by(Transition.id)))

    async def add(self, endpoint: str, *, project: int = 1, status: str | None = "RUNNING") -> None:
        """A deployment whose endpoint is watched from now on, as an adoption writes it."""
        async with self.database.write() as session:
            session.add(_deployment(self.env, endpoint, project, status))
            await make_due(session, WatchedProject, project)


def _deployment(env: Environment, endpoint: str, project: int, status: str | None) -> Deployment:
    return Deployment(
        request_id=endpoint,
        public_id=endpoint,
        channel_row_id=1,
        enterprise_id="",
        workspace_id="T1",
        channel_id="C1",
        requester_id="U1",
        target_name="prod",
        watched_project_id=project,
        api_base=env.friendli.url,
        friendli_project_id=PROJECT,
        friendli_team_id=TEAM,
        name=endpoint,
        request=REQUEST.model_dump(mode="json", exclude_none=True),
        price_per_hour="5.0",
        requested_at=now(),
        state=DeploymentState.LIVE,
        thread_ts="1.000001",
        endpoint_id=endpoint,
        status=status,
    )


def _made(env: Environment, name: str) -> str:
    endpoint = env.friendli.create(project_id=PROJECT, name=name)
    env.friendli.set_status(endpoint, "RUNNING")
    return endpoint


@pytest.fixture
async def watching(env: Environment, database: Database) -> AsyncIterator[Watching]:
    settings = env.settings()
    key_ring = KeyRing(settings.encryption_keys, None)
    endpoint = _made(env, "it")
    key = SecretStr(API_KEY)
    async with database.write() as session:
        session.add(Workspace(id=1, enterprise_id="", workspace_id="T1"))
        await session.flush()
        session.add(Channel(id=1, workspace_row_id=1, address="C1", channel_id="C1"))
        session.add(
            WatchedProject(
                id=1,
                api_base=env.friendli.url,
                team_id=TEAM,
                project_id=PROJECT,
                key_fingerprint=fingerprint(key),
                key_last_four=last_four(key),
                key_ciphertext=key_ring.encrypt(key),
                due_at=now(),
            )
        )
        await session.flush()
        session.add(_deployment(env, endpoint, 1, "RUNNING"))
    async with FriendliClient(env.friendli.url) as friendli:
        poller = Poller(database, friendli, key_ring, settings)
        made = Watching(env, database, poller, endpoint)

        def count(*execution: object) -> None:
            made.reads += "deployments.missing_since, deployments.unknown_since" in str(
                execution[2]
            ) and "deployments.public_id" not in str(execution[2])

        event.listen(database.engine.sync_engine, "before_cursor_execute", count)
        yield made


async def test_a_quiet_project_is_read_once(watching: Watching) -> None:
    """Polls that bring no news compare with what is remembered."""
    for _ in range(6):
        await watching.poll()
    assert watching.reads == 1


async def test_a_change_is_told_once_and_after_it_the_rows_are_read(watching: Watching) -> None:
    """News go through the rows, and what was remembered is forgotten."""
    for status in ("UPDATING", "RUNNING"):
        await watching.poll()
        await watching.poll()
        watching.env.friendli.set_status(watching.endpoint, status)
        await watching.poll()
        await watching.poll()
    assert await watching.statuses() == ["UPDATING", "RUNNING"]


async def test_an_endpoint_that_is_adopted_is_watched_at_once(watching: Watching) -> None:
    """Whoever adds an endpoint to a project wakes it, which ends all trust in what was known."""
    await watching.poll()
    await watching.poll()
    second = _made(watching.env, "second")
    await watching.add(second)
    watching.env.friendli.set_status(second, "FAILED")
    await watching.poll()
    assert await watching.statuses() == ["FAILED"]


async def test_an_endpoint_that_is_adopted_during_a_poll_is_watched_next(
    watching: Watching,
) -> None:
    """A project that was made due while claimed isn't trusted after its release."""
    await watching.poll()
    claim = await watching.claim()
    second = _made(watching.env, "second")
    await watching.add(second)
    await watching.poll(claim)
    watching.env.friendli.set_status(second, "FAILED")
    await watching.poll()
    assert await watching.statuses() == ["FAILED"]


async def test_what_another_replica_has_told_is_not_told_again_nor_lost(
    watching: Watching,
) -> None:
    """A change there and back, of which another replica saw the first half, is told whole."""
    await watching.poll()
    await watching.poll()
    settings = watching.env.settings()
    async with FriendliClient(watching.env.friendli.url) as friendli:
        key_ring = KeyRing(settings.encryption_keys, None)
        other = Poller(watching.database, friendli, key_ring, settings)
        watching.env.friendli.set_status(watching.endpoint, "SLEEPING")
        await other.handle(await watching.claim())
    watching.env.friendli.set_status(watching.endpoint, "RUNNING")
    await watching.poll()
    assert await watching.statuses() == ["SLEEPING", "RUNNING"]


async def test_a_list_that_was_asked_for_before_we_acted_says_nothing(watching: Watching) -> None:
    """What is done to an endpoint while its project is polled counts, remembered or not."""
    await watching.poll()
    await watching.poll()
    claim = await watching.claim()
    watching.env.friendli.set_status(watching.endpoint, "UPDATING")
    async with watching.database.write() as session:
        await session.execute(update(Deployment).values(last_operation_at=after(0.001)))
        await make_due(session, WatchedProject, 1)
    await watching.poll(claim)
    assert await watching.statuses() == []
    await watching.poll()
    assert await watching.statuses() == ["UPDATING"]


async def test_an_endpoint_that_moves_to_another_key_during_a_poll_is_left_to_it(
    watching: Watching,
) -> None:
    """The poll with the key before may see a project that isn't the endpoint's any more."""
    claim = await watching.claim()
    friendli = watching.env.friendli
    friendli.set_status(watching.endpoint, "UPDATING")
    asked = len(friendli.requests)
    friendli.faults.add(Slow(0.5), operation="list_endpoints")
    poll = asyncio.create_task(watching.poll(claim))
    await friendli.until(lambda: len(friendli.requests) > asked)
    async with watching.database.write() as session:
        first = await session.get_one(WatchedProject, 1)
        moved = WatchedProject(
            id=2,
            api_base=first.api_base,
            team_id=first.team_id,
            project_id=first.project_id,
            key_fingerprint="another",
            key_last_four="0000",
            key_ciphertext=first.key_ciphertext,
        )
        session.add(moved)
        await session.flush()
        await session.execute(update(Deployment).values(watched_project_id=2))
    await poll
    assert await watching.statuses() == []


async def test_a_wiped_key_is_not_used_again(watching: Watching) -> None:
    """Nothing is asked with a key whose last target was disconnected."""
    await watching.poll()
    await watching.poll()
    async with watching.database.write() as session:
        await session.execute(update(WatchedProject).values(key_ciphertext=None))
        await make_due(session, WatchedProject, 1)
    asked = len(watching.env.friendli.requests)
    await watching.poll()
    assert len(watching.env.friendli.requests) == asked


async def test_rows_that_were_changed_behind_our_back_are_read_by_and_by(
    watching: Watching,
) -> None:
    """Who wakes nobody, such as an older version, is noticed within ten polls."""
    await watching.poll()
    second = _made(watching.env, "second")
    async with watching.database.write() as session:
        session.add(_deployment(watching.env, second, 1, "RUNNING"))
    watching.env.friendli.set_status(second, "FAILED")
    for _ in range(11):
        await watching.poll()
    assert await watching.statuses() == ["FAILED"]


async def test_a_change_leads_to_one_message(watching: Watching) -> None:
    """However often it is polled."""
    await watching.poll()
    watching.env.friendli.set_status(watching.endpoint, "FAILED")
    for _ in range(4):
        await watching.poll()
    async with watching.database.read() as session:
        assert len((await session.scalars(select(Message.id))).all()) == 1
