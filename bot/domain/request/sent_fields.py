"""The fields of a request to Friendli for display, and the form fields behind them.

The list is the request model itself: a new field there is shown automatically.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from types import MappingProxyType

from bot.domain.request.draft import DEFAULT_COOLDOWN
from bot.domain.request.rule import LABELS
from bot.domain.schemas import RequestModel

FORM_FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "name": "name",
        "instance_option_id": "gpu",
        "hf_model_repo": "model",
        "hf_model_repo_revision": "revision",
        "initial_version_comment": "comment",
        "new_version_comment": "comment",
        "simplescale": "replicas",
        "replicas": "replicas",
        "autoscaling_policy": "scaling",
        "min_replica": "min_replicas",
        "max_replica": "max_replicas",
        "cooldown_period": "cooldown",
        "max_batch_size": "max_batch_size",
        "max_input_length": "max_input_length",
        "max_token_count": "max_token_count",
        "max_context_length": "max_context_length",
        "tokenizer_skip_special_tokens": "skip_special_tokens",
        "tokenizer_add_special_tokens": "add_special_tokens",
        "enable_content_logging": "content_logging",
        "queue_timeout_ms": "queue_timeout_ms",
        "queue_backpressure_metric_kind": "queue_backpressure_metric",
        "queue_backpressure_metric_threshold": "queue_backpressure_threshold",
    }
)
"""Field of a request model → field of a `DeployDraft`."""

SHOWN_ANYWAY = frozenset(
    {
        "project_id",
        "name",
        "instance_option_id",
        "hf_model_repo",
        "hf_model_repo_revision",
        "replicas",
        "min_replica",
        "max_replica",
    }
)
"""Fields that every message about a request shows in its own words."""

_UNITS = {"cooldown_period": " s", "queue_timeout_ms": " ms"}
# The API requires them; these are the form's and the command line's defaults.
_DEFAULTS: Mapping[str, object] = {
    "tokenizer_skip_special_tokens": True,
    "tokenizer_add_special_tokens": True,
    "cooldown_period": DEFAULT_COOLDOWN,
}
# First, since consent to keeping data must not be overlooked.
_FIRST = "enable_content_logging"
_INNER_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class SentField:
    """A field that a request sets: plain texts.

    Attributes:
        is_default: Whether it is sent although nobody set it.
    """

    field: str
    label: str
    value: str
    is_default: bool = False

    @property
    def form_field(self) -> str | None:
        return FORM_FIELDS.get(self.field)


def sent_fields(body: RequestModel) -> tuple[SentField, ...]:
    """The fields that a request sends, except those shown anyway; content logging comes first."""
    found = [
        SentField(name, label_of(name), _shown(name, value), _DEFAULTS.get(name) == value)
        for name, value in _leaves(body)
    ]
    return tuple(sorted(found, key=lambda sent: sent.field != _FIRST))


def label_of(name: str) -> str:
    return LABELS.get(FORM_FIELDS.get(name, ""), name.replace("_", " ").strip().capitalize())


def field_at(place: Sequence[str]) -> str:
    """The request model's field at an API path on the wire; '' for none.

    The last known name counts, since unions add names of their own.
    """
    names = [_INNER_CAPITAL.sub("_", name).lower() for name in place]
    known = [name for name in names if name in FORM_FIELDS]
    return (known or names or [""])[-1]


def _leaves(body: RequestModel) -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = []
    for name in type(body).model_fields:
        value: object = getattr(body, name)
        # The same fields that `wire` sends.
        if name not in body.model_fields_set or value is None or name in SHOWN_ANYWAY:
            continue
        if isinstance(value, RequestModel):
            found += _leaves(value)
        else:
            found.append((name, value))
    return found


def _shown(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        # A float's repr is its shortest exact form, but may have an exponent.
        return f"{Decimal(repr(value)).normalize():f}"
    text = str(value.value) if isinstance(value, Enum) else str(value)
    return text + _UNITS.get(name, "")
