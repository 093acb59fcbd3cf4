"""`extend` and `keep`, and the buttons of the warning before an endpoint's time is over."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import Field, TypeAdapter

from bot.commands.act import UNCONNECTED, unknown_endpoint
from bot.commands.desk import Click, Desk, Work, answer
from bot.commands.endpoint_command import Asked, EndpointCommand
from bot.commands.late_answer import late_answer
from bot.commands.registry import SLASH, Feature
from bot.commands.verbs import here
from bot.db.models import Deployment
from bot.deployments.listing.listed import Listed
from bot.deployments.place import Person, Place
from bot.deployments.request.draft import DeployDraft
from bot.deployments.request.lease_rules import EXAMPLE_SPAN, LEASE_RULES
from bot.deployments.request.reading import Reading
from bot.deployments.request.span import read_span
from bot.deployments.timing.leases import LeaseAnswer, LeaseOutcome
from bot.errors import UserError
from bot.messages.lease import until
from bot.messages.lease_replies import EXTEND_ACTION, KEEP_ACTION
from bot.messages.markup import bold, code, escape, mention
from bot.permissions import Permission

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Up to the year 9999; a button of another version may say anything.
_MILLISECONDS: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(ge=0, lt=2**47)])


async def extend_clicked(desk: Desk, click: Click) -> Work:
    """Give it as much time again, once for each warning."""
    public_id, _, seen = click.value.partition(" ")
    deployment = await _authorized(desk, click.place, click.person, public_id)
    given = await desk.leases.extend(
        click.place,
        click.person,
        deployment.public_id,
        seen=_EPOCH + timedelta(milliseconds=_MILLISECONDS.validate_python(seen)),
        message_ts=click.message_ts,
    )
    return await _tell_if_not(desk, click, given)


async def keep_clicked(desk: Desk, click: Click) -> Work:
    """Take its end away."""
    deployment = await _authorized(desk, click.place, click.person, click.value)
    given = await desk.leases.keep(
        click.place, click.person, deployment.public_id, message_ts=click.message_ts
    )
    return await _tell_if_not(desk, click, given)


async def _authorized(desk: Desk, place: Place, person: Person, public_id: str) -> Deployment:
    deployment = await desk.deployments.find(place, public_id)
    if deployment is None:
        raise unknown_endpoint()
    await desk.authorizer.authorize(
        Permission.EXTEND,
        person,
        place,
        target=deployment.target_name,
        about=deployment.public_id,
    )
    return deployment


async def _tell_if_not(desk: Desk, click: Click, given: LeaseAnswer) -> Work:
    if given.outcome in (LeaseOutcome.ACCEPTED, LeaseOutcome.WAITS):
        # The thread says who decided what.
        return None
    return await late_answer(desk, click, what_is_true(given))


def what_is_true(given: LeaseAnswer) -> str:
    """What is so, as mrkdwn: of a wish that was granted too."""
    runs = "It has no end"
    if given.ends_at is not None:
        runs = f"It runs {until(given.ends_at, given.end)}"
    match given.outcome:
        case LeaseOutcome.WAITS | LeaseOutcome.IN_FLIGHT | LeaseOutcome.UNCONNECTED:
            return _needs_approval(given, runs)
        case LeaseOutcome.ACCEPTED | LeaseOutcome.REPEATED:
            return f"{runs}."
        case LeaseOutcome.CHANGED:
            return f"Somebody decided already. {runs}."
        case LeaseOutcome.NO_END:
            return "It has no end: it runs until somebody ends it, so there was nothing to do."
        case LeaseOutcome.AT_REST:
            return (
                "Its time is over and it doesn't run, so there was nothing to extend. Its time"
                " begins anew when it comes up."
            )
        case LeaseOutcome.ENDING:
            return "It is being ended already, so nothing was changed. It can be started again."
        case LeaseOutcome.GONE:
            return "It is over already, or no longer watched from here; nothing was done."


def _needs_approval(given: LeaseAnswer, runs: str) -> str:
    match given.outcome:
        case LeaseOutcome.WAITS:
            return f"{runs}, unless somebody approves this in its thread."
        case LeaseOutcome.IN_FLIGHT:
            by = mention(given.by)
            return f"{by} asked for that already; it waits for approval in its thread."
        case _:
            return UNCONNECTED


async def extend(desk: Desk, asked: Asked, endpoint: Listed) -> None:
    """Give an endpoint more time, as long as it was given at first or as long as was typed."""
    seconds = None
    if asked.rest:
        seconds = _span(asked.rest, endpoint)
    given = await desk.leases.extend(
        asked.place,
        asked.person,
        here(endpoint),
        seconds=seconds,
        request_id=asked.request_id,
    )
    if given.outcome is LeaseOutcome.NO_END:
        raise UserError(
            f"{bold(endpoint.name)} has no end. To give it one, say how long it may run from now.",
            hint=code(f"{SLASH} extend {endpoint.name} {EXAMPLE_SPAN}"),
        )
    await asked.answer(desk, answer(what_is_true(given)))


def _span(typed: str, endpoint: Listed) -> int:
    """Seconds.

    Raises:
        UserError: It isn't a length of time, or not a valid one.
    """
    reading = Reading(DeployDraft(lease=typed.removeprefix("for ").removeprefix("by ")), ())
    for rule in LEASE_RULES:
        if rule.broken(reading):
            slip = rule.slip(reading)
            hint = code(f"{SLASH} extend {endpoint.name} {slip.nearest}") if slip.nearest else ""
            raise UserError(escape(slip.sentences), hint=hint)
    return read_span(reading.text("lease")) or 0


async def keep(desk: Desk, asked: Asked, endpoint: Listed) -> None:
    """Let an endpoint run with no end."""
    given = await desk.leases.keep(asked.place, asked.person, here(endpoint))
    await asked.answer(desk, answer(what_is_true(given)))


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
