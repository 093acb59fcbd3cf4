"""`extend` and `keep`, and the buttons of the warning before an endpoint's time is over."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import Field, TypeAdapter

from bot.commands.context import DeferredTask, Services, answer
from bot.commands.endpoint_command import EndpointCommand, EndpointRequest
from bot.commands.operation_buttons import UNCONNECTED, unknown_endpoint
from bot.commands.operation_commands import here
from bot.commands.pending_response import answer_surely
from bot.commands.registry import SLASH, Feature
from bot.db.deployment_tables import Deployment
from bot.domain.actors import Actor, ChannelRef
from bot.domain.errors import UserError
from bot.domain.listed_endpoint import Listed
from bot.domain.permissions import Permission
from bot.domain.request.draft import DeployDraft
from bot.domain.request.duration import parse_duration
from bot.domain.request.lifetime_rules import EXAMPLE_SPAN, LIFETIME_RULES
from bot.domain.request.parsed_draft import ParsedDraft
from bot.messages.lifetime import until
from bot.messages.lifetime_replies import EXTEND_ACTION, KEEP_ACTION
from bot.messages.markup import bold, code, escape, mention
from bot.services.lifetimes import LifetimeAnswer, LifetimeOutcome
from bot.slack.requests import BlockAction

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Up to the year 9999; a button of another version may say anything.
_MILLISECONDS: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(ge=0, lt=2**47)])


async def extend_clicked(services: Services, click: BlockAction) -> DeferredTask:
    """Give it as much time again, once for each warning."""
    public_id, _, seen = click.value.partition(" ")
    deployment = await _authorized(services, click.place, click.person, public_id)
    given = await services.lifetimes.extend(
        click.place,
        click.person,
        deployment.public_id,
        seen=_EPOCH + timedelta(milliseconds=_MILLISECONDS.validate_python(seen)),
        message_ts=click.message_ts,
    )
    return await _tell_if_not(services, click, given)


async def keep_clicked(services: Services, click: BlockAction) -> DeferredTask:
    """Take its end away."""
    deployment = await _authorized(services, click.place, click.person, click.value)
    given = await services.lifetimes.keep(
        click.place, click.person, deployment.public_id, message_ts=click.message_ts
    )
    return await _tell_if_not(services, click, given)


async def _authorized(
    services: Services, place: ChannelRef, person: Actor, public_id: str
) -> Deployment:
    deployment = await services.deployments.find(place, public_id)
    if deployment is None:
        raise unknown_endpoint()
    await services.authorizer.authorize(
        Permission.EXTEND,
        person,
        place,
        target=deployment.target_name,
        about=deployment.public_id,
    )
    return deployment


async def _tell_if_not(
    services: Services, click: BlockAction, given: LifetimeAnswer
) -> DeferredTask:
    if given.outcome in (LifetimeOutcome.ACCEPTED, LifetimeOutcome.WAITS):
        # The thread says who decided what.
        return None
    return await answer_surely(services, click, what_is_true(given))


def what_is_true(given: LifetimeAnswer) -> str:
    """What is so, as mrkdwn: of a wish that was granted too."""
    runs = "It has no end"
    if given.ends_at is not None:
        runs = f"It runs {until(given.ends_at, given.end)}"
    match given.outcome:
        case LifetimeOutcome.WAITS | LifetimeOutcome.IN_FLIGHT | LifetimeOutcome.UNCONNECTED:
            return _needs_approval(given, runs)
        case LifetimeOutcome.ACCEPTED | LifetimeOutcome.REPEATED:
            return f"{runs}."
        case LifetimeOutcome.CHANGED:
            return f"Somebody decided already. {runs}."
        case LifetimeOutcome.NO_END:
            return "It has no end: it runs until somebody ends it, so there was nothing to do."
        case LifetimeOutcome.AT_REST:
            return (
                "Its time is over and it doesn't run, so there was nothing to extend. Its time"
                " begins anew when it comes up."
            )
        case LifetimeOutcome.ENDING:
            return "It is being ended already, so nothing was changed. It can be started again."
        case LifetimeOutcome.GONE:
            return "It is over already, or no longer watched from here; nothing was done."


def _needs_approval(given: LifetimeAnswer, runs: str) -> str:
    match given.outcome:
        case LifetimeOutcome.WAITS:
            return f"{runs}, unless somebody approves this in its thread."
        case LifetimeOutcome.IN_FLIGHT:
            by = mention(given.by)
            return f"{by} asked for that already; it waits for approval in its thread."
        case _:
            return UNCONNECTED


async def extend(services: Services, asked: EndpointRequest, endpoint: Listed) -> None:
    """Give an endpoint more time, as long as it was given at first or as long as was typed."""
    seconds = None
    if asked.rest:
        seconds = _span(asked.rest, endpoint)
    given = await services.lifetimes.extend(
        asked.place,
        asked.person,
        here(endpoint),
        seconds=seconds,
        request_id=asked.request_id,
    )
    if given.outcome is LifetimeOutcome.NO_END:
        raise UserError(
            f"{bold(endpoint.name)} has no end. To give it one, say how long it may run from now.",
            hint=code(f"{SLASH} extend {endpoint.name} {EXAMPLE_SPAN}"),
        )
    await asked.answer(services, answer(what_is_true(given)))


def _span(typed: str, endpoint: Listed) -> int:
    """Seconds.

    Raises:
        UserError: It isn't a length of time, or not a valid one.
    """
    reading = ParsedDraft(DeployDraft(lifetime=typed.removeprefix("for ").removeprefix("by ")), ())
    for rule in LIFETIME_RULES:
        if rule.broken(reading):
            field_error = rule.field_error(reading)
            hint = (
                code(f"{SLASH} extend {endpoint.name} {field_error.nearest}")
                if field_error.nearest
                else ""
            )
            raise UserError(escape(field_error.sentences), hint=hint)
    return parse_duration(reading.text("lifetime")) or 0


async def keep(services: Services, asked: EndpointRequest, endpoint: Listed) -> None:
    """Let an endpoint run with no end."""
    given = await services.lifetimes.keep(asked.place, asked.person, here(endpoint))
    await asked.answer(services, answer(what_is_true(given)))


FEATURES = (
    Feature(clicks={EXTEND_ACTION: extend_clicked, KEEP_ACTION: keep_clicked}),
    EndpointCommand(
        "extend",
        "Lets an endpoint run for longer than it was given.",
        extend,
        arguments="[8h]",
        permission=Permission.EXTEND,
    ).feature(),
    EndpointCommand(
        "keep",
        "Takes an endpoint's end away: it runs until somebody ends it.",
        keep,
        permission=Permission.EXTEND,
    ).feature(),
)
