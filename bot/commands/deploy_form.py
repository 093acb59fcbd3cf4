"""The deploy modal: draw it from what is known, and put what is wrong under its fields.

`bot.commands.deploy_form_state` reads it back.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from bot.commands.deploy_cost import cost_line
from bot.commands.deploy_form_fields import (
    ADVANCED_FIELDS,
    advanced_fields,
    menu_field,
    number_field,
)
from bot.commands.deploy_form_marks import focused, marked
from bot.commands.deploy_form_state import (
    ACTION_PREFIX,
    ADVANCED_ACTION,
    INSTANCE_ID,
    FormState,
    Updating,
    action_id,
    blocks_by_field,
    parse,
    react,
)
from bot.domain.actors import ChannelRef
from bot.domain.instances import (
    GPUS,
    ID_PREFIX,
    INSTANCE_OPTIONS,
    LONGEST_ID,
    InstanceOption,
    Prices,
    UnlistedInstance,
)
from bot.domain.policy import ExpiryAction
from bot.domain.request.draft import (
    DEFAULT_COOLDOWN,
    DEFAULT_MAX_REPLICAS,
    DEFAULT_MIN_REPLICAS,
    DEFAULT_REPLICAS,
    DEFAULT_SCALING,
    DeployDraft,
    Scaling,
    longest,
)
from bot.domain.request.duration import format_duration
from bot.domain.request.lifetime_rules import EXAMPLE_DURATION
from bot.domain.request.parsed_draft import ParsedDraft
from bot.domain.request.rules import EXAMPLE_MODEL, LABELS, FieldError
from bot.messages.blocks import (
    Block,
    actions,
    button,
    context,
    input_block,
    option,
    option_group,
    plain,
    section,
    text_input,
)
from bot.messages.lifetime import then
from bot.messages.markup import duration, money

__all__ = [
    "ACTION_PREFIX",
    "ADVANCED_ACTION",
    "CALLBACK_ID",
    "FormState",
    "TargetChoice",
    "Updating",
    "build",
    "errors_by_block",
    "opened",
    "parse",
    "react",
]

CALLBACK_ID = "deploy"
TITLE = "Deploy a model"
SUBMIT = "Deploy"
CLOSE = "Cancel"
UPDATE_CALLBACK_ID = "update"
UPDATE_TITLE = "Update an endpoint"
UPDATE_SUBMIT = "Review"
OPEN_ADVANCED = "Advanced"
CLOSE_ADVANCED = "Hide advanced"

OPEN_TO_MEND = "Open Advanced to mend it."

_MOST_OPTIONS = 100  # in a menu
_MOST_METADATA = 3_000


class TargetChoice(NamedTuple):
    """A target to choose; the first of several is the default.

    Attributes:
        name: What the channel calls it.
        label: What tells it apart, such as its project.
        lifetime_seconds: How long an endpoint runs there if nobody says otherwise; None for no end.
        expiry_action: What happens then.
        scaling: How an endpoint scales there if nobody says otherwise.
    """

    name: str
    label: str
    lifetime_seconds: int | None = None
    expiry_action: ExpiryAction = ExpiryAction.TERMINATE
    scaling: Scaling = DEFAULT_SCALING


def build(
    state: FormState, *, targets: Sequence[TargetChoice], prices: Prices
) -> dict[str, object]:
    """Draw the modal.

    Args:
        state: What is typed so far, valid or not.
        targets: The channel's targets, at least one, the default first. A menu shows 100.
        prices: Of GPUs.
    """
    blocks: Sequence[Block]
    if state.is_untouched:
        state = _with_scaling(state, targets)
        blocks = _untouched_blocks(tuple(targets), prices)
    else:
        state = state.settled()
        state = state.model_copy(update={"draft": state.draft.clipped()})
        state = _with_scaling(state, targets)
        blocks = focused(marked(_blocks(state, targets, prices), state.refused), state.focus)
    updates = state.updating is not None
    return {
        "type": "modal",
        "callback_id": UPDATE_CALLBACK_ID if updates else CALLBACK_ID,
        "title": plain(UPDATE_TITLE if updates else TITLE),
        "submit": plain(UPDATE_SUBMIT if updates else SUBMIT),
        "close": plain(CLOSE),
        "private_metadata": _memory(state),
        "blocks": blocks,
    }


_UNTOUCHED = FormState(request_id="", place=ChannelRef("", "", ""), tag="")


def _with_scaling(state: FormState, targets: Sequence[TargetChoice]) -> FormState:
    """From the first drawing on, one scaling is chosen on the screen.

    It follows the target's default until the person chooses another one.
    """
    draft = state.draft
    scaling = draft.effective_scaling
    if state.updating is None:
        default = _chosen_target(draft, targets).scaling
        if draft.named_scaling is None or draft.scaling == state.default_scaling:
            scaling = default
        state = state.model_copy(update={"default_scaling": default})
    return state.model_copy(update={"draft": draft.model_copy(update={"scaling": scaling})})


def _chosen_target(draft: DeployDraft, targets: Sequence[TargetChoice]) -> TargetChoice:
    return next((each for each in targets if each.name == draft.target), targets[0])


def opened(state: FormState, refused: Mapping[str, str], focus: str | None) -> FormState:
    """Return the state of a form that opens at a field, or with marks at some.

    Args:
        state: As it is filled in.
        refused: What Friendli said of fields: field of the draft → plain text.
        focus: The field that the cursor stands in; the first marked one if None.
    """
    at = focus or next(iter(refused), None)
    hidden = not {*refused, at}.isdisjoint(ADVANCED_FIELDS)
    return state.model_copy(
        update={
            "refused": refused,
            "focus": at,
            "advanced_open": hidden or state.advanced_open,
        }
    )


# Most forms open like this, and drawing one anew takes as long as all else that it waits for here.
@lru_cache(maxsize=256)
def _untouched_blocks(targets: tuple[TargetChoice, ...], prices: Prices) -> Sequence[Block]:
    return _blocks(_with_scaling(_UNTOUCHED, targets), targets, prices)


def _blocks(state: FormState, targets: Sequence[TargetChoice], prices: Prices) -> Sequence[Block]:
    draft, opened, updates = state.draft, state.advanced_open, state.updating is not None
    return [
        *(_untold(state.updating) if state.updating else _target(draft, targets)),
        _model(state),
        _name(state),
        *_instance(draft, prices, optional=updates),
        _scaling(state),
        *_replicas(draft),
        *(() if updates else [_lease(draft, targets)]),
        context(cost_line(draft, prices), block_id=f"{ACTION_PREFIX}.cost"),
        actions(
            button(CLOSE_ADVANCED if opened else OPEN_ADVANCED, ADVANCED_ACTION),
            block_id=ADVANCED_ACTION,
        ),
        *(advanced_fields(draft, updates=updates) if opened else ()),
    ]


def _memory(state: FormState) -> str:
    """What the modal keeps; what it only tells is the first to go if that is too long for Slack."""
    kept = state.model_dump_json(exclude_none=True)
    if len(kept.encode("utf-16-le")) // 2 <= _MOST_METADATA:
        return kept
    silent = state.updating and state.updating.model_copy(update={"meanwhile": ""})
    told: dict[str, object] = {"updating": silent, "refused": {}}
    return state.model_copy(update=told).model_dump_json(exclude_none=True)


def _target(draft: DeployDraft, targets: Sequence[TargetChoice]) -> Iterable[Block]:
    names = [target.name for target in targets]
    chosen = draft.target or names[0]
    if names == [chosen]:
        return
    shown = list(targets[:_MOST_OPTIONS])
    if chosen in names[_MOST_OPTIONS:]:
        shown[-1] = targets[names.index(chosen)]
    options = {
        target.name: option(f"{target.name} · {target.label}", target.name) for target in shown
    }
    yield menu_field("target", list(options.values()), options.get(chosen), redraw=True)


def _untold(updating: Updating) -> Iterable[Block]:
    """What the form can't be filled in with, and what has changed since it was."""
    if updating.meanwhile:
        yield section(updating.meanwhile)
    if updating.untold:
        yield context(
            "This endpoint was made elsewhere: Friendli doesn't tell its model, revision, token"
            " count, logging and queue settings. What you leave empty of them stays as it is."
        )
    elif updating.elsewhere:
        yield context(
            "A version was made outside of this channel since. Model, revision, token count,"
            " logging and queue settings are shown as they were set here, and may differ."
        )


