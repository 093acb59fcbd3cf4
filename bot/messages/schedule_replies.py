"""Replies about schedules."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain.command_line import quote
from bot.domain.deployment_view import DeploymentView
from bot.domain.operations import OperationKind
from bot.domain.process.slash_command import SLASH
from bot.domain.schedule_days import ScheduleDays
from bot.messages.blocks import Block, button, context, section
from bot.messages.body import Body, body
from bot.messages.lifetime_replies import cost
from bot.messages.markup import bold, code, escape, mention, moment
from bot.messages.reply import News, Reply

REMOVE_ACTION = "schedule.remove"

# A message takes 50 blocks.
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Planned:
    """A schedule.

    Attributes:
        time_of_day: "HH:MM".
        zone: An IANA time zone.
        next_at: None if never again.
        endpoint: The endpoint's name.
    """

    public_id: str
    kind: OperationKind
    days: ScheduleDays
    time_of_day: str
    zone: str
    next_at: datetime | None
    endpoint: str
    requested_by: str


def meaning(planned: Planned) -> str:
    """Such as "will sleep weekdays at 18:00, Europe/Berlin; next: Monday at 18:00"."""
    does = f"will {planned.kind.facts.words.verb} {_days_and_time(planned)}"
    if planned.next_at is None:
        return does
    label = "that is" if planned.days is ScheduleDays.ONCE else "next:"
    return f"{does}; {moment(planned.next_at, '{date_long_pretty} at {time}', lead=f'{label} ')}"


def _days_and_time(planned: Planned) -> str:
    return f"{planned.days} at {planned.time_of_day}, {escape(planned.zone)}"


def scheduled(
    deployment: DeploymentView, planned: Planned, *, zone_known: bool, waits: bool = False
) -> Reply:
    """Say what the schedule does; `waits` if it needs approval each time."""
    text = f"{mention(planned.requested_by)} added a schedule: it {meaning(planned)}."
    if planned.kind.facts.spends:
        text += f" It costs {cost(deployment)} while live."
    if waits:
        text += " Each run needs approval in this thread."
    if not zone_known:
        text += " Slack didn't return your time zone, so this is UTC."
    return _say(f"{text} {code(f'{SLASH} schedules {quote(planned.endpoint)}')} removes it.")


def retry_planned(planned: Planned, at: datetime, *, waits: bool = False) -> Reply:
    """One more try after a failure that usually passes; `waits` if it needs approval then."""
    text = (
        f"Trying again at {moment(at, '{time}')}, once, as {mention(planned.requested_by)} asked."
        " If it fails again, I'll ask what to do."
    )
    if waits:
        text += " It needs approval then; the thread asks for it."
    return _say(f"{text} {code(f'{SLASH} schedules {quote(planned.endpoint)}')} removes the retry.")


def removed(planned: Planned, person: str) -> Reply:
    what = f"{planned.kind.facts.words.verb} {_days_and_time(planned)}"
    return _say(f"{mention(person)} removed the schedule to {what}.")


def missed(kind: OperationKind, due_at: datetime) -> Reply:
    """What saves money is done late; spending late is for somebody to decide."""
    words = kind.facts.words
    verb = words.verb
    if not kind.facts.spends:
        return _say(f"Missed the schedule to {verb} {_at(due_at)}, so I do it now.")
    again = f"{words.infinitive[:1].upper()}{words.infinitive[1:]}"
    return _say(
        f"Missed the schedule to {verb} {_at(due_at)}, and skipped it."
        f" {again} if you still want it.",
        news=News.NEEDS_YOU,
    )


def unconnected(deployment: DeploymentView, kind: OperationKind) -> Reply:
    """A time to spend has come, and the target is disconnected."""
    return _say(
        f"Skipped the schedule to {kind.facts.words.verb}: {code(deployment.target_name)} was"
        f" disconnected here. An admin can reconnect it with `{SLASH} connect`.",
        news=News.NEEDS_YOU,
    )


def listing(schedules: Sequence[Planned], name: str = "") -> Body:
    """Of a channel, or of one endpoint."""
    if not schedules:
        of = f" of {bold(name)}" if name else ""
        text = f"No schedules{of}."
        hint = f"`{SLASH} sleep [endpoint] at 18:00 on weekdays` creates one."
        return body(text, section(text), context(hint))
    lines = [f"{bold(one.endpoint)} {meaning(one)}" for one in schedules[:_SHOWN]]
    blocks: list[Block] = [
        section(line, accessory=_remove(one))
        for line, one in zip(lines, schedules[:_SHOWN], strict=True)
    ]
    more = len(schedules) - _SHOWN
    if more > 0:
        blocks.append(context(f"{more} more. Add an endpoint's name to see only its schedules."))
    return body("\n".join(lines), *blocks)


def _at(due_at: datetime) -> str:
    return f"({moment(due_at, lead='due ')})"


def _remove(planned: Planned) -> Block:
    return button("Remove", REMOVE_ACTION, value=planned.public_id)


def _say(text: str, *, news: News = News.ORDINARY) -> Reply:
    return Reply(body(text, section(text)), news)
