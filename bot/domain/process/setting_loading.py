"""Load one settings class, and describe each invalid setting in one line."""

from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings

from bot.domain.errors import ConfigError
from bot.domain.process.redaction import redactor

UNREADABLE_ENV_FILE = ".env can't be read. Make it a UTF-8 text file, or remove it."

_Kind = TypeVar("_Kind", bound=BaseSettings)


def load_only(kind: type[_Kind], **given: Any) -> _Kind:  # noqa: ANN401 - of any field's type
    """Load one settings class alone (a migration job has no Slack token), or raise ConfigError."""
    try:
        return kind(**given)
    except ValidationError as error:
        problems = list(problems_of(kind, error).values())
    except (OSError, UnicodeDecodeError):
        problems = [UNREADABLE_ENV_FILE]
    raise ConfigError(problems)


def problems_of(kind: type[BaseSettings], error: ValidationError) -> dict[str, str]:
    """One line for each invalid setting, by field name."""
    return {
        name: _problem(kind, name, found["type"], found["msg"])
        for found in error.errors(include_input=False)
        for name in [str(found["loc"][0])]
    }


def _problem(settings: type[BaseSettings], field: str, kind: str, message: str) -> str:
    match kind:
        case "missing":
            wrong = "is missing"
        case "int_parsing" | "int_from_float":
            wrong = "isn't a whole number"
        case "float_parsing" | "finite_number":
            wrong = "isn't a number"
        case "greater_than" | "greater_than_equal" | "less_than_equal":
            wrong = "is out of range"
        case "literal_error" | "enum":
            wrong = "isn't valid"
        case "string_pattern_mismatch":
            wrong = "isn't written as it has to be"
        case _:
            # pydantic's text may quote the value, which may be a misplaced secret.
            wrong = redactor.mask(message.removeprefix("Value error, "))
    return f"{field.upper()} {wrong}. {settings.model_fields[field].description}"
