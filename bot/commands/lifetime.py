"""`extend` and `keep`, and the buttons of the warning before an endpoint's lifetime ends."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import Field, TypeAdapter

from bot.commands.deployment_access import DeploymentAccess
from bot.commands.durable_response import durable_response
from bot.commands.endpoint_command import EndpointCommand, EndpointRequest
from bot.commands.operation_buttons import UNCONNECTED
from bot.commands.operation_commands import here
from bot.commands.registry import SLASH, DeferredTask, Feature
from bot.domain.command_line import quote
from bot.domain.errors import UserError
from bot.domain.listed_endpoint import ListedEndpoint
from bot.domain.permissions import Permission
from bot.domain.request.draft import DeployDraft
from bot.domain.request.duration import LEAST_SECONDS, MOST_SECONDS, parse_duration
from bot.domain.request.lifetime_rules import EXAMPLE_DURATION, LIFETIME_RULES
from bot.domain.request.parsed_draft import ParsedDraft
from bot.messages.answer import answer
from bot.messages.lifetime import until
from bot.messages.lifetime_buttons import EXTEND_ACTION, KEEP_ACTION
from bot.messages.lifetime_replies import SET_ACTION, ask_lifetime
from bot.messages.markup import code, escape, mention
from bot.messages.suggestion import run_this
from bot.services.lifetimes import LifetimeOutcome, LifetimeResult, Lifetimes
from bot.services.pending_responses import PendingResponses
from bot.slack.requests import BlockAction

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Up to the year 9999; a button of another version may hold anything.
_SECONDS: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(ge=LEAST_SECONDS, le=MOST_SECONDS)])
_MILLISECONDS: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(ge=0, lt=2**47)])


async def extend_clicked(
    click: BlockAction,
    access: DeploymentAccess,
    lifetimes: Lifetimes,
    pending_responses: PendingResponses,
) -> DeferredTask:
    """Extend it once for each warning."""
    public_id, _, seen = click.value.partition(" ")
    deployment = await access.require(Permission.EXTEND, click, public_id)
    given = await lifetimes.extend(
        click.place,
        click.person,
        deployment.public_id,
        shown_end=_EPOCH + timedelta(milliseconds=_MILLISECONDS.validate_python(seen)),
        message_ts=click.message_ts,
    )
    return await _respond(pending_responses, click, given)


async def keep_clicked(
    click: BlockAction,
    access: DeploymentAccess,
    lifetimes: Lifetimes,
    pending_responses: PendingResponses,
) -> DeferredTask:
    deployment = await access.require(Permission.EXTEND, click, click.value)
    given = await lifetimes.keep(
        click.place, click.person, deployment.public_id, message_ts=click.message_ts
    )
    return await _respond(pending_responses, click, given)


async def set_clicked(
    click: BlockAction,
    access: DeploymentAccess,
    lifetimes: Lifetimes,
    pending_responses: PendingResponses,
) -> DeferredTask:
    """Set the lifetime that the question shows."""
    public_id, _, shown = click.value.partition(" ")
    deployment = await access.require(Permission.EXTEND, click, public_id)
    given = await lifetimes.set(
        click.place,
        click.person,
        deployment.public_id,
        _SECONDS.validate_python(shown),
        message_ts=click.message_ts,
    )
    return await _respond(pending_responses, click, given)


async def _respond(
    pending_responses: PendingResponses, click: BlockAction, given: LifetimeResult
) -> DeferredTask:
    """A change shows in the thread; the answer replaces a question that only they see."""
    is_done = given.outcome in (LifetimeOutcome.ACCEPTED, LifetimeOutcome.WAITS)
    if is_done and not click.is_ephemeral:
        return None
    return await durable_response(
        pending_responses, click, answer(_words(given)), replaces=click.is_ephemeral
    )


def _words(given: LifetimeResult) -> str:
    runs = "It runs until someone stops it"
    if given.ends_at is not None:
        runs = f"It {until(given.ends_at, given.end)}"
    match given.outcome:
        case LifetimeOutcome.WAITS | LifetimeOutcome.IN_FLIGHT | LifetimeOutcome.UNCONNECTED:
            return _needs_approval(given, runs)
        case LifetimeOutcome.ACCEPTED | LifetimeOutcome.REPEATED:
            return f"{runs}."
        case LifetimeOutcome.CHANGED:
            return f"Someone already decided. {runs}."
        case LifetimeOutcome.NO_END:
            return "It has no lifetime: it runs until someone stops it."
        case LifetimeOutcome.AT_REST:
            return (
                "Its lifetime is over and it isn't running, so there is nothing to extend. A new"
                " lifetime begins when it starts."
            )
        case LifetimeOutcome.ENDING:
            return "It is already ending, so nothing was changed. You can start it again."
        case LifetimeOutcome.GONE:
            return "It has ended or isn't watched from here any more, so nothing was done."


def _needs_approval(given: LifetimeResult, runs: str) -> str:
    match given.outcome:
        case LifetimeOutcome.WAITS:
            return f"{runs}, unless someone approves this in its thread."
        case LifetimeOutcome.IN_FLIGHT:
            by = mention(given.by)
            return f"{by} already requested this; it waits for approval in its thread."
        case _:
            return UNCONNECTED


async def extend(request: EndpointRequest, lifetimes: Lifetimes) -> None:
    """Extend by the first lifetime, or by the typed duration."""
    endpoint = request.endpoint
    seconds = _duration(request.rest, endpoint) if request.rest else None
    given = await lifetimes.extend(
        request.place,
        request.person,
        here(endpoint),
        seconds=seconds,
        request_id=request.request_id,
    )
    if given.outcome is LifetimeOutcome.NO_END:
        length = seconds or parse_duration(EXAMPLE_DURATION) or 0
        await request.answer(ask_lifetime(endpoint.name, here(endpoint), length, given.end))
        return
    await request.answer(answer(_words(given)))


def _duration(typed: str, endpoint: ListedEndpoint) -> int:
    """In seconds; UserError if it isn't a valid duration."""
    reading = ParsedDraft(DeployDraft(lifetime=typed.removeprefix("for ").removeprefix("by ")), ())
    for rule in LIFETIME_RULES:
        if rule.broken(reading):
            field_error = rule.field_error(reading)
            if field_error.nearest is None:
                raise UserError(escape(field_error.sentences))
            line = f"{SLASH} extend {quote(endpoint.name)} {field_error.nearest}"
            raise UserError(escape(field_error.sentences), hint=code(line), actions=run_this(line))
    return parse_duration(reading.text("lifetime")) or 0


async def keep(request: EndpointRequest, lifetimes: Lifetimes) -> None:
    given = await lifetimes.keep(request.place, request.person, here(request.endpoint))
    await request.answer(answer(_words(given)))


FEATURES = (
    Feature(
        clicks={
            EXTEND_ACTION: extend_clicked,
            KEEP_ACTION: keep_clicked,
            SET_ACTION: set_clicked,
        }
    ),
    EndpointCommand(
        "extend",
        "Extends an endpoint's lifetime.",
        extend,
        arguments="[8h]",
        permission=Permission.EXTEND,
    ).feature(),
    EndpointCommand(
        "keep",
        "Removes an endpoint's lifetime: it runs until someone stops it.",
        keep,
        permission=Permission.EXTEND,
    ).feature(),
)
