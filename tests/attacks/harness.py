"""Send requests to a bot under attack, and check their effects."""

import asyncio
import io
import json
import logging
import re
import time
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from traceback import format_exception
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

import aiohttp
from pydantic import ValidationError
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from bot.app import Running
from bot.commands.registry import SLASH
from bot.db.deployment_tables import Deployment, Target, WatchedProject
from bot.db.message_tables import Channel, Message
from bot.db.session import Database
from bot.domain.delivery import MessageKind
from bot.sandbox.environment import SIGNING_SECRET, Environment
from bot.sandbox.slack.blocks import check_view, check_view_errors
from bot.sandbox.slack.conversations import Channel as SlackChannel
from bot.sandbox.slack.request_log import Direction
from bot.sandbox.slack.signing import signature
from bot.sandbox.slack.user_client import UserClient
from bot.sandbox.slack.view import View
from bot.sandbox.slack.wire import JsonObject, decode_object
from bot.sandbox.slack.workspace import Content

# What `strategies.CANARIES` would be if it reached Slack as markup.
_PING = re.compile(
    r"<(?:!channel|!here|!everyone|!subteam|@U0EVIL|#C0EVIL|https://evil|mailto:x@evil)"
)
# The user was too slow, or closed the modal meanwhile: valid requests may cause this.
_CLIENT_RACES = frozenset(
    {"expired_trigger_id", "exchanged_trigger_id", "not_found", "hash_conflict"}
)
_INVALID_INPUT_ERRORS = frozenset(
    {
        "channel_not_found",
        "invalid_arguments",
        "invalid_trigger_id",
        "invalid_url",
        "thread_not_found",
        "user_not_found",
        "user_not_in_channel",
        "view_not_found",
    }
)
_INTERNAL_ERROR = re.compile("Something went wrong on our side|I can't reach my database")
ANSWER_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Answer:
    """The bot's HTTP response, and the seconds until it came."""

    status: int
    body: str
    seconds: float

    @property
    def document(self) -> JsonObject:
        """The body, if it is a JSON object; empty otherwise."""
        return decode_object(self.body) or {}


