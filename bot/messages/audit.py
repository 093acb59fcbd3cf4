"""Pages of a channel's audit: the days, and a line per entry."""

import re
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby

from bot.domain.audit_record import AuditRecord
from bot.domain.text import clip
from bot.domain.times_of_day import today_in
from bot.messages.blocks import Block, actions, button, context, section
from bot.messages.body import Body, body
from bot.messages.markup import bold, code, escape, mention, moment

OLDER_ACTION = "audit.older"
NEWEST_ACTION = "audit.newest"

_EXPORT = "`friendli-deploy audit export`, run where the bot runs, writes the whole audit."
_LONGEST_DETAIL = 120
_SECTION = 2_900
# Mentions of people and groups in details, once escaped.
_MENTION = re.compile(r"&lt;(@\w+|!subteam\^\w+)&gt;")


def page(
    entries: Sequence[AuditRecord],
    zone: str,
    *,
    target: str = "",
    is_first: bool,
    has_more: bool,
) -> Body:
    """Entries of one channel by day, newest first.

    Args:
        zone: The reader's IANA time zone, in which Slack shows the times.
        target: Only this target's; '' for all.
    """
    if not entries:
        where = f"in {bold(target)}" if target else "here"
        text = f"No activity {where} yet." if is_first else "No older entries."
        return body(text, section(text))
    texts = []
    for _, of_day in groupby(entries, lambda entry: today_in(zone, entry.at)):
        day = list(of_day)
        texts += _sections([_day(day[0].at, zone), *map(line, day)])
    turn: list[Block] = []
    if not is_first:
        turn.append(button("Newest", NEWEST_ACTION, value=f"0 {target}".strip()))
    if has_more:
        turn.append(button("Older", OLDER_ACTION, value=f"{entries[-1].id} {target}".strip()))
    return body(
        "\n".join(texts),
        *(section(text) for text in texts),
        context(_EXPORT),
        *([actions(*turn)] if turn else []),
    )


def _day(at: datetime, zone: str) -> str:
    fallback = today_in(zone, at).to_stdlib().strftime("%A, %B %-d, %Y")
    return f"*<!date^{int(at.timestamp())}^{{date_long_pretty}}|{fallback}>*"


def line(entry: AuditRecord) -> str:
    """With the time of day."""
    what = escape(entry.action.partition(":")[2])
    if entry.endpoint:
        what += f" {bold(entry.endpoint)}"
    if entry.target_name:
        what += f" in {code(entry.target_name)}"
    parts = [
        moment(entry.at, "{time}"),
        mention(entry.person_id) if entry.person_id else "the bot",
        what,
        entry.effect.value,
    ]
    if entry.detail:
        parts.append(_MENTION.sub(r"<\1>", escape(clip(entry.detail, _LONGEST_DETAIL))))
    return " · ".join(parts)


def _sections(lines: Sequence[str]) -> list[str]:
    texts: list[str] = []
    for text in lines:
        if texts and len(texts[-1]) + len(text) < _SECTION:
            texts[-1] += f"\n{text}"
        else:
            texts.append(text)
    return texts
