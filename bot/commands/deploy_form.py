"""Build the deploy modal. `bot.commands.deploy_form_state` parses it."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import lru_cache

from bot.commands.deploy_cost import cost_line
from bot.commands.deploy_form_advanced import ADVANCED_FIELDS, DEPLOY_ANYWAY, advanced_fields
from bot.commands.deploy_form_basic import (
    TargetChoice,
    chosen_target,
    lifetime_field,
    name_field,
    replica_fields,
    scaling_field,
    target_field,
    update_notes,
)
from bot.commands.deploy_form_errors import errors_by_block, focused, has_hidden, marked
from bot.commands.deploy_form_instance import instance_fields
from bot.commands.deploy_form_model import check_block, model_field, noted_commit, with_check
from bot.commands.deploy_form_state import (
    ACTION_PREFIX,
    ADVANCED_ACTION,
    FormState,
    Updating,
    parse,
    react,
)
from bot.domain.actors import ChannelRef
from bot.domain.instances import Prices
from bot.domain.model_facts import CheckedModel
from bot.domain.request.rules import FieldError
from bot.messages.blocks import (
    Block,
    actions,
    button,
    context,
    plain,
    section,
)
from bot.messages.price_confirmation import agree_label, price_text
from bot.services.model_history import SeenBefore

__all__ = [
    "ACTION_PREFIX",
    "ADVANCED_ACTION",
    "CALLBACK_ID",
    "CONFIRM_CALLBACK_ID",
    "DEPLOY_ANYWAY",
    "FormState",
    "TargetChoice",
    "Updating",
    "build",
    "confirmation",
    "errors_by_block",
    "has_hidden",
    "noted_commit",
    "opened",
    "parse",
    "react",
    "with_check",
    "with_errors",
]

CALLBACK_ID = "deploy"
CONFIRM_CALLBACK_ID = "deploy.price"
TITLE = "Deploy a model"
SUBMIT = "Deploy"
CLOSE = "Cancel"
UPDATE_CALLBACK_ID = "update"
UPDATE_TITLE = "Update an endpoint"
UPDATE_SUBMIT = "Review"
OPEN_ADVANCED = "Advanced"
CLOSE_ADVANCED = "Hide advanced"

_MOST_METADATA = 3_000


def build(
    state: FormState,
    *,
    targets: Sequence[TargetChoice],
    prices: Prices,
    seen: SeenBefore | None = None,
    checked: CheckedModel | None = None,
    approval: str = "",
) -> dict[str, object]:
    """Build the modal.

    Args:
        state: Of the form.
        targets: At least one, the default first; a menu shows 100.
        prices: Of the instance options.
        seen: What was seen of the model; None for an untouched form and for updates.
        checked: What the Hub says about the model; None while it is asked.
        approval: That somebody has to approve it, as mrkdwn.
    """
    blocks: Sequence[Block]
    if state.is_untouched:
        state = _with_scaling(state, targets)
        blocks = _untouched_blocks(tuple(targets), prices, approval)
    else:
        state = state.settled()
        state = state.model_copy(update={"draft": state.draft.clipped()})
        state = with_check(_with_scaling(state, targets), checked, prices, seen)
        drawn = _blocks(state, targets, prices, seen, checked, approval)
        blocks = focused(marked(drawn, state.refused, state.wrong), state.focus)
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


def confirmation(state: FormState, name: str, dollars: Decimal) -> dict[str, object]:
    """A modal on top of the form that asks for the price."""
    return {
        "type": "modal",
        "callback_id": CONFIRM_CALLBACK_ID,
        "title": plain("Confirm the price"),
        "submit": plain(agree_label(SUBMIT, dollars)),
        "close": plain("Back"),
        "private_metadata": _memory(state.model_copy(update={"agreed": dollars})),
        "blocks": [section(price_text(name, dollars))],
    }


_UNTOUCHED = FormState(request_id="", place=ChannelRef("", "", ""), tag="")


def _with_scaling(state: FormState, targets: Sequence[TargetChoice]) -> FormState:
    """One scaling is always chosen: the target's default until the person chooses another one."""
    draft = state.draft
    scaling = draft.effective_scaling
    if state.updating is None:
        default = chosen_target(draft, targets).scaling
        if draft.named_scaling is None or draft.scaling == state.default_scaling:
            scaling = default
        state = state.model_copy(update={"default_scaling": default})
    return state.model_copy(update={"draft": draft.model_copy(update={"scaling": scaling})})


def opened(state: FormState, refused: Mapping[str, str], focus: str | None) -> FormState:
    """Open the form with the advanced fields if one of them is marked or focused.

    Args:
        state: Of the form.
        refused: Friendli's error messages: field of the draft → plain text.
        focus: The field that gets the cursor; the first marked one if None.
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


def with_errors(state: FormState, field_errors: Sequence[FieldError]) -> FormState:
    """A submitted form with the advanced fields opened, and the errors at their fields."""
    hidden = [one.field for one in field_errors if one.field in ADVANCED_FIELDS]
    return state.model_copy(
        update={
            "wrong": {one.field: one.sentences for one in field_errors},
            "focus": next(iter(hidden), None),
            "advanced_open": True,
        }
    )


# Most forms open like this, and drawing one anew takes as long as all else that it waits for here.
@lru_cache(maxsize=256)
def _untouched_blocks(
    targets: tuple[TargetChoice, ...], prices: Prices, approval: str
) -> Sequence[Block]:
    return _blocks(_with_scaling(_UNTOUCHED, targets), targets, prices, approval=approval)


def _blocks(
    state: FormState,
    targets: Sequence[TargetChoice],
    prices: Prices,
    seen: SeenBefore | None = None,
    checked: CheckedModel | None = None,
    approval: str = "",
) -> Sequence[Block]:
    draft, opened, updates = state.draft, state.advanced_open, state.updating is not None
    default_lifetime = None if updates else chosen_target(draft, targets).lifetime_seconds
    return [
        *(update_notes(state.updating) if state.updating else target_field(draft, targets)),
        model_field(state),
        *check_block(state, checked),
        name_field(state),
        *instance_fields(state, checked, prices, seen),
        scaling_field(state),
        *replica_fields(draft),
        *(() if updates else [lifetime_field(draft, targets)]),
        context(
            cost_line(
                draft,
                prices,
                default_lifetime=default_lifetime,
                seen=seen,
                approval=approval,
            ),
            block_id=f"{ACTION_PREFIX}.cost",
        ),
        actions(
            button(CLOSE_ADVANCED if opened else OPEN_ADVANCED, ADVANCED_ACTION),
            block_id=ADVANCED_ACTION,
        ),
        *(advanced_fields(state) if opened else ()),
    ]


def _memory(state: FormState) -> str:
    """If it is too long for Slack, messages are left out."""
    kept = state.model_dump_json(exclude_none=True)
    if len(kept.encode("utf-16-le")) // 2 <= _MOST_METADATA:
        return kept
    updating = state.updating and state.updating.model_copy(update={"meanwhile": ""})
    shorter: dict[str, object] = {"updating": updating, "refused": {}}
    return state.model_copy(update=shorter).model_dump_json(exclude_none=True)
