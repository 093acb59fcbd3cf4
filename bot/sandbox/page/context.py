"""What the page shows and controls; the real service may replace either sandbox."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.sandbox.friendli import FriendliSandbox
from bot.sandbox.hub import HubSandbox
from bot.sandbox.page.bot_process import BotProcess
from bot.sandbox.slack.conversations import Channel
from bot.sandbox.slack.sandbox import SlackSandbox
from bot.sandbox.slack.user_client import UserClient


@dataclass(frozen=True, slots=True)
class PageContext:
    """The parts of a demo.

    Attributes:
        people: Users the page can act as, the first one initially.
        channel: Where the page opens.
    """

    slack: SlackSandbox | None
    friendli: FriendliSandbox | None
    bot: BotProcess | None
    hub: HubSandbox | None = None
    people: Sequence[UserClient] = ()
    channel: Channel | None = None
