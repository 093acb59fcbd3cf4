"""A message: blocks, and the text for notifications and screen readers."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict

from bot.domain.text import ELLIPSIS, clip
from bot.messages.blocks import Block, context
from bot.messages.fallback_text import complete

POSSIBLE_REPEAT = "Possibly a repeat: Slack didn't confirm the first one."

# chat.update counts bytes of UTF-8, not characters. Blocks are refused as too long from some
# 13,200 on, in a count that Slack doesn't publish.
_TEXT_BYTES = 4_000
BLOCKS_BYTES = 13_000
_MOST_BLOCKS = 50
# Each text in the blocks is cut to these lengths in turn, until the blocks are small enough.
_SHORTER = (1_500, 750, 375, 150, 75)
_TASK_MARKS = {"pending": "○", "in_progress": "●", "complete": "✓", "error": "✗"}


def _cut_text(text: str) -> str:
    if not text.strip():
        raise ValueError("must say something: it is all that a notification shows")
    return _clip_bytes(text, _TEXT_BYTES)


def _clip_bytes(text: str, limit: int) -> str:
    encoded = text.encode(errors="surrogatepass")
    if len(encoded) <= limit:
        return text
    kept = encoded[: limit - len(ELLIPSIS.encode())].decode(errors="ignore")
    return clip(text, len(kept) + len(ELLIPSIS))


def _cut_blocks(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if size(blocks) <= BLOCKS_BYTES:
        return blocks
    for limit in _SHORTER:
        shorter = [_shortened(block, limit) for block in blocks]
        if size(shorter) <= BLOCKS_BYTES:
            return shorter
    # Even with short texts the blocks are too many: only the text is sent.
    return []


def size(blocks: Sequence[Mapping[str, Any]]) -> int:
    """The bytes of blocks, of which Slack takes `BLOCKS_BYTES`."""
    text = json.dumps(blocks, ensure_ascii=False, separators=(",", ":"))
    return len(text.encode(errors="surrogatepass"))


def _shortened(part: Any, limit: int) -> Any:  # noqa: ANN401 - JSON of any depth
    if isinstance(part, list):
        return [_shortened(item, limit) for item in part]
    if isinstance(part, dict):
        return {
            key: clip(value, limit)
            if key == "text" and isinstance(value, str)
            else _shortened(value, limit)
            for key, value in part.items()
        }
    return part


class Body(BaseModel):
    """A message, cut to what Slack takes.

    Attributes:
        text: mrkdwn, never empty, at most 4,000 bytes of UTF-8.
        blocks: At most 50, and at most 13,000 bytes of JSON.
    """

    model_config = ConfigDict(frozen=True)

    text: Annotated[str, AfterValidator(_cut_text)]
    blocks: Annotated[list[dict[str, Any]], AfterValidator(_cut_blocks)]

    @property
    def has_plan(self) -> bool:
        """Slack has to know plan blocks to show it."""
        return any(block["type"] == "plan" for block in self.blocks)

    def without_plan(self) -> "Body":
        """Draw each plan as a section, for a Slack that refuses plans."""
        return Body(text=self.text, blocks=[_without_plan(block) for block in self.blocks])

    def as_possible_repeat(self) -> "Body":
        """Mark it as possibly posted already."""
        mark = f" ({POSSIBLE_REPEAT})"
        text = _clip_bytes(self.text, _TEXT_BYTES - len(mark.encode()))
        blocks = [*self.blocks[: _MOST_BLOCKS - 1], context(POSSIBLE_REPEAT)]
        return Body(text=text + mark, blocks=blocks if self.blocks else [])


def body(text: str, *blocks: Block) -> Body:
    """Add to the text whatever only the blocks say."""
    # A notification begins with the text: without one, it isn't made up from the blocks.
    whole = complete(text, blocks) if text.strip() else text
    return Body(text=whole, blocks=[dict(block) for block in blocks])


def _without_plan(block: dict[str, Any]) -> dict[str, Any]:
    if block["type"] != "plan":
        return block
    lines = [f"{_TASK_MARKS[task['status']]} {task['title']}" for task in block["tasks"]]
    # Titles are plain text in a plan; as mrkdwn they could turn into markup.
    text = clip("\n".join([block["title"], *lines]), 3_000)
    return {"type": "section", "text": {"type": "plain_text", "text": text, "emoji": False}}
