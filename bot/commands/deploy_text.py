"""The deploy command as text: a request, or errors with a corrected line."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

from bot.commands.deploy_line import DeployLine, LineError
from bot.commands.deploy_line_parser import parse
from bot.commands.deploy_options import (
    COMMAND,
    OPTIONS,
    Kind,
    Option,
    options_help,
    to_line,
)
from bot.domain.command_line import Edit, quote, typed
from bot.domain.request.deploy_request import DeployRequest
from bot.domain.request.draft import DeployDraft, Scaling
from bot.domain.request.rules import FieldError, check

__all__ = [
    "COMMAND",
    "OPTIONS",
    "LineError",
    "LineErrors",
    "TextDeploy",
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
    """A valid line."""

    request: DeployRequest
    draft: DeployDraft
    yes: bool


@dataclass(frozen=True, slots=True)
class LineErrors:
    """An invalid line.

    Attributes:
        corrected_line: The whole line, command included, with every error fixed and the rest
            unchanged but for `--yes`, so that it asks first: plain text that is valid. None if
            that takes a guess.
        draft: What was understood, corrected if that takes no guess, for a form to go on from.
    """

    field_errors: tuple[LineError, ...]
    corrected_line: str | None
    draft: DeployDraft


def model_of(text: str) -> str | None:
    return parse(typed(text).strip()).draft.model


def read(
    text: str,
    *,
    targets: Sequence[str],
    default_target: str,
    scalings: Mapping[str, Scaling] = MappingProxyType({}),
    known_models: Collection[str] = (),
    tag: str | None = None,
) -> TextDeploy | LineErrors:
    """Parse and validate what follows the command.

    Args:
        text: As Slack sent it.
        targets: Names of the channel's targets.
        default_target: Where none is named.
        scalings: Each target's default.
        known_models: Models without an organisation that the Hub has.
        tag: The end of a name made from the model; a new one if None.
    """

    def checked(line: DeployLine) -> DeployRequest | tuple[FieldError, ...]:
        return check(
            line.draft,
            targets=targets,
            default_target=default_target,
            scalings=scalings,
            known_models=known_models,
            tag=tag,
        )

    line, answer = read_with(text, checked, COMMAND)
    return answer if isinstance(answer, LineErrors) else TextDeploy(answer, line.draft, line.yes)


def read_with(
    text: str, check_line: Callable[[DeployLine], T | tuple[FieldError, ...]], command: str
) -> tuple[DeployLine, T | LineErrors]:
    """Parse a line that `check_line` validates; the corrected line begins with `command`."""

    def checked(line: DeployLine) -> T | tuple[FieldError, ...]:
        answer = check_line(line)
        if not isinstance(answer, tuple):
            return () if line.field_errors else answer
        return tuple(
            field_error for field_error in answer if field_error.field not in line.reported
        )

    first = line = parse(typed(text).strip())
    first_answer = answer = checked(line)
    # One edit may uncover the next error: an open quote hides all that follows it.
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
    return first, LineErrors(
        (
            *first.field_errors,
            *(LineError(field_error.words, field_error.nearest) for field_error in first_answer),
        ),
        None if isinstance(answer, tuple) else f"{command} {line.text}",
        first.draft if isinstance(answer, tuple) else line.draft,
    )


def _corrected(line: DeployLine, field_errors: Sequence[FieldError]) -> str | None:
    """The line with its errors fixed; None if one can't be."""
    if line.is_cut or line.lacks_value or len(line.text) > _LONGEST_CORRECTED:
        return None
    edits = [*_yes_removed(line), *line.edits]
    suggest_fix: dict[str, str | None] = {}
    for field_error in field_errors:
        if field_error.suggest_fix is None:
            return None
        suggest_fix |= field_error.suggest_fix
    if line.model is not None and suggest_fix.get("model"):
        edits.append(Edit(line.model.start, line.model.end, quote(suggest_fix["model"] or "")))
    suggested = line.draft.model_copy(update=suggest_fix)
    edits += [
        edit
        for option in OPTIONS
        if suggest_fix.keys() & set(option.fields) and (edit := _edit(line, option, suggested))
    ]
    return _apply(line.text, edits)


def _yes_removed(line: DeployLine) -> list[Edit]:
    """Leave `--yes` out: what nobody typed must not be deployed without a look at it."""
    span = line.spans.get("yes")
    return [line.deletion(span.start, span.end)] if span else []


def _edit(line: DeployLine, option: Option, suggested: DeployDraft) -> Edit | None:
    values: list[str | None] = [getattr(suggested, field) for field in option.fields]
    if option.prefix and not (values[0] or "").startswith(option.prefix):
        return None
    span = line.spans.get(option.name)
    if span is None:
        covered = any(
            set(option.fields) & set(other.fields) for other in OPTIONS if other.name in line.spans
        )
        if covered or len(values) != 1 or values[0] is None:
            return None
        end = len(line.text)
        return Edit(end, end, f" --{option.name} {quote(values[0])}")
    if not any(values):
        return line.deletion(span.start, span.end)
    if option.kind is Kind.RANGE:
        return Edit(span.value_start, span.value_end, "..".join(value or "" for value in values))
    return Edit(span.value_start, span.value_end, quote(values[0] or ""))


def _apply(text: str, edits: Sequence[Edit]) -> str | None:
    """Apply edits; of two that overlap, the first. None if nothing changes."""
    kept: list[Edit] = []
    for edit in edits:
        if all(edit.end <= other.start or edit.start >= other.end for other in kept):
            kept.append(edit)
    for edit in sorted(kept, key=lambda edit: edit.start, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text.strip() if kept else None