def _model(state: FormState) -> Block:
    draft = state.draft
    return input_block(
        LABELS["model"],
        text_input(
            action_id("model"),
            max_length=longest("model"),
            initial=draft.model,
            placeholder=EXAMPLE_MODEL,
            trigger="on_enter_pressed",
        ),
        block_id=action_id("model"),
        optional=state.updating is not None and state.updating.untold,
        hint="Its name on the Hugging Face Hub, or the address of its page there.",
        dispatch=True,
    )


def _name(state: FormState) -> Block:
    return input_block(
        LABELS["name"],
        text_input(action_id("name"), max_length=longest("name"), initial=state.draft.name),
        block_id=f"{action_id('name')}.{state.generation}",
        optional=True,
        hint="Stays as it is if you leave it empty."
        if state.updating
        else "Made from the model's name if you leave it empty.",
    )


def _instance(draft: DeployDraft, prices: Prices, *, optional: bool) -> Iterable[Block]:
    reading = ParsedDraft(draft, ())
    chosen = reading.instance.key if isinstance(reading.instance, InstanceOption) else None
    by_id = chosen is None and reading.text("gpu").lower().startswith(ID_PREFIX)
    options = {
        choice.key: option(
            f"{choice.label} · {choice.memory_gb} GB · {money(prices.per_hour(choice))}", choice.key
        )
        for choice in INSTANCE_OPTIONS
    }
    groups = [
        option_group(
            f"{gpu.name} · {gpu.memory_gb} GB each",
            [options[choice.key] for choice in INSTANCE_OPTIONS if choice.gpu == gpu],
        )
        for gpu in GPUS
    ]
    other = option("By its instance option id", ID_PREFIX)
    groups.append(option_group("Not listed here", [other]))
    element: Block = {
        "type": "static_select",
        "action_id": action_id("gpu"),
        "placeholder": plain("Choose GPUs for one replica"),
        "option_groups": groups,
    }
    if chosen is not None:
        element["initial_option"] = options[chosen]
    elif by_id:
        element["initial_option"] = other
    yield input_block(
        LABELS["gpu"], element, block_id=action_id("gpu"), optional=optional, dispatch=True
    )
    if by_id:
        typed = reading.instance.id if isinstance(reading.instance, UnlistedInstance) else None
        yield input_block(
            "Instance option id",
            text_input(action_id(INSTANCE_ID), max_length=LONGEST_ID, initial=typed),
            block_id=action_id(INSTANCE_ID),
            hint="As Friendli's API names it. This bot knows no price for it.",
        )


