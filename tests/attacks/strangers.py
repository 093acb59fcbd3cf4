"""Users of other channels and workspaces, the ids they have, and what they must not change."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Table, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.base import Base
from bot.db.message_tables import Message
from bot.db.operation_tables import AuditEntry
from bot.db.session import Database
from bot.domain.audit_effect import Effect
from bot.domain.delivery import MessageKind
from bot.sandbox.environment import PROJECT, TEAM, Environment
from bot.sandbox.friendli.request_log import RequestRecord
from bot.sandbox.slack.conversations import Channel
from bot.sandbox.slack.user_client import UserClient
from bot.sandbox.slack.wire import JsonObject
from tests.attacks.harness import AttackHarness, form_encoded

# Requests whose content only one user sees; strangers must find no secrets in them.
_PRIVATE_RESPONSES = {
    "response_url",
    "views.open",
    "views.update",
    "views.push",
    "views.publish",
    "chat.postEphemeral",
}
# Claims and heartbeats change by themselves.
_VOLATILE_COLUMNS = {"due_at", "fencing_token", "claimed", "due_again"}
# Delivery states change by themselves; only the ids of these rows are compared.
_BY_ID = {"channels", "messages", "workspaces"}
_TABLES = [
    table for table in Base.metadata.sorted_tables if table.name not in {"audit", "replicas"}
]


@dataclass(frozen=True)
class StolenIds:
    """Everything that a channel's messages and forms contain.

    Attributes:
        ids: By their placeholders in the tables.
        forms: Open forms by callback id, ready to be submitted.
        thread_ts: The thread of the serving deployment.
    """

    ids: Mapping[str, str]
    forms: Mapping[str, JsonObject]
    thread_ts: str

    def __repr__(self) -> str:
        return "what lies in the first place"

    def filled_in(self, template: str) -> str:
        """A template with the ids filled in."""
        return re.sub(r"[A-Z]{6,}", lambda found: self.ids.get(found[0], found[0]), template)


@dataclass(frozen=True)
class Stranger:
    """A user from elsewhere.

    Attributes:
        channel: Where they write.
        rewrite: Turns payloads of this workspace into theirs.
        can_read_channel: Whether they are in the attacked channel, as guests.
    """

    person: UserClient
    channel: Channel
    rewrite: Callable[[JsonObject], JsonObject]
    can_read_channel: bool = False

    def __repr__(self) -> str:
        return "somebody from elsewhere"


async def stored_rows(env: Environment) -> dict[str, list[tuple[object, ...]]]:
    """All rows without claims, and the audit without denied attempts."""
    database = Database(env.database)
    try:
        async with database.read() as session:
            found = {table.name: await _rows(session, table) for table in _TABLES}
            done = select(AuditEntry.id).where(AuditEntry.effect != Effect.DENIED)
            return found | {"audit": [tuple(row) for row in await session.execute(done)]}
    finally:
        await database.close()


async def _rows(session: AsyncSession, table: Table) -> list[tuple[object, ...]]:
    every = table.primary_key.columns if table.name in _BY_ID else table.columns
    columns = [column for column in every if column.name not in _VOLATILE_COLUMNS]
    found = select(*columns)
    if table.name == "channels":
        # Direct messages to users whom Slack may not have shown a click's outcome.
        found = found.where(~table.c.address.startswith("@"))
    if table.name == "messages":
        found = found.where(table.c.kind != MessageKind.DIRECT)
    return [tuple(row) for row in await session.execute(found)]


async def queued_direct_messages(env: Environment) -> list[str]:
    """Direct messages in the outbox that Slack hasn't shown yet."""
    database = Database(env.database)
    try:
        async with database.read() as session:
            query = select(Message.body).where(Message.kind == MessageKind.DIRECT)
            return [str(body) for body in await session.scalars(query)]
    finally:
        await database.close()


class LeakCheck:
    """Checks that a stranger changes nothing and learns nothing."""

    def __init__(self, attack: AttackHarness, stranger: Stranger, stolen_ids: StolenIds) -> None:
        self._attack = attack
        self._stranger = stranger
        self._secret = [PROJECT, TEAM, stolen_ids.ids["ENDPOINT"], "theirs-oncall"]

    async def begin(self) -> None:
        """Store the current state."""
        self._before = await stored_rows(self._attack.env)
        self._said = len(self._attack.env.slack.requests.entries)
        # The log keeps the latest requests only.
        self._last_request = max((one.number for one in self._requests()), default=0)

    async def send(self, *payloads: JsonObject) -> None:
        """Send a stranger's payloads, and check the responses.

        Raises:
            AssertionError: There is no response, or it contains a secret.
        """
        for payload in payloads:
            disguised = self._stranger.rewrite(payload)
            if "command" in payload:
                answer = await self._attack.signed(form_encoded(disguised))
            elif "event" in payload:
                answer = await self._attack.send_event(disguised)
            else:
                answer = await self._attack.interaction(disguised)
            assert answer.status == 200
            self._check_leaks_nothing(answer.body)

    async def check_nothing_changed(self) -> None:
        """Check that nothing was changed, and nothing secret was sent.

        Raises:
            AssertionError: Something was.
        """
        env = self._attack.env
        await self._attack.wait_until_idle()
        # The attacked channel's threads don't exist in the stranger's.
        self._attack.check(shapes_only=True)
        present = await stored_rows(env)
        for name, before in self._before.items():
            assert [row for row in present[name] if row not in before] == [], name
            assert len(present[name]) == len(before), name
        late = [one for one in self._requests() if one.number > self._last_request]
        assert [one for one in late if one.method != "GET"] == []
        for words in await queued_direct_messages(env):
            self._check_leaks_nothing(words)
        for entry in env.slack.requests.entries[self._said :]:
            if entry.operation in _PRIVATE_RESPONSES:
                self._check_leaks_nothing(entry.body)

    def _check_leaks_nothing(self, words: str) -> None:
        if not self._stranger.can_read_channel:
            assert [secret for secret in self._secret if secret in words] == [], words

    def _requests(self) -> Sequence[RequestRecord]:
        return self._attack.env.friendli.requests
