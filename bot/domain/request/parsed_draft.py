"""A draft with its texts parsed: numbers, model, instance and metric."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

from bot.domain.instances import AnyInstance, UnknownInstanceError, parse_any
from bot.domain.request.draft import DeployDraft
from bot.domain.request.hub_names import ModelReference, read_model
from bot.domain.schemas import QueueBackpressureMetricKind

LONGEST_WHOLE = 9


@dataclass(frozen=True)
class ParsedDraft:
    """A draft, parsed for a channel.

    Attributes:
        known_models: Models without an organisation that exist on the Hub.
    """

    draft: DeployDraft
    targets: Sequence[str]
    known_models: Collection[str] = ()

    def raw(self, field: str) -> str:
        value: object = getattr(self.draft, field)
        return value if isinstance(value, str) else ""

    def text(self, field: str) -> str:
        """The text without surrounding space; a pasted URL counts too."""
        if field == "revision" and not self.raw(field).strip():
            return self.model.revision or ""
        return self.raw(field).strip()

    def whole(self, field: str) -> int | None:
        typed = self.text(field)
        return int(typed) if re.fullmatch(rf"-?[0-9]{{1,{LONGEST_WHOLE}}}", typed) else None

    @cached_property
    def model(self) -> ModelReference:
        return read_model(self.raw("model"))

    @cached_property
    def instance(self) -> AnyInstance | UnknownInstanceError:
        try:
            return parse_any(self.text("gpu"))
        except UnknownInstanceError as unknown:
            return unknown

    @cached_property
    def metric(self) -> QueueBackpressureMetricKind | None:
        """The backpressure metric, in any case and with any separator."""
        name = re.sub(r"[\s-]+", "_", self.text("queue_backpressure_metric")).upper()
        return QueueBackpressureMetricKind.__members__.get(name)

    @cached_property
    def threshold(self) -> float | None:
        typed = self.text("queue_backpressure_threshold")
        return float(typed) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", typed) else None

    @property
    def both_scalings(self) -> bool:
        """Whether numbers of both scalings were typed and neither scaling was chosen."""
        auto = ("min_replicas", "max_replicas", "cooldown")
        return (
            self.draft.scaling is None and bool(self.text("replicas")) and any(map(self.text, auto))
        )
