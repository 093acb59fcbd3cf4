"""bot/REFERENCE.md: settings, commands, scopes, validation rules and metrics, from the code.

usage: python -m bot.ops.reference            writes it
       python -m bot.ops.reference --check    fails if it is out of date
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from bot.commands.deploy_options import options_help
from bot.commands.features import registry
from bot.commands.help import EXAMPLE
from bot.commands.manifest import EVENTS, METHODS, SCOPES
from bot.commands.registry import SLASH
from bot.config import Settings
from bot.domain.process.metrics import METRICS
from bot.domain.request.draft import DeployDraft
from bot.domain.request.rule import LABELS, Rule
from bot.domain.request.rules import RULES, field_errors_of

PATH = Path(__file__).parents[1] / "REFERENCE.md"
_VALID_DRAFT = DeployDraft(model="meta-llama/Llama-3.1-8B-Instruct", gpu="2xH100")
_TARGETS = ("staging", "prod")
_LONGEST_EXAMPLE = 60
_HEAD = """\
# Reference

Generated from the code by `python -m bot.ops.reference`; a test fails while it is out of date.

"""


def reference() -> str:
    """The whole page."""
    sections = [_settings(), _commands(), _scopes(), _rules(), _metrics()]
    return _HEAD + "\n".join(line for section in sections for line in section)


def operator_settings() -> dict[str, FieldInfo]:
    """The settings that the README lists, by name."""
    return {name: field for name, field in _fields() if not is_advanced(field)}


def is_advanced(field: FieldInfo) -> bool:
    """Whether few operators ever set it."""
    return isinstance(field.json_schema_extra, dict) and "advanced" in field.json_schema_extra


def _fields() -> Iterator[tuple[str, FieldInfo]]:
    # One without a meaning is refused whenever it is set.
    return ((name.upper(), field) for name, field in Settings.model_fields.items() if field.title)


def _settings() -> Iterator[str]:
    yield from ("## Settings", "")
    yield from ("From the environment or a `.env` file. Durations are in seconds.", "")
    yield from _table(
        ("name", "default", "meaning"),
        (
            (f"`{name}`", _default(field), f"{field.title}.{_hint(field)}")
            for name, field in operator_settings().items()
        ),
    )
    yield from ("### [advanced]", "", "The defaults fit; change one only for a reason.", "")
    yield from _table(
        ("name", "default", "meaning"),
        (
            (f"`{name}`", _default(field), f"{field.title}.")
            for name, field in _fields()
            if is_advanced(field)
        ),
    )


def _default(field: FieldInfo) -> str:
    value = field.default
    return "" if value in (None, PydanticUndefined, "", frozenset()) else f"`{value}`"


def _hint(field: FieldInfo) -> str:
    return "" if field.annotation is float else f" {field.description}"


def _commands() -> Iterator[str]:
    commands = registry()
    yield from ("## Commands", "")
    yield from _table(
        ("command", "what it does"),
        (
            (f"`{SLASH}`", "Opens the form to deploy a model."),
            (f"`{EXAMPLE}`", "Deploys from text, after showing the price."),
            *((f"`{one.usage}`", one.summary) for one in commands.commands.values()),
        ),
    )
    yield from ("Options of a deployment from text:", "")
    yield from _table(
        ("option", "meaning"), (line.split("  ", 1) for line in options_help().splitlines())
    )
    yield from ("Message shortcuts:", "")
    yield from _table(
        ("shortcut", "what it does"),
        ((one.name, one.summary) for one in commands.shortcuts.values()),
    )


def _scopes() -> Iterator[str]:
    yield from ("## Scopes", "", "What `friendli-deploy manifest` asks Slack for.", "")
    needs = {**METHODS, **EVENTS}
    yield from _table(
        ("scope", "for", "methods and events"),
        (
            (
                f"`{scope}`",
                reason,
                ", ".join(f"`{name}`" for name, scopes in needs.items() if scope in scopes),
            )
            for scope, reason in SCOPES.items()
        ),
    )


def _rules() -> Iterator[str]:
    yield from ("## Validation rules", "", "Of a deploy request, in the order of the form.", "")
    yield from _table(
        ("field", "valid", "refused example", "error"),
        ((LABELS[rule.field], rule.valid, _example(rule), _error(rule)) for rule in RULES),
    )


def _example(rule: Rule) -> str:
    is_other = list(rule.bad) != [rule.field]
    return ", ".join(
        f"{LABELS[field]} `{_shortened(text)!r}`" if is_other else f"`{_shortened(text)!r}`"
        for field, text in rule.bad.items()
    )


def _shortened(text: str) -> str:
    return text if len(text) < _LONGEST_EXAMPLE else f"{text[:8]}… ({len(text)} characters)"


def _error(rule: Rule) -> str:
    draft = {**_VALID_DRAFT.model_dump(by_alias=False), **rule.bad}
    errors = field_errors_of(DeployDraft.model_validate(draft), targets=_TARGETS)
    return next(error.sentences for error in errors if error.field == rule.field)


def _metrics() -> Iterator[str]:
    yield from ("## Metrics", "")
    yield from ("Counters and `slack_up` are per replica; the other gauges are global.", "")
    yield from _table(
        ("name", "labels", "meaning"),
        (
            (f"`{one.name}`", ", ".join(f"`{label}`" for label in one.labels), one.meaning)
            for one in METRICS
        ),
    )


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield _row(columns)
    yield "|" + "---|" * len(columns)
    for row in rows:
        yield _row([cell.replace("|", "\\|").replace("\n", " ") for cell in row])
    yield ""


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def main(arguments: Sequence[str], path: Path = PATH) -> int:
    """Write the page, or check it. Returns the exit code."""
    page = reference()
    if list(arguments) != ["--check"]:
        path.write_text(page, "utf-8")
        return 0
    if path.exists() and path.read_text("utf-8") == page:
        return 0
    sys.stderr.write("bot/REFERENCE.md is out of date: run python -m bot.ops.reference\n")
    return 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
