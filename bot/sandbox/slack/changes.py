"""The stream of what changes in the workspace, for tests that wait and pages that show it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from bot.sandbox.slack.conversations import Channel, Message, User
from bot.sandbox.slack.request_log import LoggedRequest
from bot.sandbox.slack.view import View

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class UserAdded:
    """Somebody joined the workspace."""

    user: User


@dataclass(frozen=True, slots=True)
class ChannelChanged:
    """A channel was made, archived, brought back, or its members changed."""

    channel: Channel


@dataclass(frozen=True, slots=True)
class MessagePosted:
    """A message, a reply or an ephemeral message appeared."""

    message: Message


@dataclass(frozen=True, slots=True)
class MessageUpdated:
    """A message was edited in place."""

    message: Message


@dataclass(frozen=True, slots=True)
class MessageDeleted:
    """A message is gone."""

    message: Message


@dataclass(frozen=True, slots=True)
class ViewChanged:
    """A modal or Home tab was opened, updated, filled in, or refused with errors."""

    view: View


@dataclass(frozen=True, slots=True)
class ViewClosed:
    """A modal is gone from the person's screen."""

    view: View


@dataclass(frozen=True, slots=True)
class NoticeShown:
    """Slack itself told a person that something failed.

    Attributes:
        user_id: Who saw it.
        text: What Slack's client says, such as "operation_timeout".
    """

    user_id: str
    text: str


@dataclass(frozen=True, slots=True)
class InstallationChanged:
    """The app was installed or uninstalled, or its token revoked."""

    state: str


@dataclass(frozen=True, slots=True)
class ConnectionsChanged:
    """A Socket Mode connection opened or closed.

    Attributes:
        open: How many are open now.
    """

    open: int


@dataclass(frozen=True, slots=True)
class RequestLogged:
    """A request in either direction began or was answered."""

    request: LoggedRequest


Change = (
    UserAdded
    | ChannelChanged
    | MessagePosted
    | MessageUpdated
    | MessageDeleted
    | ViewChanged
    | ViewClosed
    | NoticeShown
    | InstallationChanged
    | ConnectionsChanged
    | RequestLogged
)


class ConditionTimeoutError(AssertionError):
    """What a test waited for didn't come; the message shows what is there instead."""


class Changes:
    """Tell subscribers of every change, in order, at once."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[Change], None]] = []

    def subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Call `listener` with every change from now on.

        Returns:
            A function that ends the subscription.
        """
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def publish(self, change: Change) -> None:
        """Tell all subscribers of a change that has been made."""
        for listener in list(self._listeners):
            listener(change)

    async def until(
        self, predicate: Callable[[], T | None], seconds: float, describe: Callable[[], str]
    ) -> T:
        """Wait until the predicate holds, looking again after each change.

        Args:
            predicate: Looks at the state; a LookupError from it means "not yet".
            seconds: Real seconds to wait.
            describe: Says what is there, for the error.

        Returns:
            The predicate's first truthy value.

        Raises:
            NotReachedError: If the time is over first.
        """
        changed = asyncio.Event()
        unsubscribe = self.subscribe(lambda _: changed.set())
        try:
            async with asyncio.timeout(seconds):
                while True:
                    try:
                        if value := predicate():
                            return value
                    except LookupError:
                        pass
                    changed.clear()
                    await changed.wait()
        except TimeoutError:
            raise ConditionTimeoutError(f"not reached within {seconds:g} s\n{describe()}") from None
        finally:
            unsubscribe()
