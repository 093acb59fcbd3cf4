"""Updates of an endpoint: only changed fields are sent."""

import json
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from bot.domain.instances import InstanceOption, Prices
from bot.domain.matching import differs_in_gpus
from bot.domain.request.deploy_request import DeployRequest
from bot.domain.request.draft import DeployDraft
from bot.domain.request.rules import (
    EXAMPLE_INSTANCE,
    EXAMPLE_MODEL,
    FieldError,
    check,
    field_errors_of,
)
from bot.domain.schemas import DedicatedEndpointSpec, DedicatedEndpointUpdateBody
from bot.domain.version import ENGINE, NO_SETTINGS, SCALING, History, Version, changed, in_order

_DEFAULT_BRANCH = "main"
# An omitted field stays unchanged, and no value means "Friendli decides".
_NO_WAY_BACK = FieldError("scaling", "An update can't return to Friendli's default scaling.")


class Update(BaseModel):
    """An update that a person confirmed.

    Attributes:
        replaces: The number of the version that it was compared with.
        after: The settings of the new version; placeholders in unknown fields.
        is_whole: Whether no setting of a version that was created elsewhere stays.
        dollars_before: Dollars per hour at full scale; None if unknown.
        most_before: Maximum of replicas before; None if stored without it.
    """

    model_config = ConfigDict(frozen=True)

    body: DedicatedEndpointUpdateBody
    replaces: str | None
    after: DeployRequest
    unknown: tuple[str, ...] = ()
    is_whole: bool = False
    dollars_before: Decimal | None = None
    dollars_after: Decimal | None = None
    most_before: int | None = None

    @classmethod
    def stored(cls, row: Mapping[str, Any] | None) -> Self:
        """Parse what `to_row` wrote."""
        # As JSON, since the body is parsed strictly: in Python, a text is no enum.
        return cls.model_validate_json(json.dumps(row))

    def to_row(self) -> dict[str, Any]:
        row: dict[str, Any] = self.model_dump(mode="json", exclude_none=True)
        return row | {"body": self.body.wire()}

    @property
    def version(self) -> Version:
        return Version(self.after, frozenset(self.unknown))

    @property
    def may_cost_more(self) -> bool:
        """Whether the new version costs more at full scale, or may, with an unknown price."""
        if self.dollars_after is not None and self.dollars_before is not None:
            return self.dollars_after > self.dollars_before
        if self.body.instance_option_id is not None:
            return True
        is_scaled = not (self.body.simplescale is None and self.body.autoscaling_policy is None)
        _, most = self.after.replica_bounds
        if most is None or self.most_before is None:
            return is_scaled
        return is_scaled and most > self.most_before

    def cost_after(self, prices: Prices) -> Decimal | None:
        return self.version.cost(prices).at_full_scale


def next_version(before: Version, wanted: DeployDraft) -> Version | tuple[FieldError, ...]:
    """The next version from a form, or its errors; unknown empty settings stay unchanged."""
    optional = set()
    if "model" in before.unknown:
        optional.add("model")
    if before.option is None:
        optional.add("gpu")
    name = before.request.name
    kept = not wanted.name or wanted.name.strip() == name.strip()
    # An unchanged name isn't validated: it may come from elsewhere.
    draft = wanted.model_copy(
        update={"target": None, "lifetime": None} | ({"name": "kept"} if kept else {})
    )
    field_errors = field_errors_of(
        draft, targets=(), optional=optional, known_models={before.request.model}
    )
    if draft.scaling == "friendli" and before.request.replica_bounds != (None, None):
        field_errors = (*field_errors, _NO_WAY_BACK)
    if field_errors:
        return field_errors
    complete = draft.model_copy(
        update={"model": draft.model or EXAMPLE_MODEL, "gpu": draft.gpu or EXAMPLE_INSTANCE}
    )
    request = check(
        complete,
        targets=(),
        default_target=before.request.target,
        known_models={before.request.model},
    )
    if not isinstance(request, DeployRequest):
        return request
    same: dict[str, object] = {"lifetime_seconds": before.request.lifetime_seconds}
    request = request.model_copy(update=same | ({"name": name} if kept else {}))
    empty = {field for field in before.unknown if _is_empty(wanted, field)}
    if request.revision is not None or "model" not in empty:
        # Another model is taken from its own branch.
        empty.discard("revision")
    return Version(request, frozenset(empty))


def _is_empty(wanted: DeployDraft, field: str) -> bool:
    names = {"instance_option_id": {"gpu"}, "replicas": SCALING}.get(field, {field})
    return all(getattr(wanted, name) is None for name in names)


