"""What is known of one version of an endpoint, and how two of them differ.

A version that was requested here is fully known. The API reports less: no model, revision, token
count, logging or queue settings.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

from bot.domain.instances import INSTANCE_OPTIONS, AnyInstance, InstanceOption, Prices
from bot.domain.model_facts import DEFAULT_BRANCH, is_commit
from bot.domain.request.deploy_request import DeployRequest
from bot.domain.request.draft import DeployDraft
from bot.domain.request.rule import LABELS
from bot.domain.schemas import AutoscalingPolicy, DedicatedEndpointSpec, QueueBackpressureMetricKind

History = Mapping[str, DedicatedEndpointSpec]
"""Version number, as the API writes it → spec."""

UNREPORTED = frozenset(
    {
        "model",
        "revision",
        "max_token_count",
        "content_logging",
        "queue_timeout_ms",
        "queue_backpressure_metric",
        "queue_backpressure_threshold",
    }
)
"""Fields of a `DeployRequest` that the API never reports."""

NO_SETTINGS = frozenset({"target", "comment", "lifetime"})
"""Fields of a `DeployDraft` that are no settings of a version."""

SCALING = frozenset({"scaling", "replicas", "min_replicas", "max_replicas", "cooldown"})
"""Fields of a `DeployDraft` that together define the number of replicas."""

ENGINE = (
    "max_batch_size",
    "max_input_length",
    "max_token_count",
    "max_context_length",
    "skip_special_tokens",
    "add_special_tokens",
    "content_logging",
    "queue_timeout_ms",
    "queue_backpressure_metric",
    "queue_backpressure_threshold",
)
"""Fields of a `DeployRequest` that the API takes together, as one object."""

_INSTANCE = "instance_option_id"
_SCALING = "replicas"
_METRIC = "queue_backpressure_metric"
_FLAGS = {"skip_special_tokens", "add_special_tokens", "content_logging"}
_SHORT_COMMIT = 7
_FRIENDLIS_CHOICE = "Friendli's default"


@dataclass(frozen=True, slots=True)
class Version:
    """What is known of a version.

    Attributes:
        request: Its settings; placeholders in unknown fields.
    """

    request: DeployRequest
    unknown: frozenset[str] = frozenset()

    @classmethod
    def of_spec(cls, spec: DedicatedEndpointSpec, target: str = "") -> Self:
        """What the API reports of a version."""
        option = option_of(spec)
        unknown = UNREPORTED | (_unreported_by(spec) & {_INSTANCE, _SCALING})
        least, most = spec.autoscaling_min or 0, spec.autoscaling_max or 0
        fixed = least == most and least > 0
        # Not validated: the API may allow what the bot refuses.
        policy = AutoscalingPolicy.model_construct(min_replica=least, max_replica=most)
        if spec.autoscaling_cooldown is not None:
            policy = policy.model_copy(update={"cooldown_period": spec.autoscaling_cooldown})
        scales = not fixed and _SCALING not in unknown
        request = DeployRequest.model_construct(
            target=target,
            model="",
            name=spec.name,
            instance_option_id=option.id if option else "",
            replicas=least if fixed else None,
            autoscaling=policy if scales else None,
            max_batch_size=spec.max_batch_size,
            max_input_length=spec.max_input_length,
            max_context_length=spec.max_context_length,
            skip_special_tokens=spec.tokenizer_skip_special_tokens is not False,
            add_special_tokens=spec.tokenizer_add_special_tokens is not False,
        )
        return cls(request, unknown)

    def with_spec(self, spec: DedicatedEndpointSpec) -> "Version":
        """This version, overridden by what the API reports."""
        reported = Version.of_spec(spec).request
        kept = UNREPORTED | _unreported_by(spec) | {"target", "comment", "lifetime_seconds"}
        if _SCALING in kept:
            kept |= {"autoscaling"}
        fields = {name: value for name, value in reported if name not in kept}
        return Version(self.request.model_copy(update=fields), self.unknown)

    def with_unreported(self, fields: Mapping[str, object]) -> "Version":
        """This version with settings that the API doesn't report; None for cleared ones."""
        parsed = dict(fields)
        if metric := parsed.get(_METRIC):
            parsed[_METRIC] = QueueBackpressureMetricKind(str(metric))
        return Version(self.request.model_copy(update=parsed), self.unknown - fields.keys())

    @property
    def unreported(self) -> dict[str, object]:
        """The argument of `with_unreported`: known settings that the API doesn't report."""
        return self.request.model_dump(mode="json", include=set(UNREPORTED - self.unknown))

    @property
    def option(self) -> AnyInstance | None:
        return None if _INSTANCE in self.unknown else self.request.option

    def draft(self) -> DeployDraft:
        """The known settings as a draft, without target, comment and lifetime."""
        stand_in = self.request
        if self.option is None:
            stand_in = stand_in.model_copy(update={_INSTANCE: INSTANCE_OPTIONS[0].id})
        names = {"gpu" if field == _INSTANCE else field for field in self.unknown}
        if _SCALING in names:
            names |= SCALING
        return stand_in.draft().model_copy(update=dict.fromkeys(names | NO_SETTINGS))

    def cost(self, prices: Prices) -> "Cost":
        if _SCALING in self.unknown:
            return Cost(None, 0, 0)
        least, most = self.request.replica_bounds
        each = self.request.price_per_replica(prices) if self.option else None
        return Cost(each, least, most)


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of a version while it serves; None where unknown.

    Attributes:
        each: Dollars per hour and replica.
    """

    each: Decimal | None
    least: int | None
    most: int | None

    @property
    def at_full_scale(self) -> Decimal | None:
        return None if self.each is None or self.most is None else self.each * self.most


@dataclass(frozen=True, slots=True)
class Difference:
    """A setting in which two versions differ: plain texts; None where unknown."""

    label: str
    before: str | None
    after: str


def changed(before: Version, after: Version) -> frozenset[str]:
    """The fields of a `DeployRequest` in which a later version is known to differ.

    `replicas` stands for the whole scaling; the comment isn't compared.
    """
    fields = {"model", "revision", "name", _INSTANCE, "replicas", *ENGINE} - after.unknown
    return frozenset(
        field
        for field in fields
        if field in before.unknown or _value(before, field) != _value(after, field)
    )


def differences(before: Version, after: Version) -> list[Difference]:
    fields = changed(before, after)
    found = []
    for field in ("model", "revision", "name", _INSTANCE, "replicas", *ENGINE):
        # The model's words include the revision.
        if field in fields and not (field == "revision" and "model" in fields):
            label = LABELS["gpu" if field == _INSTANCE else field]
            found.append(Difference(label, words(before, field), words(after, field) or ""))
    return found


def words(version: Version, field: str) -> str | None:
    """A setting in words; None if unknown."""
    request = version.request
    if field in version.unknown:
        return None
    value: object = getattr(request, field)
    if field == "model" and request.revision and "revision" not in version.unknown:
        return f"{request.model} @ {_short(request.revision)}"
    if field == "revision":
        return _short(request.revision or DEFAULT_BRANCH)
    if field == _INSTANCE:
        return version.option.label if version.option else None
    if field == "replicas":
        auto = request.autoscaling
        cooldown = f", cool-down {auto.cooldown_period} s" if auto else ""
        return f"{request.replicas_text}{cooldown}"
    if field in _FLAGS:
        return "on" if value else "off"
    return _FRIENDLIS_CHOICE if value is None else _shown(value)


def _short(revision: str) -> str:
    return revision[:_SHORT_COMMIT] if is_commit(revision) else revision


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _value(version: Version, field: str) -> object:
    request = version.request
    if field == "replicas":
        auto, (least, most) = request.autoscaling, request.replica_bounds
        # Without scaling there is no cool-down: the API reports both scalings alike.
        cools_down = auto is not None and auto.min_replica < auto.max_replica
        return least, most, auto.cooldown_period if auto and cools_down else None
    value: object = getattr(request, field)
    if field == "revision":
        return value or "main"
    return bool(value) if field in _FLAGS else value


def _unreported_by(spec: DedicatedEndpointSpec) -> frozenset[str]:
    """Fields that the API usually reports and that are missing in this spec."""
    reported = {
        "name": spec.name or None,
        _INSTANCE: option_of(spec),
        _SCALING: None if spec.autoscaling_min is None else spec.autoscaling_max,
        "max_batch_size": spec.max_batch_size,
        "skip_special_tokens": spec.tokenizer_skip_special_tokens,
        "add_special_tokens": spec.tokenizer_add_special_tokens,
    }
    return frozenset(field for field, value in reported.items() if value is None)


def option_of(spec: DedicatedEndpointSpec) -> InstanceOption | None:
    for option in INSTANCE_OPTIONS:
        if option.count == spec.num_gpu and option.gpu.matches(spec.gpu_type or ""):
            return option
    return None


def in_order(history: History) -> list[str]:
    return sorted(history, key=_rank)


def newest(history: History) -> str | None:
    return in_order(history)[-1] if history else None


def is_later(number: str | None, than: str | None) -> bool:
    """Whether a version is newer than another one; any is newer than none."""
    if number is None or than is None:
        return number is not None
    return _rank(number) > _rank(than)


def _rank(number: str) -> tuple[int, str]:
    return (int(number) if number.isdecimal() else -1), number


def following(number: str | None) -> str | None:
    """The next version's number, if this one is numeric."""
    return str(int(number) + 1) if number is not None and number.isdecimal() else None
