"""The six listeners: parse the request, check it, run its handler, acknowledge.

What a handler defers runs in a task of ours, so that Slack isn't kept waiting.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import structlog
from slack_bolt.async_app import AsyncAck

from bot.commands.dispatch import Dispatcher
from bot.commands.durable_response import durable_response
from bot.commands.error_messages import OutdatedReplicaError, error_message, form_error
from bot.commands.home import HomeTab
from bot.commands.registry import DeferredTask, Registry, deferred
from bot.commands.target_lookup import NotConnectedError
from bot.commands.unconnected import Unconnected
from bot.db.outages import is_outage
from bot.db.schema_revision import Schema
from bot.domain.errors import UserError
from bot.domain.process import correlation
from bot.messages.answer import answer
from bot.messages.blocks import Block
from bot.messages.body import Body
from bot.services.pending_responses import PendingResponses
from bot.slack import payloads
from bot.slack.deduplication import EventDeduplicator
from bot.slack.deferred_tasks import DeferredTasks
from bot.slack.requests import BlockAction, Request
from bot.slack.responder import current
from bot.slack.responses import Responses

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

_R = TypeVar("_R", bound=Request)
_SLOW = "Working on it. This takes longer than usual."


class Listeners:
    """The listeners of the Bolt app.

    Args:
        home: The Home tab, whose buttons act in the channel of their endpoint.
        pending_responses: Keeps answers that must arrive.
        schema: While it doesn't fit, nothing is accepted.
        slow_notice_after: Seconds after which a click that has shown nothing gets a notice.
    """

    def __init__(
        self,
        registry: Registry,
        dispatcher: Dispatcher,
        home: HomeTab,
        responses: Responses,
        pending_responses: PendingResponses,
        deferred_tasks: DeferredTasks,
        schema: Schema,
        unconnected: Unconnected,
        slow_notice_after: float,
    ) -> None:
        self._registry = registry
        self._dispatcher = dispatcher
        self._home = home
        self._responses = responses
        self._pending_responses = pending_responses
        self._deferred_tasks = deferred_tasks
        self._schema = schema
        self._unconnected = unconnected
        self._slow_notice_after = slow_notice_after
        self._deduplicator = EventDeduplicator()

    async def command(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        command = self._begin("command", "", payloads.command(body))
        await self._handle(command, self._dispatcher.run)
        await ack()

    async def action(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        click = payloads.click(body)
        click = self._begin("action", click.action_id, click)
        handler = self._registry.click(click.action_id)
        if handler is not None and click.is_in_home:
            handler = partial(self._home.run, handler=handler)
        await self._handle(click, handler or _outdated)
        await ack()

    async def submission(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        submission = payloads.submission(body)
        callback_id = submission.view.get("callback_id", "")
        submission = self._begin("submission", callback_id, submission)
        handler = self._registry.submissions.get(callback_id)
        if handler is None:
            await ack()
            return
        try:
            self._check(submission)
            response = await handler(submission)
        except Exception as error:  # noqa: BLE001 - every failure is shown to the person
            await ack(**form_error(submission.view, error))
            return
        if response.errors:
            await ack(response_action="errors", errors=dict(response.errors))
        elif response.view is not None:
            action = "push" if response.is_pushed else "update"
            await ack(response_action=action, view=dict(response.view))
        elif response.closes_all:
            await ack(response_action="clear")
        else:
            await ack()
        self._start(response.work, submission)

    async def options(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """A menu without options is all that can be shown of an error."""
        request = payloads.options_request(body)
        handler = self._registry.suggestion(request.action_id)
        found: Sequence[Block] = []
        try:
            self._check(request)
            if handler is not None:
                found = await handler(request)
        except UserError as error:
            log.info("no options", why=error.message)
        except Exception:
            log.exception("couldn't find options")
        await ack(options=[dict(option) for option in found])

    async def shortcut(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        used = payloads.shortcut(body)
        used = self._begin("shortcut", used.callback_id, used)
        shortcut = self._registry.shortcuts.get(used.callback_id)
        await self._handle(used, shortcut.run if shortcut is not None else _outdated)
        await ack()

    async def event(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Slack delivers an event up to three times more if we are slow."""
        kind = payloads.event_type(body)
        handler = self._registry.events.get(kind)
        if handler is not None:
            event = payloads.event(body)
            if self._deduplicator.is_new(event.event_id):
                event = self._begin("event", kind, event)
                await self._handle(event, handler)
        await ack()

    def _begin(self, kind: str, name: str, request: _R) -> _R:
        """Log the request, without its text, which may hold a key."""
        correlation.begin(channel=request.place.channel_id)
        log.info("request", kind=kind, name=name, person=request.person.id)
        return self._responses.attach(request)

    def _check(self, request: Request) -> None:
        if not self._schema.is_current():
            raise OutdatedReplicaError
        if request.is_foreign:
            raise UserError("This form belongs to another workspace.")

    async def _handle(self, request: _R, handler: Callable[[_R], Awaitable[DeferredTask]]) -> None:
        current.set(request.responder)
        timer = self._notice_if_slow(request)
        try:
            self._check(request)
            work = await handler(request)
        except Exception as error:  # noqa: BLE001 - every failure is shown to the person
            work = await self._error_response(request, error)
        # Started after the acknowledgement, work would wait behind all requests that came in
        # since. Where nobody else waits, it runs as far as it can at once: a form is on its way
        # half a millisecond earlier.
        is_alone = self._deferred_tasks.is_idle
        self._start(work, request, timer)
        if is_alone:
            await asyncio.sleep(0)

    def _start(
        self, work: DeferredTask, request: Request, timer: asyncio.TimerHandle | None = None
    ) -> None:
        if work is not None:
            self._deferred_tasks.start(_run_deferred(work, request, self._message, timer))
        elif timer is not None:
            timer.cancel()

    def _notice_if_slow(self, request: Request) -> asyncio.TimerHandle | None:
        """A click in a message that shows nothing for a while gets a notice."""
        if not isinstance(request, BlockAction) or request.view is not None or request.is_in_home:
            return None

        def say() -> None:
            if not request.responder.has_answered:
                self._deferred_tasks.start(_say(request, answer(_SLOW)))

        return asyncio.get_running_loop().call_later(self._slow_notice_after, say)

    async def _error_response(self, request: Request, error: Exception) -> DeferredTask:
        """Show why a handler failed, even if this process dies before.

        Only what costs money or decides runs in a handler, and so only its refusals come here.
        """
        message = await self._message(error, request)
        # An outdated replica writes nothing, and neither does one without its database.
        if isinstance(error, OutdatedReplicaError) or is_outage(error):
            return _say(request, message)
        return await durable_response(self._pending_responses, request, message)

    async def _message(self, error: Exception, request: Request) -> Body:
        if isinstance(error, NotConnectedError):
            error = await self._unconnected.refusal(request)
        return error_message(error)


async def _run_deferred(
    work: Awaitable[None],
    request: Request,
    message: Callable[[Exception, Request], Awaitable[Body]],
    timer: asyncio.TimerHandle | None,
) -> None:
    try:
        await work
    except Exception as error:  # noqa: BLE001 - every failure is shown to the person
        await request.responder.say(await message(error, request))
    finally:
        if timer is not None:
            timer.cancel()


@deferred
async def _outdated(request: Request) -> None:
    await _say(
        request,
        answer("This button is from an older version of the bot and no longer works."),
    )


async def _say(request: Request, body: Body) -> None:
    await request.responder.say(body)
