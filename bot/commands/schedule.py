"""`sleep … at 18:00`, `wake … daily at 9` and `schedules`: what endpoints do at times of day."""

from bot.commands.desk import Click, Desk, Invocation, Work, answer
from bot.commands.endpoint_command import Asked
from bot.commands.registry import SLASH, Command, Feature
from bot.commands.schedule_text import WhenSlip, read_when
from bot.db.acts import OperationKind
from bot.deployments.listing.listed import Listed
from bot.deployments.timing.schedules import MOST_PER_ENDPOINT, ScheduleOutcome
from bot.deployments.timing.times import UTC_ZONE, is_zone
from bot.errors import UserError
from bot.messages import schedule_replies
from bot.messages.markup import bold, code, escape
from bot.messages.schedule_replies import REMOVE_ACTION, meaning
from bot.permissions import Permission


async def run_on(
    desk: Desk, asked: Asked, endpoint: Listed, public_id: str, kind: OperationKind
) -> None:
    """Write down what is to be done with an endpoint later.

    Args:
        desk: The services.
        asked: With the words that say when.
        endpoint: What they are about.
        public_id: Of its deployment.
        kind: To sleep, or to wake.
    """
    zone = await desk.people.zone(asked.person.id)
    zone_known = zone is not None and is_zone(zone)
    present = await desk.schedules.present()
    when = read_when(asked.rest, zone if zone and zone_known else UTC_ZONE, present)
    if isinstance(when, WhenSlip):
        raise _slipped(when, endpoint, kind)
    outcome, planned = await desk.schedules.add(
        asked.place,
        asked.person,
        public_id,
        kind,
        when,
        asked.request_id,
        zone_known=zone_known,
    )
    if planned is not None:
        await asked.answer(desk, answer(f"{bold(endpoint.name)} {meaning(planned)}."))
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


def _slipped(slip: WhenSlip, endpoint: Listed, kind: OperationKind) -> UserError:
    corrected = slip.corrected
    hint = code(f"{SLASH} {kind} {endpoint.name} {corrected}") if corrected else ""
    return UserError(escape(slip.words), hint=hint)


async def show(desk: Desk, invocation: Invocation) -> Work:
    """List the channel's schedules, the thread's, or those of what has a name that begins so."""
    return _show(desk, invocation)


async def _show(desk: Desk, invocation: Invocation) -> None:
    await desk.authorizer.authorize(Permission.LOOK, invocation.person, invocation.place)
    name = invocation.text.strip()
    found = await desk.schedules.of(invocation.place, None if name else invocation.about or None)
    wanted = [one for one in found if one.endpoint.casefold().startswith(name.casefold())]
    await desk.responses.say(invocation.response_url, schedule_replies.listing(wanted, name))


async def remove_clicked(desk: Desk, click: Click) -> Work:
    """Take a schedule back."""
    deployment = await desk.schedules.deployment_of(click.place, click.value)
    if deployment is not None:
        await desk.authorizer.authorize(
            Permission.OPERATE,
            click.person,
            click.place,
            target=deployment.target_name,
            about=deployment.public_id,
        )
    outcome = await desk.schedules.remove(
        click.place, click.person, click.value, message_ts=click.message_ts
    )
    words = "It is removed; the endpoint's thread says so."
    if outcome is not ScheduleOutcome.ACCEPTED:
        words = "This schedule isn't there any more: it was removed, or its time is over."
    elif click.thread_ts:
        return None
    return _say(desk, click, words)


async def _say(desk: Desk, click: Click, words: str) -> None:
    await desk.responses.say(click.response_url, answer(words), thread_ts=click.thread_ts)


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
