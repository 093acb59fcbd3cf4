"""What the page shows and steers: either sandbox may be missing where the real service is used."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.sandbox.clock import SandboxClock
from bot.sandbox.friendli import FriendliSandbox
from bot.sandbox.page.bot_process import BotProcess
from bot.sandbox.slack.conversations import Channel
from bot.sandbox.slack.sandbox import SlackSandbox
from bot.sandbox.slack.user_client import UserClient


@dataclass(frozen=True, slots=True)
class PageContext:
    """The parts of a demo.

    Attributes:
        slack: The workspace; None where people use their own Slack.
        friendli: The API; None where the real one is used.
        clock: Friendli's.
        bot: The bot's process; None where something else runs it.
        people: Whom the person at the page can act as, the first one to begin with.
        channel: Where the page opens.
    """

    slack: SlackSandbox | None
    friendli: FriendliSandbox | None
    clock: SandboxClock
    bot: BotProcess | None
    people: Sequence[UserClient] = ()
    channel: Channel | None = None
