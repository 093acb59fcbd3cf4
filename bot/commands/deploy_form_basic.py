"""Fields of the deploy modal that are always shown."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from bot.commands.deploy_form_fields import (
    menu_field,
    number_field,
)
from bot.commands.deploy_form_state import (
    FormState,
    Updating,
    action_id,
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
from bot.domain.request.rules import LABELS
from bot.messages.blocks import (
    Block,
    context,
    input_block,
    option,
    section,
    text_input,
)
from bot.messages.lifetime import then
from bot.messages.markup import duration

_MOST_OPTIONS = 100  # in a menu


class TargetChoice(NamedTuple):
    """A target to choose; the label distinguishes it, the rest are its defaults."""

    name: str
    label: str
    lifetime_seconds: int | None = None
    expiry_action: ExpiryAction = ExpiryAction.TERMINATE
    scaling: Scaling = DEFAULT_SCALING


def target_field(draft: DeployDraft, targets: Sequence[TargetChoice]) -> Iterable[Block]:
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


def update_notes(updating: Updating) -> Iterable[Block]:
    """What the form can't show, and what has changed since it opened."""
    if updating.meanwhile:
        yield section(updating.meanwhile)
    if updating.is_partial:
        yield context(
            "This endpoint was created elsewhere: Friendli doesn't return its model, revision,"
            " token count, logging and queue settings. Fields that you leave empty stay unchanged."
        )
    elif updating.elsewhere:
        yield context(
            "A newer version was created outside this channel. Model, revision, token count,"
            " logging and queue settings are shown as set here, and may differ."
        )


def name_field(state: FormState) -> Block:
    return input_block(
        LABELS["name"],
        text_input(action_id("name"), max_length=longest("name"), initial=state.draft.name),
        block_id=f"{action_id('name')}.{state.generation}",
        optional=True,
        hint="Empty: unchanged." if state.updating else "Empty: derived from the model's name.",
    )


def scaling_field(state: FormState) -> Block:
    words: dict[Scaling, str] = {
        "auto": "Autoscaling: replicas follow the load",
        "fixed": "Fixed number of replicas: never sleeps",
        "friendli": "Friendli's default",
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


def replica_fields(draft: DeployDraft) -> Iterable[Block]:
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


def lifetime_field(draft: DeployDraft, targets: Sequence[TargetChoice]) -> Block:
    chosen = chosen_target(draft, targets)
    seconds = chosen.lifetime_seconds
    unless = (
        f"Empty: {duration(seconds)}."
        if seconds is not None
        else ("Empty: runs until someone stops it.")
    )
    return input_block(
        LABELS["lifetime"],
        text_input(
            action_id("lifetime"),
            max_length=longest("lifetime"),
            initial=draft.lifetime,
            placeholder=EXAMPLE_DURATION if seconds is None else format_duration(seconds),
            trigger="on_enter_pressed",
        ),
        block_id=action_id("lifetime"),
        optional=True,
        dispatch=True,
        hint=f"8h, 2d or 90m from creation, {then(chosen.expiry_action)}. {unless}",
    )


def chosen_target(draft: DeployDraft, targets: Sequence[TargetChoice]) -> TargetChoice:
    return next((each for each in targets if each.name == draft.target), targets[0])
