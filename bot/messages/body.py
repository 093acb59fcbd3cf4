"""What is posted: blocks to look at, and the text that notifications and screen readers use."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from bot.messages.markup import Block, clip, context

POSSIBLE_REPEAT = "Possibly a repeat: Slack didn't confirm the first one."

_TEXT_LIMIT = 4_000
_TASK_MARKS = {"pending": "○", "in_progress": "●", "complete": "✓", "error": "✗"}


class Body(BaseModel):
    """A message's contents.

    Attributes:
        text: mrkdwn; always set and always meaningful, at most 4,000 characters.
        blocks: At most 50.
    """

    model_config = ConfigDict(frozen=True)

    text: str
    blocks: list[dict[str, Any]]

    @property
    def has_plan(self) -> bool:
        """Whether it needs a Slack that knows plan blocks."""
        return any(block["type"] == "plan" for block in self.blocks)

    def without_plan(self) -> "Body":
        """The same with each plan drawn as a section, for a Slack that refuses plans."""
        return Body(text=self.text, blocks=[_without_plan(block) for block in self.blocks])

    def as_possible_repeat(self) -> "Body":
        """The same, marked as perhaps standing in the conversation already."""
        return Body(
            text=clip(f"{self.text} ({POSSIBLE_REPEAT})", _TEXT_LIMIT),
            blocks=[*self.blocks, context(POSSIBLE_REPEAT)],
        )


def body(text: str, *blocks: Block) -> Body:
    """A message whose text is cut to what Slack takes."""
    return Body(text=clip(text, _TEXT_LIMIT), blocks=[dict(block) for block in blocks])


def _without_plan(block: dict[str, Any]) -> dict[str, Any]:
    if block["type"] != "plan":
        return block
    lines = [f"{_TASK_MARKS[task['status']]} {task['title']}" for task in block["tasks"]]
    # Titles are plain text in a plan; as mrkdwn they could turn into markup.
    text = clip("\n".join([block["title"], *lines]), 3_000)
    return {"type": "section", "text": {"type": "plain_text", "text": text, "emoji": False}}