class AttackHarness:
    """A running bot, a client that signs as Slack does, and what the bot logged.

    Args:
        env: The bot's environment.
        logged: The bot's log events.
        leaks: asyncio's complaints.
    """

    def __init__(
        self,
        env: Environment,
        bot: Running,
        http: aiohttp.ClientSession,
        logged: Sequence[MutableMapping[str, Any]],
        leaks: Sequence[str],
    ) -> None:
        self.env = env
        self.bot = bot
        self._http = http
        self._logged = logged
        self._leaks = leaks
        # The numbers of log events and of request log entries that were checked.
        self._looked, self._seen = 0, len(env.slack.requests.entries)

    def __repr__(self) -> str:
        """Hypothesis prints it for each example."""
        return "a bot"

    # Sending

    async def raw(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Post these bytes with these headers."""
        started = time.monotonic()
        sent = io.BytesIO(body)
        async with self._http.post(self.bot.events_url, data=sent, headers=headers) as response:
            said = await response.text(errors="replace")
            return Answer(response.status, said, time.monotonic() - started)

    async def signed(self, body: bytes, kind: str = "application/x-www-form-urlencoded") -> Answer:
        """Post these bytes, signed now."""
        return await self.raw(body, {"Content-Type": kind, **signature_headers(body)})

    async def command(
        self,
        typed: str,
        *,
        person: UserClient | None = None,
        channel: SlackChannel | None = None,
        **changes: str,
    ) -> Answer:
        """Type a slash command; `changes` replace fields of what Slack sends."""
        person, channel = person or self.env.member, channel or self.env.channel
        form = person._slack.payloads.command(person.user, channel, SLASH, typed)
        return await self.signed(form_encoded(form | changes))

    async def interaction(self, payload: JsonObject) -> Answer:
        """Send an interaction's payload."""
        return await self.signed(form_encoded({"payload": json.dumps(payload)}))

    async def send_event(self, event: JsonObject) -> Answer:
        """Send an event of the Events API."""
        return await self.signed(json.dumps(event).encode(), "application/json")

    # Payloads

    def submission(self, view: View, person: UserClient | None = None) -> JsonObject:
        """`view_submission` of an open modal."""
        person = person or self.env.member
        return person._slack.payloads.submission(person.user, view)

    def click(
        self,
        action_id: str,
        value: str = "",
        *,
        person: UserClient | None = None,
        channel: SlackChannel | None = None,
        view: View | None = None,
    ) -> JsonObject:
        """`block_actions` of a button, in a message of a channel or in an open modal."""
        person, channel = person or self.env.member, channel or self.env.channel
        payloads = person._slack.payloads
        action = {
            "type": "button",
            "block_id": "block",
            "action_id": action_id,
            "action_ts": payloads.moment(),
            "value": value,
        }
        common: JsonObject = {
            **payloads._common("block_actions", person.user),
            "actions": [action],
            "trigger_id": payloads.triggers.mint(person.user.id, view.id if view else None),
        }
        if view is not None:
            return {
                **common,
                "container": {"type": "view", "view_id": view.id},
                "view": payloads.modals.document(view),
            }
        workspace = self.env.slack.workspace
        post_ephemeral = workspace.post(
            channel, workspace.bot, Content(text="a button"), ephemeral_to=person.user.id
        )
        return {
            **common,
            "container": {
                "type": "message",
                "message_ts": post_ephemeral.ts,
                "channel_id": channel.id,
            },
            "channel": {"id": channel.id, "name": channel.name},
            "response_url": payloads.response_urls.mint(
                payloads.base, channel, person.user, post_ephemeral
            ),
        }

    def query(
        self,
        action_id: str,
        typed: str,
        *,
        block_id: str = "block",
        person: UserClient | None = None,
        channel: SlackChannel | None = None,
        view: View | None = None,
    ) -> JsonObject:
        """`block_suggestion` of a menu in a message or in an open modal."""
        click = self.click(action_id, person=person, channel=channel, view=view)
        del click["actions"], click["trigger_id"]
        click.pop("response_url", None)
        asked = {"action_id": action_id, "block_id": block_id, "value": typed}
        return {**click, "type": "block_suggestion", **asked}

    def shortcut(
        self,
        callback_id: str,
        metadata: JsonObject | None = None,
        *,
        person: UserClient | None = None,
        channel: SlackChannel | None = None,
    ) -> JsonObject:
        """`message_action`; `metadata` is what an app may attach to a message."""
        person, channel = person or self.env.member, channel or self.env.channel
        workspace = self.env.slack.workspace
        message = workspace.post(channel, person.user, Content(text="a message"))
        payload = person._slack.payloads.message_shortcut(person.user, message, callback_id)
        return {**payload, "message": {**payload["message"], "metadata": metadata}}

    def event(
        self,
        kind: str,
        fields: Mapping[str, object] = MappingProxyType({}),
        *,
        person: UserClient | None = None,
    ) -> JsonObject:
        """An event about a user, in the channel unless `fields` differ."""
        person = person or self.env.member
        happened: JsonObject = {
            "type": kind,
            "user": person.user.id,
            "channel": self.env.channel.id,
            "ts": person._slack.payloads.moment(),
        }
        return person._slack.payloads.event(happened | dict(fields))

    async def open_modal(self, typed: str, person: UserClient | None = None) -> View:
        """Open the modal of a command, and return it."""
        person = person or self.env.member
        before = person.modal
        await self.command(typed, person=person)
        await self.wait_until_idle()
        if person.modal is None or person.modal is before:
            raise LookupError(f"{typed!r} opened no modal")
        return person.modal

    # Checks

    async def wait_until_idle(self) -> None:
        """Wait until all work after acknowledgements is done."""
        while working := [
            task
            for task in asyncio.all_tasks()
            if getattr(task.get_coro(), "__qualname__", "") == "_run_deferred"
        ]:
            async with asyncio.timeout(10):
                await asyncio.wait(working)

    async def check_response(
        self,
        answer: Answer,
        allowed: frozenset[int] = frozenset({200}),
        *,
        shapes_only: bool = False,
    ) -> None:
        """Check a response and everything that has happened since the last check.

        Args:
            allowed: HTTP statuses.
            shapes_only: Whether the payload's ids may be invalid, so that Slack refuses them.
        """
        await self.wait_until_idle()
        self.check(shapes_only=shapes_only)
        assert answer.status in allowed, answer
        assert answer.seconds < ANSWER_SECONDS
        assert not _INTERNAL_ERROR.search(answer.body), answer
        assert not _PING.search(" ".join(mrkdwn(answer.document))), answer
        if "view" in answer.document:
            assert not check_view(answer.document["view"])

    def check(self, *, shapes_only: bool = False) -> None:
        """Check what was logged and sent since the last check."""
        events, entries = (
            self._logged[self._looked :],
            self.env.slack.requests.entries[self._seen :],
        )
        # One example's errors don't count for the next one.
        self._looked, self._seen = len(self._logged), len(self.env.slack.requests.entries)
        for event in events:
            assert _is_expected(event), _shown(event)
        assert not self._leaks
        for entry in entries:
            if entry.direction is Direction.TO_SLACK:
                document = decode_object(entry.body) or {}
                said = " ".join(mrkdwn(_unpacked(document)))
                assert not _PING.search(said), entry
                assert not _INTERNAL_ERROR.search(said), (entry, self._logged[-3:])
                if entry.note:
                    continue  # the effect of an injected fault
                fine = _CLIENT_RACES | (_INVALID_INPUT_ERRORS if shapes_only else set())
                assert not entry.error or entry.error in fine, entry
                assert "/view/" not in entry.answer, entry

    async def is_connected(self) -> bool:
        """Whether the channel has a target."""
        database = Database(self.env.database)
        try:
            async with database.read() as session:
                return await session.scalar(select(Target.id).limit(1)) is not None
        finally:
            await database.close()

    async def check_stored_rows(self) -> None:
        """Check that stored rows are complete: a deployment has its thread, a target its key."""
        database = Database(self.env.database)
        try:
            async with database.read() as session:
                # PostgreSQL enforces them.
                if database.is_sqlite:
                    assert not (await session.execute(text("PRAGMA foreign_key_check"))).all()
                deployments = (await session.scalars(select(Deployment))).all()
                roots = await session.scalars(
                    select(Message.deployment_id).where(Message.kind == MessageKind.ROOT)
                )
                assert sorted(one.id for one in deployments) == sorted(
                    id_ for id_ in roots if id_ is not None
                )
                projects = {one.id: one for one in await session.scalars(select(WatchedProject))}
                for target in await session.scalars(select(Target)):
                    assert projects[target.watched_project_id].key_ciphertext
                channels = {one.id: one.address for one in await session.scalars(select(Channel))}
                for one in deployments:
                    assert channels[one.channel_row_id] == one.channel_id
                # A form from an unknown channel has no thread.
                known = self.env.slack.workspace.channels
                wanted = {one.public_id for one in deployments if one.channel_id in known}
                await self.env.slack.until(lambda: wanted <= self._announced())
                assert wanted == self._announced()
        finally:
            await database.close()

    def _announced(self) -> set[str]:
        """The deployments whose status messages are in Slack."""
        return {
            str(deployment)
            for channel in self.env.slack.workspace.channels.values()
            for message in channel.messages.values()
            # Direct messages are about none.
            if message.metadata
            and not message.is_reply
            and (deployment := message.metadata["event_payload"]["deployment"])
        }


def signature_headers(
    body: bytes, *, at: float | str | None = None, secret: str = SIGNING_SECRET
) -> JsonObject:
    """The headers of a signed request.

    Args:
        at: The timestamp, in seconds since 1970; now if None.
        secret: Slack's, or another one.
    """
    timestamp = at if isinstance(at, str) else str(int(time.time() if at is None else at))
    return {
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": signature(secret, timestamp, body),
    }


def form_encoded(form: Mapping[str, object]) -> bytes:
    """A form as bytes; lone surrogates become the three bytes of a careless client."""
    return urlencode(form, errors="surrogatepass").encode()


def are_errors_valid(answer: Answer, view: JsonObject) -> bool:
    """Whether Slack would show the errors of a submission's response."""
    errors = answer.document.get("errors")
    return errors is None or not check_view_errors(errors, view)


def mrkdwn(part: object) -> Iterator[str]:
    """Every text of a request or a response that Slack parses as mrkdwn."""
    if isinstance(part, list):
        for item in part:
            yield from mrkdwn(item)
    elif isinstance(part, dict) and part.get("type") != "plain_text":
        for key, value in part.items():
            if key == "text" and isinstance(value, str):
                yield value
            elif key not in ("private_metadata", "value", "state"):
                yield from mrkdwn(value)


def _unpacked(document: JsonObject) -> JsonObject:
    """Decode arguments that are JSON in text."""
    return {
        key: json.loads(value) if key in ("blocks", "view") and isinstance(value, str) else value
        for key, value in document.items()
    }


def _shown(event: MutableMapping[str, Any]) -> str:
    """A log event with its traceback."""
    error = event.get("exc_info")
    traceback = format_exception(error) if isinstance(error, BaseException) else []
    return "".join([f"{dict(event)}\n", *traceback])


def _is_expected(event: MutableMapping[str, Any]) -> bool:
    if logging.getLevelNamesMapping()[event["log_level"].upper()] < logging.ERROR:
        return True
    if event["event"] == "malformed request from Slack":
        return True
    if event["event"] == "failed" and isinstance(event["exc_info"], OperationalError):
        # The machine is so busy that a writer waited for two seconds; its row comes due again.
        return True
    # A form or button of another version of the bot; the user is notified.
    return isinstance(event.get("exc_info"), ValidationError)
