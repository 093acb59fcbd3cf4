"""The validation rules of a draft, one table for the modal and the text command."""

from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from types import MappingProxyType

from bot.domain.instances import COUNTS, GPUS, ID_PREFIX, LONGEST_ID, Part, UnknownInstanceError
from bot.domain.request.backpressure_rules import BACKPRESSURE_RULES
from bot.domain.request.deploy_request import DeployRequest
from bot.domain.request.draft import (
    DEFAULT_COOLDOWN,
    DEFAULT_MAX_REPLICAS,
    DEFAULT_MIN_REPLICAS,
    DEFAULT_REPLICAS,
    DEFAULT_SCALING,
    LONGEST_COMMENT,
    LONGEST_NAME,
    DeployDraft,
    Scaling,
)
from bot.domain.request.duration import parse_duration
from bot.domain.request.lifetime_rules import LIFETIME_RULES
from bot.domain.request.model_rules import EXAMPLE_MODEL, MODEL_RULES, REVISION_RULES
from bot.domain.request.parsed_draft import ParsedDraft
from bot.domain.request.proposed_name import new_tag, propose_name
from bot.domain.request.rule import (
    LABELS,
    FieldError,
    Rule,
    SuggestFix,
    listed,
    no_longer_than,
    one_line,
    one_script,
    whole_number,
)
from bot.domain.schemas import AutoscalingPolicy

__all__ = [
    "EXAMPLE_INSTANCE",
    "EXAMPLE_MODEL",
    "LABELS",
    "RULES",
    "FieldError",
    "Rule",
    "check",
    "field_errors_of",
]

EXAMPLE_INSTANCE = "2xH100"
MOST_REPLICAS = 10  # of an autoscaling policy


def _nearest_target(parsed: ParsedDraft) -> str | None:
    lower = {name.lower(): name for name in parsed.targets}
    close = get_close_matches(parsed.text("target").lower(), lower, n=1, cutoff=0.4)
    return lower[close[0]] if close else None


def _suggested_target(parsed: ParsedDraft) -> SuggestFix | None:
    nearest = _nearest_target(parsed)
    return {"target": nearest} if nearest else None


def _instance(part: Part, valid: str, bad: str, words: str) -> Rule:
    def unknown(parsed: ParsedDraft) -> UnknownInstanceError | None:
        return parsed.instance if isinstance(parsed.instance, UnknownInstanceError) else None

    def nearest(parsed: ParsedDraft) -> str | None:
        error = unknown(parsed)
        if error is None or error.nearest is None:
            return None
        return error.nearest.gpu.name if part is Part.GPU else error.nearest.key

    def suggest_fix(parsed: ParsedDraft) -> SuggestFix | None:
        error = unknown(parsed)
        return {"gpu": error.nearest.key} if error and error.nearest else None

    def broken(parsed: ParsedDraft) -> bool:
        error = unknown(parsed)
        return error is not None and error.part is part

    return Rule("gpu", valid, {"gpu": bad}, words, broken, nearest, suggest_fix)


def _reversed(parsed: ParsedDraft) -> bool:
    least, most = parsed.whole("min_replicas"), parsed.whole("max_replicas")
    auto = parsed.draft.effective_scaling == "auto"
    if not auto or least is None or most is None:
        return False
    return most < least <= MOST_REPLICAS


