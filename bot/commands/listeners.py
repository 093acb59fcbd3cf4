"""The Bolt app: six listeners, each leading to the registry, and what people see when we fail.

Bolt tries each registered listener in turn, so there is one for each kind of thing that a person
does, and our own dictionaries behind them. With `process_before_response` Bolt answers Slack as
soon as a listener returns; what takes longer goes on in a task of ours.
"""

import asyncio
import logging
import os
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import structlog
from pydantic import ValidationError
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse

from bot.commands import home
from bot.commands.context import DeferredTask, Services, answer, error_message
from bot.commands.dispatch import dispatch
from bot.commands.mention import EphemeralResponder
from bot.commands.registry import SLASH, ClickHandler, Registry
from bot.db.outages import error_name, is_outage
from bot.db.schema_revision import Schema
from bot.domain.errors import UserError
from bot.domain.process import correlation
from bot.domain.process.metrics import DATABASE_ERRORS, DEFECTS
from bot.messages.blocks import Block, section
from bot.messages.body import Body
from bot.slack import payloads
from bot.slack.clients import SlackClients
from bot.slack.deduplication import EventDeduplicator
from bot.slack.deferred_tasks import DeferredTasks
from bot.slack.requests import BlockAction, Event, ShortcutUse, SlashCommand, ViewSubmission

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

Say = Callable[[Body], Awaitable[bool]]


def build(
    registry: Registry,
    services: Services,
    clients: SlackClients,
    background: DeferredTasks,
    schema: Schema,
) -> AsyncApp:
    """Make the Bolt app with its listeners.

    Args:
        registry: Where commands, clicks and submissions lead.
        services: What they work with.
        clients: For the Web API.
        background: Runs what goes on after the acknowledgement.
        schema: While it doesn't fit, nothing is accepted.
    """
    front = _Front(registry, services, background, schema)
    with _unseen_environment():
        app = AsyncApp(
            # Without one, Bolt looks through all modules for the file that made it.
            name=__name__,
            # Bolt takes its loggers' level from this one; from the root's, it would log bodies.
            logger=logging.getLogger("slack_bolt"),
            authorize=_authorizer(clients),
            signing_secret="",
            process_before_response=True,
            # `bot.slack.http_server` checks signatures; a Socket Mode connection is authenticated.
            request_verification_enabled=False,
        )
    app.command(SLASH)(front.command)
    app.action(re.compile(""))(front.action)
    app.view(re.compile(""))(front.submission)
    app.options(re.compile(""))(front.options)
    app.message_shortcut(re.compile(""))(front.shortcut)
    app.event(re.compile(""))(front.event)
    app.error(_unreadable)
    return app


@contextmanager
def _unseen_environment() -> Iterator[None]:
    """Bolt takes more settings from the environment than it is given, and complains of them."""
    seen = {name: value for name, value in os.environ.items() if name.startswith("SLACK_")}
    for name in seen:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(seen)


def _authorizer(clients: SlackClients) -> Callable[..., Awaitable[AuthorizeResult]]:
    async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        # Most of what people ask for needs no identity of ours, so nothing waits for it.
        identity = await clients.identity() if clients.is_known else None
        return AuthorizeResult(
            enterprise_id=enterprise_id,
            team_id=team_id,
            bot_id=identity.bot_id if identity else None,
            bot_user_id=identity.user_id if identity else None,
            bot_token=clients.token.get_secret_value(),
        )

    return authorize


async def _unreadable(error: Exception) -> BoltResponse:
    """What Slack sent makes no sense to us: nobody can be told, since who asked is unknown."""
    log.error("can't read what Slack sent", exc_info=error)
    return BoltResponse(status=400)


