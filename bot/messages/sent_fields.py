"""What a request sends, as one line that Slack folds when it is long."""

from collections.abc import Sequence

from bot.domain.request.sent_fields import SentField
from bot.messages.blocks import Block, section
from bot.messages.markup import code, escape


def line(sent: Sequence[SentField]) -> str:
    """Such as "Content logging: `on` · Replicas: `1`"; '' for nothing."""
    return " · ".join(f"{escape(one.label)}: {code(one.value)}" for one in sent)


def block(sent: Sequence[SentField], *, whole: bool) -> list[Block]:
    """The line as a paragraph, unfolded if `whole`: somebody decides by it."""
    text = line(sent)
    if not text:
        return []
    return [section(text) | ({"expand": True} if whole else {})]
