"""An endpoint's versions, newest first."""

from collections.abc import Sequence

from bot.domain.instances import Prices
from bot.domain.process.slash_command import SLASH
from bot.domain.text import clip
from bot.domain.version import differences
from bot.domain.version_history import PastVersion, RunningVersion
from bot.messages.blocks import context, section
from bot.messages.body import Body, body
from bot.messages.markup import bold, code, escape, mention, moment
from bot.messages.update_diff import cost

_LISTED = 15
_LONGEST = 120
_COMMAND = SLASH


def listing(runs: RunningVersion, past: Sequence[PastVersion], prices: Prices) -> Body:
    """A line or two per version; `past` has the oldest first."""
    count = "1 version" if len(past) == 1 else f"{len(past)} versions"
    headline = f"{bold(runs.name)} has {count}, newest first."
    before = [None, *past[:-1]]
    lines = [_line(one, earlier, prices) for one, earlier in zip(past, before, strict=True)]
    shown = list(reversed(lines))[:_LISTED]
    if len(lines) > _LISTED:
        shown.append(f"and {len(lines) - _LISTED} older ones")
    notes = []
    if len(past) > 1:
        example = f"{_COMMAND} rollback {runs.name} {past[-2].number}"
        notes.append(
            f"{code(example)} rolls it back to version {code(past[-2].number)}, after a"
            " confirmation."
        )
    if any(not one.is_ours for one in past):
        notes.append(
            "For versions created elsewhere, Friendli doesn't return model, revision, comment,"
            " token count, logging and queue settings."
        )
    small = [context(*notes)] if notes else []
    return body("\n".join([headline, *shown]), section(headline), *map(section, shown), *small)


def _line(one: PastVersion, earlier: PastVersion | None, prices: Prices) -> str:
    request = one.version.request
    parts = [code(one.number)]
    if one.is_ours and one.requested_at is not None:
        parts.append(f"{mention(one.requested_by)}, {moment(one.requested_at)}")
    else:
        parts.append("created elsewhere")
    parts.append(cost(one.version.cost(prices)))
    if one.is_ours and request.comment:
        parts.append(f"“{escape(clip(request.comment, _LONGEST))}”")
    return f"{' · '.join(parts)}\n{_changes(one, earlier)}"


def _changes(one: PastVersion, earlier: PastVersion | None) -> str:
    if earlier is None:
        return _setup(one)
    found = [
        f"{each.label}: {code(clip(each.before, _LONGEST))} → {code(clip(each.after, _LONGEST))}"
        for each in differences(earlier.version, one.version)
        if each.before is not None
    ]
    return ", ".join(found) or "No visible difference."


def _setup(one: PastVersion) -> str:
    version, request = one.version, one.version.request
    parts = [
        escape(request.model) if "model" not in version.unknown else "model unknown",
        version.option.label if version.option else _gpu_as_told(one),
        "replicas unknown" if "replicas" in version.unknown else request.replicas_text,
    ]
    return " · ".join(parts)


def _gpu_as_told(one: PastVersion) -> str:
    gpu_type = one.spec.gpu_type
    return "GPU unknown" if gpu_type is None else escape(clip(gpu_type, _LONGEST))
