"""Answer the person who made a request, where only they see it."""

from contextvars import ContextVar
from typing import Protocol, Self

from bot.messages.body import Body


class Send(Protocol):
    """Sends an answer; without a body, removes the message that was clicked."""

    async def __call__(self, body: Body | None, *, replaces: bool) -> bool: ...


async def _send_nowhere(body: Body | None, *, replaces: bool) -> bool:  # noqa: ARG001
    return False


class Responder:
    """Answers one request. Each method returns whether Slack took the answer.

    Attributes:
        has_answered: Whether an answer was sent.
    """

    __slots__ = ("_send", "has_answered")

    def __init__(self, send: Send = _send_nowhere) -> None:
        self._send = send
        self.has_answered = False

    async def say(self, body: Body) -> bool:
        self.has_answered = True
        return await self._send(body, replaces=False)

    async def replace(self, body: Body) -> bool:
        """Replace the message that was clicked."""
        self.has_answered = True
        return await self._send(body, replaces=True)

    def in_place(self) -> Self:
        """A responder whose first answer replaces the message that was clicked."""
        is_first = True

        async def send(body: Body | None, *, replaces: bool) -> bool:
            nonlocal is_first
            replaces, is_first = replaces or is_first, False
            return await self._send(body, replaces=replaces)

        return type(self)(send)

    async def remove(self) -> bool:
        """Remove the message that was clicked."""
        return await self._send(None, replaces=True)


current: ContextVar[Responder | None] = ContextVar("responder", default=None)
"""The responder of the request that is being handled."""


def has_shown() -> None:
    """Note that the person sees something else than an answer, such as a modal."""
    responder = current.get()
    if responder is not None:
        responder.has_answered = True
