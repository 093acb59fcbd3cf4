"""The instance field of the deploy modal: each option with its price and whether the model fits."""

import hashlib
from collections.abc import Iterable

from bot.commands.deploy_form_fit import answers
from bot.commands.deploy_form_state import INSTANCE_ID, FormState, action_id
from bot.domain.instances import (
    GPUS,
    ID_PREFIX,
    INSTANCE_OPTIONS,
    LONGEST_ID,
    InstanceOption,
    Prices,
    UnlistedInstance,
)
from bot.domain.model_facts import CheckedModel
from bot.domain.request.parsed_draft import ParsedDraft
from bot.domain.request.rules import LABELS
from bot.messages.blocks import Block, input_block, option, option_group, plain, text_input
from bot.messages.model_words import instance_text
from bot.services.model_history import SeenBefore


def instance_fields(
    state: FormState,
    checked: CheckedModel | None,
    prices: Prices,
    seen: SeenBefore | None,
) -> Iterable[Block]:
    parsed = ParsedDraft(state.draft, ())
    fits = answers(state.draft, checked, prices, seen)
    chosen = parsed.instance.key if isinstance(parsed.instance, InstanceOption) else None
    by_id = chosen is None and parsed.text("gpu").lower().startswith(ID_PREFIX)
    texts = {
        choice.key: instance_text(choice, prices, fits.words(choice) if fits else "")
        for choice in INSTANCE_OPTIONS
    }
    options = {key: option(text, key) for key, text in texts.items()}
    groups = [
        option_group(
            f"{gpu.name} · {gpu.memory_gb} GB each",
            [options[choice.key] for choice in INSTANCE_OPTIONS if choice.gpu == gpu],
        )
        for gpu in GPUS
    ]
    other = option("By instance option id", ID_PREFIX)
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
        LABELS["gpu"],
        element,
        block_id=_block_id(texts.values(), state.preselected) if fits else action_id("gpu"),
        optional=state.updating is not None,
        hint=fits.hint if fits else None,
        dispatch=True,
    )
    if by_id:
        typed = parsed.instance.id if isinstance(parsed.instance, UnlistedInstance) else None
        yield input_block(
            "Instance option id",
            text_input(action_id(INSTANCE_ID), max_length=LONGEST_ID, initial=typed),
            block_id=action_id(INSTANCE_ID),
            hint="As in Friendli's API. Its price is unknown.",
        )


def _block_id(texts: Iterable[str], preselected: str | None) -> str:
    """Slack goes on showing a chosen option with its old text while the block id stays the same."""
    shown = "\n".join([*texts, preselected or ""])
    return f"{action_id('gpu')}.{hashlib.sha256(shown.encode()).hexdigest()[:8]}"
