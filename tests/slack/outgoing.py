"""The bot's outgoing side alone: threads in the outbox, and senders that work through them."""

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

# Where the database makes no difference, or only one of them does.
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ON_POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@dataclass(frozen=True, slots=True)
class Thread:
    """A deployment as the sender sees it.

    Attributes:
        id: Its row.
        channel_row: Of the channel it was asked for in.
    """

    id: int
    channel_row: int


def said(text: str) -> Body:
    """A body of one section."""
    return body(text, section(text))


def planned(text: str) -> Body:
    """A body with a plan, as roots have it."""
    card = task_card("serve", "Serve", "pending")
    return body(text, section(text), plan("Deploying", [card]))


@dataclass
class Outgoing:
    """A workspace, the outbox, and as many senders as a test wants.

    Attributes:
        world: Where people are.
        database: The outbox lies here.
        settings: The senders' own.
    """

    env: Environment
    database: Database
    settings: Settings
    _stack: AsyncExitStack
    _workers: list[Worker] = field(default_factory=list)

    @property
    def slack(self) -> SlackSandbox:
        """The workspace."""
        return self.env.slack

    @property
    def channel(self) -> conversations.Channel:
        """Where threads are unless a test says otherwise."""
        return self.env.channel

    # What the rest of the bot writes

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
        """Open a thread for a deployment that has come so far."""
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
                body=root if isinstance(root, Body) else said(root),
            )
            made = Thread(deployment.id, row)
        self.notify()
        return made

    async def reply(self, thread: Thread, *bodies: Body | str, broadcast: bool = False) -> None:
        """Add replies to a thread, each in a transaction of its own."""
        for one in bodies:
            async with self.database.write() as session:
                await outbox.reply(
                    session,
                    channel_row_id=thread.channel_row,
                    deployment_id=thread.id,
                    body=one if isinstance(one, Body) else said(one),
                    broadcast=broadcast,
                )
        self.notify()

    async def cycle(self, thread: Thread, text: str) -> None:
        """Write, or rewrite, the one reply about sleeping and waking."""
        async with self.database.write() as session:
            await outbox.rewrite_cycle(
                session,
                channel_row_id=thread.channel_row,
                deployment_id=thread.id,
                body=said(text),
            )
        self.notify()

    async def redraw(self, thread: Thread, root: Body | str) -> None:
        """Change a root."""
        async with self.database.write() as session:
            await outbox.redraw_root(
                session,
                channel_row_id=thread.channel_row,
                deployment_id=thread.id,
                body=root if isinstance(root, Body) else said(root),
            )
        self.notify()

    async def direct(self, person: conversations.User, text: str) -> None:
        """Write to a person."""
        async with self.database.write() as session:
            workspace = await outbox.workspace_row(session, enterprise_id="", workspace_id="T1")
            await outbox.send_direct(session, workspace, person.id, said(text))
        self.notify()

    # Senders

    async def sender(self, settings: Settings | None = None, *, url: str | None = None) -> Sender:
        """A sender that isn't at work; `url` leads it to Slack by another way."""
        settings = settings or self.settings
        clients = SlackClients(
            settings.slack_bot_token, url or settings.slack_api_url, timeout=settings.slack_timeout
        )
        self._stack.push_async_callback(clients.close)
        people = People(clients, settings.admins)
        sender = Sender(self.database, clients, settings, find_admins=people.admins)
        self._stack.push_async_callback(sender.close)
        return sender

    async def patient_sender(self, **overrides: float) -> Sender:
        """A sender whose waits last until a test ends them with `hurry`.

        Args:
            overrides: Settings that differ.
        """
        waits = {"slack_reconcile_over": 60_000.0, "slack_stopped_retry": 60_000.0}
        return await self.sender(self.settings.model_copy(update={**waits, **overrides}))

    async def work_on(self, sender: Sender, *, rounds: int = 1) -> None:
        """Let a sender work until nothing is due, with every wait over before each round."""
        for _ in range(rounds):
            await self.hurry()
            await self.settle(sender)

    @asynccontextmanager
    async def at_work(self, *, replicas: int = 1, **overrides: float) -> AsyncIterator[None]:
        """Senders at work, each as in a process of its own, until the block ends.

        Args:
            replicas: How many.
            overrides: Settings that differ.
        """
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
                # One cut short would keep its channel until its lease ends.
                tasks.create_task(worker.run(grace=self.settings.lease))
            try:
                yield
            finally:
                for worker in workers:
                    worker.stop()
                    self._workers.remove(worker)

    def notify(self) -> None:
        """Tell the senders at work that something was written."""
        for worker in self._workers:
            worker.notify()

    async def claims(self) -> list[Claim]:
        """Claim every channel that is due."""
        lease = timedelta(seconds=self.settings.lease)
        async with self.database.write() as session:
            return await (await session.connection()).run_sync(
                claim_due, Channel, lease=lease, limit=100
            )

    async def claim(self) -> Claim:
        """Claim the one channel that is due.

        Raises:
            ValueError: There is none, or there are several.
        """
        [held] = await self.claims()
        return held

    async def step(self, sender: Sender) -> bool:
        """Let a sender handle every channel that is due, once. Returns whether there was one."""
        claims = await self.claims()
        for held in claims:
            await sender.handle(held)
        return bool(claims)

    async def settle(self, sender: Sender) -> None:
        """Let a sender work until nothing is due now."""
        while await self.step(sender):
            pass

    async def hurry(self, *, take_over: bool = False) -> None:
        """End every wait in the outbox; with `take_over`, every lease too."""
        async with self.database.write() as session:
            await session.execute(update(Message).values(due_at=None))
            await session.execute(update(Workspace).values(post_after=None, edit_after=None))
            await session.execute(update(Channel).values(post_after=None))
            due = update(Channel).values(due_at=now())
            await session.execute(due if take_over else due.where(Channel.claimed.is_(False)))
        self.notify()

    # What there is

    async def row(self, thread: Thread, sequence: int) -> Message:
        """A message of a thread, as the outbox has it now; 0 is the root."""
        async with self.database.read() as session:
            return (
                await session.scalars(
                    select(Message).where(
                        Message.deployment_id == thread.id, Message.sequence == sequence
                    )
                )
            ).one()

    async def waits(self, thread: Thread, sequence: int) -> float:
        """Seconds until a message is looked at again."""
        async with self.database.read() as session:
            present = (await session.execute(select(now()))).scalar_one()
        due = (await self.row(thread, sequence)).due_at
        return 0.0 if due is None else (due - present).total_seconds()

    async def channel_row(self, thread: Thread) -> Channel:
        """The channel of a thread, as the outbox has it now."""
        async with self.database.read() as session:
            return await session.get_one(Channel, thread.channel_row)

    async def workspace_row(self) -> Workspace:
        """The workspace, as the outbox has it now."""
        async with self.database.read() as session:
            return (await session.scalars(select(Workspace))).one()

    async def posts_wait(self) -> float:
        """Seconds until the workspace takes posts again."""
        async with self.database.read() as session:
            present = (await session.execute(select(now()))).scalar_one()
        until = (await self.workspace_row()).post_after
        return 0.0 if until is None else (until - present).total_seconds()

    def shown(self, channel: conversations.Channel | None = None) -> list[str]:
        """What stands in a channel, in order: replies are indented, broadcast ones begin with #."""
        place = channel or self.channel
        lines = []
        for message in place.messages.values():
            if message.deleted or message.is_reply:
                continue
            lines.append(message.text)
            lines += _replies(place, message.ts)
        return lines

    def orphans(self, channel: conversations.Channel | None = None) -> list[str]:
        """The replies that are left of a thread whose root was deleted."""
        place = channel or self.channel
        return [
            line
            for message in place.messages.values()
            if message.deleted and not message.is_reply
            for line in _replies(place, message.ts)
        ]

    def told(self, person: conversations.User) -> list[str]:
        """What a person was told directly."""
        return [message.text for message in self.slack.direct_message(person).messages.values()]

    def calls(self, operation: str) -> list[LoggedRequest]:
        """The requests of a method so far."""
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
