"""The stream of changes in the workspace, for tests that wait and for the page."""

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
    user: User


@dataclass(frozen=True, slots=True)
class ChannelChanged:
    channel: Channel


@dataclass(frozen=True, slots=True)
class MessagePosted:
    message: Message


@dataclass(frozen=True, slots=True)
class MessageUpdated:
    message: Message


@dataclass(frozen=True, slots=True)
class MessageDeleted:
    message: Message


@dataclass(frozen=True, slots=True)
class ViewChanged:
    """A modal or Home tab was opened, updated, filled in, or refused with errors."""

    view: View


@dataclass(frozen=True, slots=True)
class ViewClosed:
    view: View


@dataclass(frozen=True, slots=True)
class NoticeShown:
    """Slack's client showed a user an error, such as "operation_timeout"."""

    user_id: str
    text: str


@dataclass(frozen=True, slots=True)
class InstallationChanged:
    state: str


@dataclass(frozen=True, slots=True)
class ConnectionsChanged:
    """A Socket Mode connection opened or closed; `open` counts those that are open."""

    open: int


@dataclass(frozen=True, slots=True)
class RequestLogged:
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
    """A condition wasn't met in time; the message shows the state of the workspace."""


class Changes:
    """Notifies subscribers of every change, in order, synchronously."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[Change], None]] = []

    def subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Call `listener` with every change from now on; returns the unsubscribe function."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def publish(self, change: Change) -> None:
        for listener in list(self._listeners):
            listener(change)

    async def until(
        self, predicate: Callable[[], T | None], seconds: float, describe: Callable[[], str]
    ) -> T:
        """Return the first truthy result of `predicate`, which is checked after each change.

        Args:
            predicate: A LookupError from it means "not yet".
            seconds: Real seconds to wait.

        Raises:
            ConditionTimeoutError: If the time is over first.
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
