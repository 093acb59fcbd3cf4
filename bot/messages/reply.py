"""A reply in a thread, and how loud it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from bot.domain.deployment_view import ClosingNote
from bot.domain.policy import NotificationLevel
from bot.messages.blocks import section
from bot.messages.body import Body, body


class News(StrEnum):
    """How much a reply matters to the channel."""

    ORDINARY = "ordinary"
    """For those who follow the thread."""
    READY = "ready"
    """The endpoint serves for the first time."""
    FAILED = "failed"
    """It failed, or what was asked for wasn't done."""
    NEEDS_YOU = "needs_you"
    """Goes no further without somebody, or costs money that nobody may know of."""


_LOUD: Mapping[NotificationLevel, frozenset[News]] = {
    NotificationLevel.EVERYTHING: frozenset(News),
    NotificationLevel.READY_AND_FAILED: frozenset({News.READY, News.FAILED, News.NEEDS_YOU}),
    NotificationLevel.FAILED: frozenset({News.FAILED, News.NEEDS_YOU}),
}


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply, without buttons: those are on the status message, which is redrawn with each reply.

    A reply stays as it was posted, and so would offer what no longer applies.

    Attributes:
        news: Decides with the target's policy whether the channel sees it too.
        closing_note: Why there is no endpoint, for the status message.
    """

    body: Body
    news: News = News.ORDINARY
    closing_note: ClosingNote | None = None

    def __post_init__(self) -> None:
        """Refuse what can be pressed.

        Raises:
            ValueError: A block has a button or a menu.
        """
        if any(block["type"] == "actions" or "accessory" in block for block in self.body.blocks):
            raise ValueError("a reply has no buttons: they belong on the status message")

    def reaches_channel(self, notification_level: NotificationLevel) -> bool:
        """It is shown in the channel, and not in the thread alone."""
        return self.news in _LOUD[notification_level]


def say(text: str, *, news: News = News.ORDINARY) -> Reply:
    """One paragraph of mrkdwn."""
    return Reply(body(text, section(text)), news)
