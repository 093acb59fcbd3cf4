"""The deploy command as text: read a line, or say what is wrong and offer a corrected one."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

from bot.commands.command_line import Edit, quote, typed
from bot.commands.deploy_line import DeployLine, TextSlip, parse
from bot.commands.deploy_options import (
    COMMAND,
    OPTIONS,
    Kind,
    Option,
    options_help,
    to_line,
)
from bot.deployments.request.deploy_request import DeployRequest
from bot.deployments.request.draft import DeployDraft, Scaling
from bot.deployments.request.rules import EXAMPLE_INSTANCE, EXAMPLE_MODEL, Slip, check

__all__ = [
    "COMMAND",
    "OPTIONS",
    "TextDeploy",
    "TextSlip",
    "TextSlips",
    "model_of",
    "options_help",
    "read",
    "read_with",
    "to_line",
]

T = TypeVar("T")

# A longer line fits into no button, and reading it again and again takes its time.
_LONGEST_CORRECTED = 2_000


@dataclass(frozen=True, slots=True)
class TextDeploy:
    """A line that means something.

    Attributes:
        request: What is asked for.
        draft: What was typed.
        yes: Whether to deploy without asking again.
    """

    request: DeployRequest
    draft: DeployDraft
    yes: bool


@dataclass(frozen=True, slots=True)
class TextSlips:
    """A line that can't be carried out.

    Attributes:
        slips: What is wrong, at least one.
        corrected_line: The whole line, command included, with every slip mended and all else as
            it was typed: plain text that reads without slips. None if mending takes a guess.
        draft: What could be understood, for a form to go on from.
    """

    slips: tuple[TextSlip, ...]
    corrected_line: str | None
    draft: DeployDraft


def model_of(text: str) -> str | None:
    """Return what stands as the model in a line, valid or not."""
    return parse(typed(text).strip()).draft.model


def read(
    text: str,
    *,
    targets: Sequence[str],
    default_target: str,
    scalings: Mapping[str, Scaling] = MappingProxyType({}),
    known_models: Collection[str] = (),
    tag: str | None = None,
) -> TextDeploy | TextSlips:
    """Read what stands after the command.

    Args:
        text: As Slack sent it.
        targets: Names of the channel's targets.
        default_target: The one that is meant when none was named.
        scalings: How an endpoint scales on each target if the line doesn't say.
        known_models: Models without an organisation that the Hub has.
        tag: What a name made from the model ends in, if none was typed; a new one if None.
    """

    def checked(line: DeployLine) -> DeployRequest | tuple[Slip, ...]:
        return check(
            line.draft,
            targets=targets,
            default_target=default_target,
            scalings=scalings,
            known_models=known_models,
            tag=tag,
        )

    line, answer = read_with(text, checked, COMMAND)
    return answer if isinstance(answer, TextSlips) else TextDeploy(answer, line.draft, line.yes)


def read_with(
    text: str, check_line: Callable[[DeployLine], T | tuple[Slip, ...]], command: str
) -> tuple[DeployLine, T | TextSlips]:
    """Read a line for which something else decides what it means.

    Args:
        text: As Slack sent it.
        check_line: Says what a line means, or what is wrong with its values.
        command: What the corrected line begins with.
    """

    def checked(line: DeployLine) -> T | tuple[Slip, ...]:
        answer = check_line(line)
        if not isinstance(answer, tuple):
            return () if line.slips else answer
        return tuple(slip for slip in answer if slip.field not in line.told)

    first = line = parse(typed(text).strip())
    first_answer = answer = checked(line)
    # One edit may uncover the next slip: an open quote, for one, hid all that followed it.
    for _ in range(5):
        if not isinstance(answer, tuple):
            break
        corrected = _corrected(line, answer)
        if corrected is None:
            break
        line = parse(corrected)
        answer = checked(line)
    if not isinstance(first_answer, tuple):
        return first, first_answer
    return first, TextSlips(
        (*first.slips, *(TextSlip(slip.words, slip.nearest) for slip in first_answer)),
        None if isinstance(answer, tuple) else f"{command} {line.text}",
        first.draft,
    )


def _corrected(line: DeployLine, slips: Sequence[Slip]) -> str | None:
    """Return the line with the slips mended, or None when one of them can't be."""
    if line.is_cut or len(line.text) > _LONGEST_CORRECTED:
        return None
    if line.model is None and any(slip.field == "model" for slip in slips):
        rest = _applied(line.text, _asking(line))
        return f"{EXAMPLE_MODEL} {line.text if rest is None else rest}".strip()
    edits = list(line.edits)
    invented = line.invented
    mend: dict[str, str | None] = {}
    for slip in slips:
        if slip.mend is not None:
            mend |= slip.mend
        elif slip.field == "gpu" and line.draft.gpu is None:
            mend["gpu"], invented = EXAMPLE_INSTANCE, True
        else:
            return None
    if line.model is not None and mend.get("model"):
        edits.append(Edit(line.model.start, line.model.end, quote(mend["model"] or "")))
    mended = line.draft.model_copy(update=mend)
    edits += [
        edit
        for option in OPTIONS
        if mend.keys() & set(option.fields) and (edit := _edit(line, option, mended))
    ]
    return _applied(line.text, edits + _asking(line) if invented else edits)


def _asking(line: DeployLine) -> list[Edit]:
    """Leave `--yes` out: nobody should deploy an example without having looked at it."""
    place = line.places.get("yes")
    return [line.deletion(place.start, place.end)] if place else []


def _edit(line: DeployLine, option: Option, mended: DeployDraft) -> Edit | None:
    """Return the edit that makes an option say what the mended draft does."""
    values: list[str | None] = [getattr(mended, field) for field in option.fields]
    if option.prefix and not (values[0] or "").startswith(option.prefix):
        return None
    place = line.places.get(option.name)
    if place is None:
        covered = any(
            set(option.fields) & set(other.fields) for other in OPTIONS if other.name in line.places
        )
        if covered or len(values) != 1 or values[0] is None:
            return None
        end = len(line.text)
        return Edit(end, end, f" --{option.name} {quote(values[0])}")
    if not any(values):
        return line.deletion(place.start, place.end)
    if option.kind is Kind.RANGE:
        return Edit(place.value_start, place.value_end, "..".join(value or "" for value in values))
    return Edit(place.value_start, place.value_end, quote(values[0] or ""))


def _applied(text: str, edits: Sequence[Edit]) -> str | None:
    """Apply edits, of which the first wins where two overlap; None if nothing changes."""
    kept: list[Edit] = []
    for edit in edits:
        if all(edit.end <= other.start or edit.start >= other.end for other in kept):
            kept.append(edit)
    for edit in sorted(kept, key=lambda edit: edit.start, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text.strip() if kept else None
