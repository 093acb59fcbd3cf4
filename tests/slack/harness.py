"""Delivery without the rest of the bot: threads in the outbox, and senders."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Settings
from bot.db.claims import Claim, claim_due
from bot.db.clock import now
from bot.db.deployment_tables import Deployment, WatchedProject
from bot.db.message_tables import Channel, Message, Workspace
from bot.db.session import Database
from bot.domain.deployment_state import DeploymentState
from bot.messages.blocks import plan, section, task_card
from bot.messages.body import Body, body
from bot.sandbox.environment import Environment
from bot.sandbox.slack import conversations
from bot.sandbox.slack.request_log import LoggedRequest
from bot.sandbox.slack.sandbox import SlackSandbox
from bot.services import outbox
from bot.slack.clients import SlackClients
from bot.slack.delivery import Sender
from bot.slack.people import People
from bot.workers.claim_loop import Worker

POST, EDIT, DELETE = "chat.postMessage", "chat.update", "chat.delete"
HISTORY, REPLIES = "conversations.history", "conversations.replies"

# For behaviour that doesn't depend on the database, or only on one.
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ON_POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@dataclass(frozen=True, slots=True)
class Thread:
    """A deployment's thread, by the ids of its row and its channel's."""

    id: int
    channel_row: int


def text_body(text: str) -> Body:
    return body(text, section(text))


def plan_body(text: str) -> Body:
    card = task_card("serve", "Serve", "pending")
    return body(text, section(text), plan("Deploying", [card]))


@dataclass
class Harness:
    """A workspace, an outbox, and senders."""

    env: Environment
    database: Database
    settings: Settings
    _stack: AsyncExitStack
    _workers: list[Worker] = field(default_factory=list)

    @property
    def slack(self) -> SlackSandbox:
        return self.env.slack

    @property
    def channel(self) -> conversations.Channel:
        return self.env.channel

    # The outbox

    async def thread(
        self,
        root: Body | str = "root",
        *,
        channel: conversations.Channel | None = None,
        requester: conversations.User | None = None,
        name: str = "llama",
        state: DeploymentState = DeploymentState.LIVE,
        status: str | None = "RUNNING",
    ) -> Thread:
        place = channel or self.channel
        person = requester or self.env.member.user
        async with self.database.write() as session:
            row = await outbox.channel_row(
                session, enterprise_id="", workspace_id="T1", address=place.id
            )
            deployment = Deployment(
                request_id=uuid.uuid4().hex,
                public_id=uuid.uuid4().hex,
                channel_row_id=row,
                enterprise_id="",
                workspace_id="T1",
                channel_id=place.id,
                requester_id=person.id,
                target_name="prod",
                watched_project_id=await _project(session),
                api_base="sandbox",
                friendli_project_id="sandbox-project",
                friendli_team_id="sandbox-team",
                name=name,
                request={},
                price_per_hour="10.00",
                requested_at=now(),
                state=state,
                # A name counts as taken otherwise.
                late=True,
                status=status,
            )
            session.add(deployment)
            await session.flush()
            await outbox.send_root(
                session,
                channel_row_id=row,
                deployment_id=deployment.id,
                body=root if isinstance(root, Body) else text_body(root),
            )
            made = Thread(deployment.id, row)
        self.notify()
        return made

    async def reply(self, thread: Thread, *bodies: Body | str, broadcast: bool = False) -> None:
        """Add replies, each in its own transaction."""
        for one in bodies:
            async with self.database.write() as session:
                await outbox.reply(
                    session,
                    channel_row_id=thread.channel_row,
                    deployment_id=thread.id,
                    body=one if isinstance(one, Body) else text_body(one),
                    broadcast=broadcast,
                )
        self.notify()

    async def cycle(self, thread: Thread, text: str) -> None:
        async with self.database.write() as session:
            await outbox.rewrite_cycle(
                session,
                channel_row_id=thread.channel_row,
                deployment_id=thread.id,
                body=text_body(text),
            )
        self.notify()

    async def redraw(self, thread: Thread, root: Body | str) -> None:
        async with self.database.write() as session:
            await outbox.redraw_root(
                session,
                channel_row_id=thread.channel_row,
                deployment_id=thread.id,
                body=root if isinstance(root, Body) else text_body(root),
            )
        self.notify()

    async def direct(self, person: conversations.User, text: str) -> None:
        async with self.database.write() as session:
            workspace = await outbox.workspace_row(session, enterprise_id="", workspace_id="T1")
            await outbox.send_direct(session, workspace, person.id, text_body(text))
        self.notify()

    # Senders

    async def sender(self, settings: Settings | None = None, *, url: str | None = None) -> Sender:
        """A sender that a test steps; `url` is a proxy to Slack."""
        settings = settings or self.settings
        clients = SlackClients(
            settings.slack_bot_token, url or settings.slack_api_url, timeout=settings.slack_timeout
        )
        self._stack.push_async_callback(clients.close)
        people = People(clients, settings.admins)
        sender = Sender(self.database, clients, settings, find_admins=people.admins)
        self._stack.push_async_callback(sender.close)
        return sender

    async def slow_sender(self, **overrides: float) -> Sender:
        """The same with waits that only `end_waits` ends; `overrides` are settings."""
        waits = {"slack_reconcile_over": 60_000.0, "slack_stopped_retry": 60_000.0}
        return await self.sender(self.settings.model_copy(update={**waits, **overrides}))

    async def run_rounds(self, sender: Sender, *, rounds: int = 1) -> None:
        """Run a sender until nothing is due; end every wait before each round."""
        for _ in range(rounds):
            await self.end_waits()
            await self.run_until_idle(sender)

    @asynccontextmanager
    async def running(self, *, replicas: int = 1, **overrides: float) -> AsyncIterator[None]:
        """Run senders, each as in its own process; `overrides` are settings."""
        settings = self.settings.model_copy(update=overrides)
        workers = []
        for _ in range(replicas):
            sender = await self.sender(settings)
            workers.append(
                Worker(
                    "delivery",
                    self.database,
                    Channel,
                    sender.handle,
                    lease=timedelta(seconds=settings.lease),
                    concurrency=10,
                )
            )
        self._workers += workers
        async with asyncio.TaskGroup() as tasks:
            for worker in workers:
                # A cancelled sender would keep its channel until its lease ends.
                tasks.create_task(worker.run(grace=self.settings.lease))
            try:
                yield
            finally:
                for worker in workers:
                    worker.stop()
                    self._workers.remove(worker)

    def notify(self) -> None:
        for worker in self._workers:
            worker.notify()

    async def claims(self) -> list[Claim]:
        lease = timedelta(seconds=self.settings.lease)
        async with self.database.write() as session:
            return await (await session.connection()).run_sync(
                claim_due, Channel, lease=lease, limit=100
            )

    async def claim(self) -> Claim:
        """Claim the one due channel; raises ValueError for none or several."""
        [claim] = await self.claims()
        return claim

    async def step(self, sender: Sender) -> bool:
        """Handle every due channel once. Returns whether there was one."""
        claims = await self.claims()
        for claim in claims:
            await sender.handle(claim)
        return bool(claims)

    async def run_until_idle(self, sender: Sender) -> None:
        """Run a sender until nothing is due now."""
        while await self.step(sender):
            pass

    async def end_waits(self, *, take_over: bool = False) -> None:
        """End every wait in the outbox; with `take_over`, every lease too."""
        async with self.database.write() as session:
            await session.execute(update(Message).values(due_at=None))
            await session.execute(update(Workspace).values(post_after=None, edit_after=None))
            await session.execute(update(Channel).values(post_after=None))
            due = update(Channel).values(due_at=now())
            await session.execute(due if take_over else due.where(Channel.claimed.is_(False)))
        self.notify()

    # State

    async def row(self, thread: Thread, sequence: int) -> Message:
        """A message of a thread; 0 is the root."""
        async with self.database.read() as session:
            return (
                await session.scalars(
                    select(Message).where(
                        Message.deployment_id == thread.id, Message.sequence == sequence
                    )
                )
            ).one()

    async def seconds_until_due(self, thread: Thread, sequence: int) -> float:
        async with self.database.read() as session:
            present = (await session.execute(select(now()))).scalar_one()
        due = (await self.row(thread, sequence)).due_at
        return 0.0 if due is None else (due - present).total_seconds()

    async def channel_row(self, thread: Thread) -> Channel:
        async with self.database.read() as session:
            return await session.get_one(Channel, thread.channel_row)

    async def workspace_row(self) -> Workspace:
        async with self.database.read() as session:
            return (await session.scalars(select(Workspace))).one()

    async def seconds_until_posts(self) -> float:
        async with self.database.read() as session:
            present = (await session.execute(select(now()))).scalar_one()
        until = (await self.workspace_row()).post_after
        return 0.0 if until is None else (until - present).total_seconds()

    def shown(self, channel: conversations.Channel | None = None) -> list[str]:
        """Messages of a channel in order; replies are indented, broadcast ones begin with #."""
        place = channel or self.channel
        lines = []
        for message in place.messages.values():
            if message.deleted or message.is_reply:
                continue
            lines.append(message.text)
            lines += _replies(place, message.ts)
        return lines

    def orphans(self, channel: conversations.Channel | None = None) -> list[str]:
        """Replies whose root was deleted."""
        place = channel or self.channel
        return [
            line
            for message in place.messages.values()
            if message.deleted and not message.is_reply
            for line in _replies(place, message.ts)
        ]

    def direct_messages(self, person: conversations.User) -> list[str]:
        return [message.text for message in self.slack.direct_message(person).messages.values()]

    def calls(self, operation: str) -> list[LoggedRequest]:
        return self.slack.requests.calls(operation)


async def _project(session: AsyncSession) -> int:
    project = await session.scalar(select(WatchedProject))
    if project is None:
        project = WatchedProject(
            api_base="sandbox",
            team_id="sandbox-team",
            project_id="sandbox-project",
            key_fingerprint="",
            key_last_four="",
        )
        session.add(project)
        await session.flush()
    return project.id


def _replies(place: conversations.Channel, thread_ts: str) -> list[str]:
    return [
        f"  {'# ' if reply.broadcast else ''}{reply.text}" for reply in place.replies(thread_ts)
    ]