class _Front:
    """The listeners."""

    def __init__(
        self, registry: Registry, services: Services, background: DeferredTasks, schema: Schema
    ) -> None:
        self._registry = registry
        self._desk = services
        self._background = background
        self._schema = schema
        self._deduplicator = EventDeduplicator()

    async def command(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """A slash command."""
        asked = payloads.command(body)
        _begin_request("command", "", asked)
        say = self._teller(asked)
        try:
            self._accept()
            work = await dispatch(self._registry, self._desk, asked)
        except Exception as error:  # noqa: BLE001 - every failure is told to the person
            work = await self._excuse(asked, say, error)
        await self._begin(work, say)
        await ack()

    async def action(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """A button or a menu was used."""
        click = payloads.click(body)
        _begin_request("action", click.action_id, click)
        say = self._teller(click)
        handler = self._registry.click(click.action_id)
        try:
            self._accept()
            work = await self._pressed(click, handler) if handler is not None else _stale(say)
        except Exception as error:  # noqa: BLE001 - every failure is told to the person
            work = await self._excuse(click, say, error)
        await self._begin(work, say)
        await ack()

    async def _pressed(self, click: BlockAction, handler: ClickHandler) -> DeferredTask:
        if click.is_in_home:
            return await home.pressed(self._desk, click, handler)
        return await handler(self._desk, click)

    async def submission(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """A modal was submitted."""
        submitted = payloads.submission(body)
        callback_id = submitted.view.get("callback_id", "")
        _begin_request("submission", callback_id, submitted)
        handler = self._registry.submissions.get(callback_id)
        if handler is None:
            await ack()
            return
        try:
            self._accept()
            reaction = await handler(self._desk, submitted)
        except Exception as error:  # noqa: BLE001 - every failure is told to the person
            await ack(**_failed_form(submitted.view, error))
            return
        if reaction.errors:
            await ack(response_action="errors", errors=dict(reaction.errors))
        elif reaction.view is not None:
            await ack(response_action="update", view=dict(reaction.view))
        else:
            await ack()
        self._go_on(reaction.work, None)

    async def options(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """A menu was typed into; one that we can't serve has no options, and Slack says so."""
        query = payloads.query(body)
        handler = self._registry.suggestion(query.action_id)
        found: Sequence[Block] = []
        try:
            self._accept()
            if handler is not None:
                found = await handler(self._desk, query)
        except UserError as error:
            # An empty menu is all that can be shown.
            log.info("no options", why=error.message)
        except Exception:
            log.exception("couldn't find options")
        await ack(options=[dict(option) for option in found])

    async def shortcut(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """An entry of a message's menu was chosen."""
        callback_id, used = payloads.shortcut(body)
        _begin_request("shortcut", callback_id, used)
        say = self._teller(used)
        shortcut = self._registry.shortcuts.get(callback_id)
        try:
            self._accept()
            work = await shortcut.run(self._desk, used) if shortcut is not None else _stale(say)
        except Exception as error:  # noqa: BLE001 - every failure is told to the person
            work = await self._excuse(used, say, error)
        await self._begin(work, say)
        await ack()

    async def event(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Something happened; Slack tells of it up to three times more if we are slow."""
        handler = self._registry.events.get(payloads.event_type(body))
        if handler is None:
            await ack()
            return
        event = payloads.event(body)
        if not self._deduplicator.is_new(event.event_id):
            await ack()
            return
        _begin_request("event", payloads.event_type(body), event)
        say = self._event_teller(event)
        try:
            self._accept()
            work = await handler(self._desk, event)
        except Exception as error:  # noqa: BLE001 - every failure is told to the person
            work = await self._excuse(event, say, error)
        await self._begin(work, say)
        await ack()

    def _accept(self) -> None:
        """Raise OutdatedReplicaError unless this process may take requests."""
        if not self._schema.does_fit():
            raise OutdatedReplicaError

    def _teller(self, asked: SlashCommand | BlockAction | ShortcutUse) -> Say:
        async def say(body: Body) -> bool:
            thread = None if isinstance(asked, SlashCommand) else asked.thread_ts
            if asked.response_url:
                return await self._desk.responses.say(asked.response_url, body, thread_ts=thread)
            if isinstance(asked, BlockAction) and asked.is_in_home:
                await home.tell(self._desk, asked, body)
                return True
            if isinstance(asked, BlockAction) and asked.view is not None:
                return await self._desk.modals.replace(asked.view["id"], _failed_view(body))
            return False

        return say

    def _event_teller(self, event: Event) -> Say:
        if event.tab:
            return partial(home.tell_opened, self._desk, event)
        return EphemeralResponder(self._desk, event).tell

    async def _begin(self, work: DeferredTask, say: Say | None) -> None:
        """Begin what the acknowledgement doesn't wait for.

        Begun after it, work would wait behind all requests that came in since. Where nobody else
        waits, it goes as far as it can at once: a form is on its way half a millisecond earlier.
        """
        alone = self._background.is_idle
        self._go_on(work, say)
        if alone:
            await asyncio.sleep(0)

    def _go_on(self, work: DeferredTask, say: Say | None) -> None:
        if work is not None:
            self._background.start(self._guarded(work, say))

    async def _guarded(self, work: Awaitable[None], say: Say | None) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001 - every failure is told to the person
            excuse = _words(error)
            if say is not None:
                await say(excuse)

    async def _excuse(
        self, asked: SlashCommand | BlockAction | ShortcutUse | Event, say: Say, error: Exception
    ) -> DeferredTask:
        """What tells why a handler gave up, whatever becomes of this process.

        What costs money or decides is done before the acknowledgement, and only that: so the
        refusals of it are those that are raised here.
        """
        said = _words(error)
        row = None
        # An outdated replica writes nothing, and neither does one without its database.
        if not isinstance(error, OutdatedReplicaError) and not is_outage(error):
            row = await self._desk.pending_responses.write(asked.place, asked.person.id, said)
        return self._tell(say, said, row)

    async def _tell(self, say: Say, said: Body, row: int | None) -> None:
        if await say(said) and row is not None:
            await self._desk.pending_responses.shown(row)


class OutdatedReplicaError(UserError):
    """Another version has migrated the database, and this process waits to be replaced."""

    def __init__(self) -> None:
        super().__init__(
            "I'm being replaced by another version of myself, so nothing was started.",
            hint="Try again in a minute.",
        )


def _begin_request(
    kind: str, name: str, asked: SlashCommand | BlockAction | ViewSubmission | ShortcutUse | Event
) -> None:
    """Log who asked for what where; what was typed may hold a key, and isn't logged."""
    correlation.begin(channel=asked.place.channel_id)
    log.info("request", kind=kind, name=name, person=asked.person.id)


async def _stale(say: Say) -> None:
    await say(answer("This button is from an older version of the bot and does nothing any more."))


def _words(error: Exception) -> Body:
    """What a person is shown of a failure; what only operators can use is logged."""
    if isinstance(error, UserError):
        return error_message(error)
    reference = correlation.reference_to_show()
    if is_outage(error):
        DATABASE_ERRORS.labels("web").inc()
        log.warning("database unavailable", reference=reference, error=error_name(error))
        return answer(
            "I can't reach my database right now, so nothing was started. Try again in a minute.",
            hint=f"Reference `{reference}`, for whoever runs this bot.",
        )
    DEFECTS.labels("web").inc()
    log.error("failed in front of a person", reference=reference, exc_info=error)
    if isinstance(error, ValidationError):
        return answer(
            "This is from an older version of the bot. Type the command again.",
            hint=f"Reference `{reference}`, for whoever runs this bot.",
        )
    return answer(
        "Something went wrong on our side; your endpoints weren't touched.",
        hint=f"Reference `{reference}`, for whoever runs this bot.",
    )


def _failed_form(view: Mapping[str, Any], error: Exception) -> dict[str, Any]:
    """How a form answers that failed: what trying again may mend leaves it open as it was typed."""
    said = _words(error)
    passes = isinstance(error, OutdatedReplicaError) or is_outage(error)
    fields = [block["block_id"] for block in view.get("blocks", ()) if block.get("type") == "input"]
    if passes and fields:
        return {"response_action": "errors", "errors": {fields[0]: said.text.replace("`", "")}}
    return {"response_action": "update", "view": _failed_view(said)}


def _failed_view(body: Body) -> dict[str, Any]:
    blocks: list[Block] = body.blocks or [section(body.text)]
    return {
        "type": "modal",
        "title": {"type": "plain_text", "text": "Friendli Deploy"},
        "close": {"type": "plain_text", "text": "Close"},
        "blocks": blocks,
    }
