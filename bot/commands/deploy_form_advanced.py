"""Fields of the deploy modal behind Advanced."""

from collections.abc import Iterable

from bot.commands.deploy_form_fields import menu_field, number_field
from bot.commands.deploy_form_state import (
    ANYWAY_ACTION,
    FLAGS,
    FLAGS_ACTION,
    FRIENDLIS_CHOICE,
    NO_METRIC,
    FormState,
    action_id,
)
from bot.domain.request.backpressure_rules import METRICS
from bot.domain.request.draft import DeployDraft, longest
from bot.domain.request.parsed_draft import ParsedDraft
from bot.domain.request.rules import LABELS
from bot.domain.schemas import DEFAULT_MAX_TOKEN_COUNT
from bot.messages.blocks import Block, input_block, option, text_input

DEPLOY_ANYWAY = "Deploy anyway"
ADVANCED_FIELDS = tuple(LABELS)[tuple(LABELS).index("revision") :]


def advanced_fields(state: FormState) -> Iterable[Block]:
    draft, updates = state.draft, state.updating is not None
    version = "new" if updates else "first"
    for field, hint in (
        ("revision", "A branch or a full commit hash. Empty: main."),
        ("comment", f"Shown next to the {version} version in Friendli Suite."),
    ):
        typed: str | None = getattr(draft, field)
        yield input_block(
            LABELS[field],
            text_input(action_id(field), max_length=longest(field), initial=typed),
            # With another block, a revision that was dropped isn't shown any more.
            block_id=action_id(field)
            if field != "revision" or not state.dropped
            else f"{action_id(field)}.{state.dropped}",
            optional=True,
            hint=hint,
        )
    yield number_field(
        "max_batch_size", draft.max_batch_size, optional=True, hint="Requests.", redraw=True
    )
    yield number_field(
        "max_input_length", draft.max_input_length, optional=True, hint="Tokens.", redraw=True
    )
    yield number_field(
        "max_token_count",
        draft.max_token_count,
        optional=True,
        placeholder=str(DEFAULT_MAX_TOKEN_COUNT),
        hint=f"Tokens. Empty: {DEFAULT_MAX_TOKEN_COUNT:,}.",
    )
    yield number_field(
        "max_context_length",
        draft.max_context_length,
        optional=True,
        hint="Tokens of input and output together.",
        redraw=True,
    )
    yield _flags(draft)
    yield _content_logging(draft)
    yield number_field(
        "queue_timeout_ms", draft.queue_timeout_ms, optional=True, hint="Milliseconds."
    )
    none = option("None", NO_METRIC)
    metrics = {metric: option(metric, metric) for metric in METRICS}
    metric = ParsedDraft(draft, ()).metric
    yield menu_field(
        "queue_backpressure_metric",
        [none, *metrics.values()],
        metrics[metric] if metric else none,
        optional=True,
    )
    yield number_field(
        "queue_backpressure_threshold",
        draft.queue_backpressure_threshold,
        decimal=True,
        optional=True,
        hint="Above this value, the queue rejects new requests.",
    )
    if not updates:
        yield _anyway(draft)


def _flags(draft: DeployDraft) -> Block:
    words = {
        "skip_special_tokens": "Leave special tokens out of the output",
        "add_special_tokens": "Add special tokens to the input",
    }
    options = {field: option(words[field], field) for field in FLAGS}
    ticked = []
    for field in FLAGS:
        value: bool | None = getattr(draft, field)
        if value is not False:
            ticked.append(options[field])
    element: Block = {
        "type": "checkboxes",
        "action_id": FLAGS_ACTION,
        "options": list(options.values()),
    }
    if ticked:
        element["initial_options"] = ticked
    return input_block("Special tokens", element, block_id=FLAGS_ACTION, optional=True)


def _anyway(draft: DeployDraft) -> Block:
    tick = option(DEPLOY_ANYWAY, "anyway")
    element: Block = {"type": "checkboxes", "action_id": ANYWAY_ACTION, "options": [tick]}
    if draft.anyway:
        element["initial_options"] = [tick]
    return input_block(
        LABELS["anyway"],
        element,
        block_id=ANYWAY_ACTION,
        optional=True,
        hint="Deploys a model that the Hub doesn't show, or that lacks what Friendli needs.",
    )


def _content_logging(draft: DeployDraft) -> Block:
    friendlis = option("Friendli's default", FRIENDLIS_CHOICE)
    switched = {True: option("On", "on"), False: option("Off", "off")}
    chosen = friendlis if draft.content_logging is None else switched[draft.content_logging]
    return menu_field(
        "content_logging",
        [friendlis, switched[True], switched[False]],
        chosen,
        hint="Log request and response bodies.",
    )
