"""`sleep … at 18:00`, `wake … daily at 9` and `schedules`: what endpoints do at times of day."""

from dataclasses import dataclass

from bot.commands.deployment_access import DeploymentAccess
from bot.commands.endpoint_command import EndpointRequest
from bot.commands.registry import SLASH, Command, DeferredTask, Feature, deferred
from bot.commands.schedule_text import ScheduleTextError, read_when
from bot.domain.command_line import quote
from bot.domain.errors import UserError
from bot.domain.listed_endpoint import ListedEndpoint
from bot.domain.operations import OperationKind
from bot.domain.permissions import Permission
from bot.domain.times_of_day import UTC_ZONE, is_zone
from bot.messages import schedule_replies
from bot.messages.answer import answer
from bot.messages.markup import bold, code, escape
from bot.messages.schedule_replies import REMOVE_ACTION, meaning
from bot.messages.suggestion import run_this
from bot.services.authorization import Authorizer
from bot.services.schedules import MOST_PER_ENDPOINT, ScheduleOutcome, Schedules
from bot.slack.people import People
from bot.slack.requests import BlockAction, SlashCommand


@dataclass(frozen=True, slots=True)
class Planner:
    """Plans operations for a time of day."""

    people: People
    schedules: Schedules

    async def add(self, request: EndpointRequest, public_id: str, kind: OperationKind) -> None:
        """Add a schedule; the rest of the request says when."""
        endpoint = request.endpoint
        zone = await self.people.time_zone(request.person.id)
        zone_known = zone is not None and is_zone(zone)
        present = await self.schedules.present()
        when = read_when(request.rest, zone if zone and zone_known else UTC_ZONE, present)
        if isinstance(when, ScheduleTextError):
            raise _unreadable(when, endpoint, kind)
        outcome, planned = await self.schedules.add(
            request.place,
            request.person,
            public_id,
            kind,
            when,
            request.request_id,
            zone_known=zone_known,
        )
        if planned is None:
            raise UserError(_WORDS[outcome])
        await request.answer(answer(f"{bold(endpoint.name)} {meaning(planned)}."))


_WORDS = {
    ScheduleOutcome.REPEATED: "This schedule already exists.",
    ScheduleOutcome.TOO_MANY: (
        f"It already has {MOST_PER_ENDPOINT} schedules. Remove one first:"
        f" `{SLASH} schedules` lists them."
    ),
    ScheduleOutcome.OVER: "That time has already passed.",
    ScheduleOutcome.GONE: "It has ended or isn't watched from here any more, so nothing was done.",
}


def _unreadable(
    error: ScheduleTextError, endpoint: ListedEndpoint, kind: OperationKind
) -> UserError:
    if error.corrected is None:
        return UserError(escape(error.words))
    line = f"{SLASH} {kind} {quote(endpoint.name)} {error.corrected}"
    return UserError(escape(error.words), hint=code(line), actions=run_this(line))


@deferred
async def show(command: SlashCommand, authorizer: Authorizer, schedules: Schedules) -> None:
    """The channel's schedules, the thread's, or those of endpoints whose name begins so."""
    await authorizer.authorize(Permission.LOOK, command.person, command.place)
    name = command.text.strip()
    found = await schedules.of(command.place, None if name else command.about or None)
    wanted = [one for one in found if one.endpoint.casefold().startswith(name.casefold())]
    await command.responder.say(schedule_replies.listing(wanted, name))


async def remove_clicked(
    click: BlockAction, access: DeploymentAccess, schedules: Schedules
) -> DeferredTask:
    deployment = await schedules.deployment_of(click.place, click.value)
    if deployment is not None:
        await access.authorize(
            Permission.OPERATE, click, deployment.target_name, deployment.public_id
        )
    outcome = await schedules.remove(
        click.place, click.person, click.value, message_ts=click.message_ts
    )
    words = "Schedule removed."
    if outcome is not ScheduleOutcome.ACCEPTED:
        words = "This schedule doesn't exist any more: it was removed, or has ended."
    elif click.thread_ts:
        return None
    return _say(click, words)


async def _say(click: BlockAction, words: str) -> None:
    await click.responder.say(answer(words))


FEATURE = Feature(
    commands=[
        Command(
            "schedules",
            "[endpoint]",
            "Lists the schedules of endpoints.",
            show,
        )
    ],
    clicks={REMOVE_ACTION: remove_clicked},
)
