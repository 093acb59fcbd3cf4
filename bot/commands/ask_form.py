"""The modal of a prompt: build and parse."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from bot.commands.modal_state import Modal
from bot.domain.actors import ChannelRef
from bot.messages.blocks import Block, input_block, number_input, plain, section, text_input
from bot.messages.markup import bold
from bot.slack.prompt_answers import Question

CALLBACK_ID = "prompt"
LONGEST_PROMPT = 3_000
MOST_TOKENS = 4_096
_MOST_TEMPERATURE = 2.0
_PROMPT, _SYSTEM, _TOKENS, _TEMPERATURE = "prompt", "system", "max_tokens", "temperature"


class AskForm(BaseModel):
    """The modal's state; what is typed stays in its fields."""

    place: ChannelRef
    public_id: str


def build(form: AskForm, name: str, prompt: str = "") -> dict[str, Any]:
    return {
        "type": "modal",
        "callback_id": CALLBACK_ID,
        "title": plain("Try a prompt", 24),
        "submit": plain("Send", 24),
        "close": plain("Cancel", 24),
        "private_metadata": form.model_dump_json(),
        "blocks": [
            section(f"{bold(name)} answers in its thread, for everyone in the channel."),
            _text("Prompt", _PROMPT, initial=prompt[:LONGEST_PROMPT], optional=False),
            _text("System prompt", _SYSTEM, optional=True),
            input_block(
                "Max tokens",
                number_input(_TOKENS, initial=str(Question("").max_tokens)),
                block_id=_TOKENS,
                hint=f"From 1 to {MOST_TOKENS:,}; reasoning counts.",
            ),
            input_block(
                "Temperature",
                number_input(_TEMPERATURE, decimal=True),
                block_id=_TEMPERATURE,
                optional=True,
                hint="From 0 to 2; the model's own if empty.",
            ),
        ],
    }


def read(view: Mapping[str, Any]) -> AskForm:
    return AskForm.model_validate_json(Modal.model_validate(view).private_metadata)


def parse(view: Mapping[str, Any]) -> Question | dict[str, str]:
    """The question, or errors by block id."""
    modal = Modal.model_validate(view)
    errors: dict[str, str] = {}
    prompt = modal.element(_PROMPT).typed
    if not prompt:
        errors[_PROMPT] = "Type a prompt."
    tokens = modal.element(_TOKENS).typed
    is_count = tokens.isascii() and tokens.isdigit() and len(tokens) < 6
    if not is_count or not 1 <= int(tokens) <= MOST_TOKENS:
        errors[_TOKENS] = f"A whole number from 1 to {MOST_TOKENS:,}."
    temperature = _temperature(modal.element(_TEMPERATURE).typed)
    if isinstance(temperature, str):
        errors[_TEMPERATURE] = temperature
    if errors or isinstance(temperature, str):
        return errors
    return Question(prompt, modal.element(_SYSTEM).typed, int(tokens), temperature)


def _temperature(typed: str) -> float | str | None:
    if not typed:
        return None
    try:
        number = float(typed)
    except ValueError:
        number = -1.0
    return number if 0 <= number <= _MOST_TEMPERATURE else "A number from 0 to 2."


def _text(label: str, name: str, *, initial: str = "", optional: bool) -> Block:
    element = text_input(name, max_length=LONGEST_PROMPT, initial=initial, multiline=True)
    return input_block(label, element, block_id=name, optional=optional)