RULES: tuple[Rule, ...] = (
    Rule(
        "target",
        "the name of one of the channel's targets",
        {"target": "prd"},
        "I don't know the target {given}. This channel has {targets}.",
        lambda parsed: bool(parsed.text("target")) and parsed.text("target") not in parsed.targets,
        _nearest_target,
        _suggested_target,
    ),
    *MODEL_RULES,
    Rule(
        "name",
        "more than spaces",
        {"name": "  "},
        "Endpoint name has only spaces. Type a name, or leave it empty to derive it from the"
        " model.",
        lambda parsed: bool(parsed.raw("name")) and not parsed.text("name"),
        suggest_fix=lambda _: {"name": None},
    ),
    one_line("name"),
    one_script("name"),
    no_longer_than("name", LONGEST_NAME),
    Rule(
        "gpu",
        "needed",
        {"gpu": ""},
        f"Choose an instance, such as `{EXAMPLE_INSTANCE}`.",
        lambda parsed: not parsed.text("gpu"),
    ),
    _instance(
        Part.GPU,
        "COUNTxGPU with a GPU that Friendli has",
        "2xh10",
        f"I don't know the GPU {{given}}. Friendli has {listed([gpu.name for gpu in GPUS])}.",
    ),
    _instance(
        Part.COUNT,
        "COUNTxGPU with a count that Friendli has",
        "3xH100",
        "No instance has {given} GPUs. "
        f"Choose {', '.join(map(str, COUNTS[:-1]))} or {COUNTS[-1]}.",
    ),
    _instance(
        Part.ID,
        f"letters, digits, - and _ behind {ID_PREFIX}",
        f"{ID_PREFIX}no id",
        f"{{given}} isn't an instance option id. Use letters, digits, - and _, at most {LONGEST_ID}"
        " characters.",
    ),
    Rule(
        "scaling",
        "fixed replicas or autoscaling",
        {"replicas": "2", "max_replicas": "3"},
        "Replicas are either fixed or autoscaled, not both. Choose one.",
        lambda parsed: parsed.both_scalings,
        suggest_fix=lambda parsed: (
            None
            if parsed.text("min_replicas") or parsed.text("max_replicas")
            else {"cooldown": None}
        ),
    ),
    *whole_number("replicas", low=1, example="2"),
    *whole_number("min_replicas", low=0, high=MOST_REPLICAS, example="0"),
    *whole_number("max_replicas", low=1, high=MOST_REPLICAS, example="3"),
    Rule(
        "max_replicas",
        "not below the minimum",
        {"min_replicas": "3", "max_replicas": "1"},
        "Maximum replicas ({given}) can't be below minimum replicas (`{minimum}`).",
        _reversed,
        suggest_fix=lambda parsed: {
            "min_replicas": parsed.text("max_replicas"),
            "max_replicas": parsed.text("min_replicas"),
        },
    ),
    *whole_number("cooldown", low=1, example="300", unit=" of seconds"),
    *LIFETIME_RULES,
    *REVISION_RULES,
    one_line("comment"),
    no_longer_than("comment", LONGEST_COMMENT),
    *whole_number("max_batch_size", low=1, example="64"),
    *whole_number("max_input_length", low=1, example="4096", unit=" of tokens"),
    *whole_number("max_token_count", low=1, example="2560", unit=" of tokens"),
    *whole_number("max_context_length", low=1, example="8192", unit=" of tokens"),
    *whole_number("queue_timeout_ms", low=1, example="30000", unit=" of milliseconds"),
    *BACKPRESSURE_RULES,
)


def check(
    draft: DeployDraft,
    *,
    targets: Sequence[str],
    default_target: str,
    scalings: Mapping[str, Scaling] = MappingProxyType({}),
    known_models: Collection[str] = (),
    tag: str | None = None,
) -> DeployRequest | tuple[FieldError, ...]:
    """The request, or its errors in the order of the form, at most one for each field."""
    field_errors = field_errors_of(draft, targets=targets, known_models=known_models)
    parsed = ParsedDraft(draft, targets, known_models)
    # A valid draft has both; checked again for the type checker only.
    if (
        field_errors
        or isinstance(parsed.instance, UnknownInstanceError)
        or parsed.model.repo is None
    ):
        return field_errors
    target = parsed.text("target") or default_target
    scaling = draft.named_scaling or scalings.get(target, DEFAULT_SCALING)
    return DeployRequest(
        target=target,
        model=parsed.model.repo,
        name=parsed.text("name") or propose_name(parsed.model.repo, tag or new_tag()),
        instance_option_id=parsed.instance.id,
        replicas=(parsed.whole("replicas") or DEFAULT_REPLICAS) if scaling == "fixed" else None,
        autoscaling=_autoscaling(parsed) if scaling == "auto" else None,
        lifetime_seconds=parse_duration(parsed.text("lifetime")),
        revision=parsed.text("revision") or None,
        comment=parsed.text("comment") or None,
        max_batch_size=parsed.whole("max_batch_size"),
        max_input_length=parsed.whole("max_input_length"),
        max_token_count=parsed.whole("max_token_count"),
        max_context_length=parsed.whole("max_context_length"),
        skip_special_tokens=draft.skip_special_tokens is not False,
        add_special_tokens=draft.add_special_tokens is not False,
        content_logging=draft.content_logging,
        queue_timeout_ms=parsed.whole("queue_timeout_ms"),
        queue_backpressure_metric=parsed.metric,
        queue_backpressure_threshold=parsed.threshold,
    )


def field_errors_of(
    draft: DeployDraft,
    *,
    targets: Sequence[str],
    optional: Collection[str] = (),
    known_models: Collection[str] = (),
) -> tuple[FieldError, ...]:
    """All errors of a draft, at most one for each field; `optional` ones may be empty."""
    parsed = ParsedDraft(draft, targets, known_models)
    field_errors: dict[str, FieldError] = {}
    for rule in RULES:
        left_out = rule.field in optional and not parsed.text(rule.field)
        if rule.field not in field_errors and not left_out and rule.broken(parsed):
            field_errors[rule.field] = rule.field_error(parsed)
    return tuple(field_errors.values())


def _autoscaling(parsed: ParsedDraft) -> AutoscalingPolicy:
    least = parsed.whole("min_replicas") or DEFAULT_MIN_REPLICAS
    return AutoscalingPolicy(
        min_replica=least,
        max_replica=parsed.whole("max_replicas") or max(DEFAULT_MAX_REPLICAS, least),
        cooldown_period=parsed.whole("cooldown") or DEFAULT_COOLDOWN,
    )
