"""Friendli's messages about single fields, by the form's fields."""

from collections.abc import Iterable, Mapping

from bot.domain.friendli_errors import RefusedField
from bot.domain.request.rule import LABELS
from bot.domain.request.sent_fields import FORM_FIELDS, field_at, label_of

_UNNAMED = "request"


def by_form_field(errors: Iterable[RefusedField]) -> Mapping[str, str]:
    """Field of a `DeployDraft` → Friendli's message, as plain text.

    A field that the form lacks keeps its name in the request.
    """
    messages: dict[str, str] = {}
    for error in errors:
        name = field_at(error.place) or _UNNAMED
        key = FORM_FIELDS.get(name, name)
        messages[key] = f"{messages[key]}; {error.message}" if key in messages else error.message
    return messages


def label(key: str) -> str:
    return LABELS.get(key) or label_of(key)