def body(before: Version, after: Version) -> DedicatedEndpointUpdateBody | None:
    """The request that makes the next version; None if nothing but the comment changes."""
    fields = changed(before, after)
    if not fields:
        return None
    request = after.request
    sent: dict[str, object] = {}
    if "name" in fields:
        sent["name"] = request.name
    if "instance_option_id" in fields:
        sent["instance_option_id"] = request.instance_option_id
    if "replicas" in fields:
        sent["simplescale"] = request.simplescale()
        sent["autoscaling_policy"] = request.autoscaling
    if "model" in fields:
        sent["hf_model_repo"] = request.model
    if "revision" in fields:
        # An omitted one would keep the old one.
        sent["hf_model_repo_revision"] = request.revision or _DEFAULT_BRANCH
    if fields.intersection(ENGINE):
        sent["advanced"] = request.engine()
    if request.comment:
        sent["new_version_comment"] = request.comment
    return DedicatedEndpointUpdateBody.model_validate(
        {name: value for name, value in sent.items() if value is not None}, by_name=True
    )


def build_update(
    before: Version,
    after: Version,
    *,
    replaces: str | None,
    prices: Prices,
    is_whole: bool = False,
) -> Update | None:
    """Build an update of the version `replaces`; None if nothing changes."""
    sent = body(before, after)
    if sent is None:
        return None
    return Update(
        body=sent,
        replaces=replaces,
        after=after.request,
        unknown=tuple(sorted(after.unknown)),
        is_whole=is_whole,
        dollars_before=before.cost(prices).at_full_scale,
        dollars_after=after.cost(prices).at_full_scale,
        most_before=before.request.replica_bounds[1],
    )


def edits(before: Version, after: Version) -> DeployDraft:
    """The changed fields only; as JSON with `exclude_unset` it includes cleared ones."""
    old, new = before.draft(), after.draft()
    differing: dict[str, object] = {
        name: value for name, value in new if value != getattr(old, name)
    }
    if after.request.comment:
        differing["comment"] = after.request.comment
    return DeployDraft.model_validate(differing, by_name=True)


def with_edits(before: Version, edited: DeployDraft) -> DeployDraft:
    return before.draft().model_copy(update=edited.model_dump(exclude_unset=True, by_alias=False))


def applied_to_spec(spec: DedicatedEndpointSpec, version: Version) -> DedicatedEndpointSpec:
    """The spec that the API reports once a version exists."""
    request = version.request
    least, most = request.replica_bounds
    reported: dict[str, object] = {
        "name": request.name,
        "autoscaling_min": spec.autoscaling_min if least is None else least,
        "autoscaling_max": spec.autoscaling_max if most is None else most,
        "max_batch_size": request.max_batch_size or spec.max_batch_size,
        "max_input_length": request.max_input_length,
        "max_context_length": request.max_context_length,
        "tokenizer_skip_special_tokens": request.skip_special_tokens,
        "tokenizer_add_special_tokens": request.add_special_tokens,
    }
    if request.autoscaling is not None:
        reported["autoscaling_cooldown"] = request.autoscaling.cooldown_period
    if isinstance(version.option, InstanceOption):
        reported |= {"gpu_type": version.option.gpu.api_name, "num_gpu": version.option.count}
    return spec.model_copy(update=reported)


def created_version(history: History, update: Update) -> str | None:
    """The number of the version that an update made; None if there is none.

    Others may have made versions meanwhile: only one that came after the replaced version and has
    the requested settings counts.
    """
    numbers = in_order(history)
    if update.replaces is not None and update.replaces in history:
        numbers = numbers[numbers.index(update.replaces) + 1 :]
    return next((number for number in numbers if _has_settings_of(history[number], update)), None)


def _has_settings_of(spec: DedicatedEndpointSpec, update: Update) -> bool:
    sent, requested = update.body, update.after
    fields: set[str] = set()
    if sent.name is not None:
        fields.add("name")
    if sent.instance_option_id is not None and differs_in_gpus(requested, spec):
        return False
    if sent.simplescale is not None and spec.autoscaling_max not in (None, requested.replicas):
        # Its minimum may be reported as zero.
        return False
    if sent.autoscaling_policy is not None:
        fields.add("replicas")
    if sent.advanced is not None:
        # Settings left to the API prove nothing.
        fields.update(field for field in ENGINE if getattr(requested, field) is not None)
    return fields.isdisjoint(changed(update.version, Version.of_spec(spec)))


def rolled_back(
    before: Version, to: Version, number: str, *, reported: Version | None = None
) -> DeployDraft:
    """All settings of an earlier version that differ; where unknown, the running ones.

    Args:
        before: What runs, as it was requested.
        to: The earlier version, as the API reports it.
        reported: What runs, as the API reports it: with its defaults, which are no difference.
    """
    kept = _form_fields(to.unknown) | NO_SETTINGS
    if reported is not None:
        runs = dict(reported.draft())
        same = {name for name, value in to.draft() if runs[name] == value}
        same -= _form_fields(reported.unknown)
        kept |= same if same >= SCALING else same - SCALING
    known = {name: value for name, value in to.draft() if name not in kept}
    return before.draft().model_copy(update=known | {"comment": back_comment(number)})


def back_comment(number: str) -> str:
    """The comment of a version that goes back to an earlier one."""
    return f"Back to version {number}"


def _form_fields(names: Collection[str]) -> set[str]:
    return {"gpu" if name == "instance_option_id" else name for name in names}
