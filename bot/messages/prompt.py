"""A prompt in an endpoint's thread: the question, and what ends the answer.

The question is in a rich-text quote, which nothing in it can leave and nobody is mentioned by; it
is read back from there as context of the next one.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.domain.friendli_errors import FriendliError
from bot.domain.inference import Speed
from bot.domain.text import clip
from bot.messages.blocks import Block, actions, button, section
from bot.messages.body import Body, body
from bot.messages.markup import bold, escape, mention
from bot.messages.smoke_test import advice, latency, rate, reason

STOP_ACTION = "prompt.stop"
# chat.startStream and its siblings: 12,000 characters a message. What ends it needs some, too.
LONGEST_ANSWER = 11_000
_LONGEST_REASON = 150  # below an answer of that length, escaped
_QUOTE = "prompt.quote"
_SYSTEM = "prompt.system"


def question(
    name: str, person_id: str, prompt: str, system: str, *, stop: str | None = None
) -> Body:
    """Who asks what; `stop` is the prompt's public id while it can be stopped."""
    said = f"{mention(person_id)} asks {bold(name)}:"
    blocks = [section(said), _quoted(_QUOTE, prompt)]
    if system:
        blocks += [section("System prompt:"), _quoted(_SYSTEM, system)]
    if stop is not None:
        blocks.append(_stop(stop))
    return body(said, *blocks)


def asking(name: str, stop: str) -> Body:
    """While an answer to a mention is on its way; its question is the mention."""
    said = f"Asking {bold(name)} …"
    return body(said, section(said), _stop(stop))


def quoted_in(blocks: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """The prompt and the system prompt of a question's blocks; '' where there is none."""
    found = {_QUOTE: "", _SYSTEM: ""}
    for block in blocks:
        if block.get("block_id") in found and block.get("type") == "rich_text":
            found[str(block["block_id"])] = "".join(_texts(block))
    return found[_QUOTE], found[_SYSTEM]


def without_stop(blocks: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [block for block in blocks if block.get("type") != "actions"]


def ending(speed: Speed | None, *notes: str) -> str:
    """What stands below an answer: why it ended, if not by itself, and how fast it came."""
    parts = list(notes)
    if speed is not None:
        facts = [] if speed.tokens is None else [f"{speed.tokens:,} tokens"]
        facts.append(f"first token after {latency(speed.first_token)}")
        if speed.tokens_per_second is not None:
            facts.append(rate(speed.tokens_per_second))
        parts.append(" · ".join(facts))
    return "\n\n" + "\n".join(f"_{part}_" for part in parts) if parts else ""


STOPPED = "Stopped."
TOO_LONG = "Cut here: Slack takes no longer messages."
TOKEN_LIMIT = "Cut here: it reached its maximum of tokens."  # noqa: S105 - not a secret
ONLY_REASONING = "No answer: all its tokens went into reasoning. Ask again with more tokens."
NO_TEXT = "The answer is empty."
RESTARTED = "Cut off: this bot restarted. Ask again."
NOT_SENT = "This bot restarted before it sent the prompt. Ask again."
NOT_POSTED = "Slack didn't confirm the question, so nothing was sent. Ask again."
WITHOUT_CONTEXT = "Slack didn't show this bot the thread: it answers without what was said before."


def broke_off(error: FriendliError) -> str:
    """An answer that began and didn't end; without the advice, which would hide it."""
    why = clip(error.message, _LONGEST_REASON) or "the connection was lost"
    return escape(f"The answer broke off: {why}.")


def failed(name: str, error: FriendliError) -> str:
    """No answer began."""
    why = reason(error.status, error.message or ("" if error.status else error.reason))
    return f"{bold(name)} didn't answer: {why} {advice(error.status)}"


def _stop(public_id: str) -> Block:
    return actions(button("Stop", STOP_ACTION, value=public_id))


def _quoted(block_id: str, text: str) -> Block:
    quote: Block = {"type": "rich_text_quote", "elements": [{"type": "text", "text": text}]}
    return {"type": "rich_text", "block_id": block_id, "elements": [quote]}


def _texts(part: object) -> list[str]:
    match part:
        case {"type": "text", "text": str(text)}:
            return [text]
        case Mapping():
            return [text for inner in part.values() for text in _texts(inner)]
        case list() | tuple():
            return [text for inner in part for text in _texts(inner)]
        case _:
            return []