def _scaling(state: FormState) -> Block:
    words: dict[Scaling, str] = {
        "auto": "Autoscaling: replicas follow the load",
        "fixed": "A fixed number of replicas: never sleeps",
        "friendli": "Friendli's default: no scaling is sent",
    }
    chosen = state.draft.effective_scaling
    if state.updating is not None and chosen != "friendli":
        # What an update leaves out stays as it is.
        del words["friendli"]
    options = {scaling: option(words[scaling], scaling) for scaling in words}
    element: Block = {
        "type": "radio_buttons",
        "action_id": action_id("scaling"),
        "options": list(options.values()),
        "initial_option": options[chosen],
    }
    # Slack keeps what was chosen for as long as the block id stays the same.
    block_id = f"{action_id('scaling')}.{state.default_scaling or chosen}"
    return input_block(LABELS["scaling"], element, block_id=block_id, dispatch=True)


def _replicas(draft: DeployDraft) -> Iterable[Block]:
    scaling = draft.effective_scaling
    if scaling == "fixed":
        yield number_field("replicas", draft.replicas or str(DEFAULT_REPLICAS), redraw=True)
    if scaling != "auto":
        return
    yield number_field(
        "min_replicas",
        draft.min_replicas or str(DEFAULT_MIN_REPLICAS),
        hint="0 lets the endpoint sleep when nobody uses it.",
        redraw=True,
    )
    yield number_field(
        "max_replicas",
        draft.max_replicas or str(DEFAULT_MAX_REPLICAS),
        hint="10 at most.",
        redraw=True,
    )
    yield number_field(
        "cooldown",
        draft.cooldown or str(DEFAULT_COOLDOWN),
        hint="Seconds after the last request before it scales down.",
    )


def _lease(draft: DeployDraft, targets: Sequence[TargetChoice]) -> Block:
    chosen = _chosen_target(draft, targets)
    seconds = chosen.lifetime_seconds
    unless = f"Empty: {duration(seconds)}." if seconds is not None else "Empty: no end."
    return input_block(
        LABELS["lifetime"],
        text_input(
            action_id("lifetime"),
            max_length=longest("lifetime"),
            initial=draft.lifetime,
            placeholder=EXAMPLE_DURATION if seconds is None else format_duration(seconds),
        ),
        block_id=action_id("lifetime"),
        optional=True,
        hint=f"8h, 2d or 90m from when it is made, {then(chosen.expiry_action)}. {unless}",
    )


def errors_by_block(
    field_errors: Sequence[FieldError], view: Mapping[str, object]
) -> dict[str, str]:
    """Put what is wrong under the fields that it is about.

    Args:
        field_errors: What is wrong.
        view: The view that was submitted.

    Returns:
        Block id → plain text, as the answer to a submission wants it. A slip about a field that
        isn't shown stands under the last one shown before it.
    """
    shown = blocks_by_field(view)
    words: dict[str, list[str]] = {}
    behind_advanced: set[str] = set()
    for field_error in field_errors:
        own = shown.get(INSTANCE_ID) if field_error.field == "gpu" else None
        block = own or shown.get(field_error.field) or _nearest_block(field_error.field, shown)
        # Plain text has no code font; what was typed stands between curly quotes instead.
        words.setdefault(block, []).append(re.sub(r"`([^`]*)`", r"“\1”", field_error.sentences))
        if field_error.field not in shown and field_error.field in ADVANCED_FIELDS:
            behind_advanced.add(block)
    for block in behind_advanced:
        words[block].append(OPEN_TO_MEND)
    return {block: " ".join(said) for block, said in words.items()}


def _nearest_block(field: str, shown: Mapping[str, str]) -> str:
    order = list(LABELS)
    at = order.index(field)
    nearest = [*reversed(order[:at]), *order[at:]]
    return next(shown[other] for other in nearest if other in shown)
