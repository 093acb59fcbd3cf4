"""`sleep … at 18:00`, `wake … daily at 9` and `schedules`: what endpoints do at times of day."""

from bot.commands.context import DeferredTask, Services, answer
from bot.commands.endpoint_command import EndpointRequest
from bot.commands.registry import SLASH, Command, Feature
from bot.commands.schedule_text import ScheduleTextError, read_when
from bot.domain.errors import UserError
from bot.domain.listed_endpoint import Listed
from bot.domain.operations import OperationKind
from bot.domain.permissions import Permission
from bot.domain.times_of_day import UTC_ZONE, is_zone
from bot.messages import schedule_replies
from bot.messages.markup import bold, code, escape
from bot.messages.schedule_replies import REMOVE_ACTION, meaning
from bot.services.schedules import MOST_PER_ENDPOINT, ScheduleOutcome
from bot.slack.requests import BlockAction, SlashCommand


async def run_on(
    services: Services,
    asked: EndpointRequest,
    endpoint: Listed,
    public_id: str,
    kind: OperationKind,
) -> None:
    """Write down what is to be done with an endpoint later.

    Args:
        services: The services.
        asked: With the words that say when.
        endpoint: What they are about.
        public_id: Of its deployment.
        kind: To sleep, or to wake.
    """
    zone = await services.people.time_zone(asked.person.id)
    zone_known = zone is not None and is_zone(zone)
    present = await services.schedules.present()
    when = read_when(asked.rest, zone if zone and zone_known else UTC_ZONE, present)
    if isinstance(when, ScheduleTextError):
        raise _slipped(when, endpoint, kind)
    outcome, planned = await services.schedules.add(
        asked.place,
        asked.person,
        public_id,
        kind,
        when,
        asked.request_id,
        zone_known=zone_known,
    )
    if planned is not None:
        await asked.answer(services, answer(f"{bold(endpoint.name)} {meaning(planned)}."))
        return
    raise UserError(_WORDS[outcome])


_WORDS = {
    ScheduleOutcome.REPEATED: "That schedule is there already.",
    ScheduleOutcome.TOO_MANY: (
        f"It has {MOST_PER_ENDPOINT} schedules already. Remove one first:"
        f" `{SLASH} schedules` lists them."
    ),
    ScheduleOutcome.OVER: "That time has passed meanwhile.",
    ScheduleOutcome.GONE: "It is over already, or no longer watched from here; nothing was done.",
}


def _slipped(field_error: ScheduleTextError, endpoint: Listed, kind: OperationKind) -> UserError:
    corrected = field_error.corrected
    hint = code(f"{SLASH} {kind} {endpoint.name} {corrected}") if corrected else ""
    return UserError(escape(field_error.words), hint=hint)


async def show(services: Services, command: SlashCommand) -> DeferredTask:
    """List the channel's schedules, the thread's, or those of what has a name that begins so."""
    return _show(services, command)


async def _show(services: Services, command: SlashCommand) -> None:
    await services.authorizer.authorize(Permission.LOOK, command.person, command.place)
    name = command.text.strip()
    found = await services.schedules.of(command.place, None if name else command.about or None)
    wanted = [one for one in found if one.endpoint.casefold().startswith(name.casefold())]
    await services.responses.say(command.response_url, schedule_replies.listing(wanted, name))


async def remove_clicked(services: Services, click: BlockAction) -> DeferredTask:
    """Take a schedule back."""
    deployment = await services.schedules.deployment_of(click.place, click.value)
    if deployment is not None:
        await services.authorizer.authorize(
            Permission.OPERATE,
            click.person,
            click.place,
            target=deployment.target_name,
            about=deployment.public_id,
        )
    outcome = await services.schedules.remove(
        click.place, click.person, click.value, message_ts=click.message_ts
    )
    words = "It is removed; the endpoint's thread says so."
    if outcome is not ScheduleOutcome.ACCEPTED:
        words = "This schedule isn't there any more: it was removed, or its time is over."
    elif click.thread_ts:
        return None
    return _say(services, click, words)


async def _say(services: Services, click: BlockAction, words: str) -> None:
    await services.responses.say(click.response_url, answer(words), thread_ts=click.thread_ts)


FEATURE = Feature(
    commands=[
        Command(
            "schedules",
            "[endpoint]",
            "Lists what endpoints do at times of day.",
            show,
        )
    ],
    clicks={REMOVE_ACTION: remove_clicked},
)
