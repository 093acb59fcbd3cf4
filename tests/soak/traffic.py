"""The work of a soak: endpoints that are deployed, put to sleep, woken, terminated and deleted."""

import asyncio
import itertools

from bot.sandbox.environment import Environment
from bot.sandbox.slack.conversations import Message

# A machine that others use, too, is slow at times.
_TIMEOUT = 60.0


class Traffic:
    """Lives of endpoints, some at a time, one after another.

    Attributes:
        lives: How many endpoints were deleted.
    """

    def __init__(self, env: Environment) -> None:
        self._env = env
        self._numbers = itertools.count(1)
        # A person has one form open at a time.
        self._form = asyncio.Lock()
        self.lives = 0

    async def go_on(self) -> None:
        """Lead one endpoint after another through its life."""
        while True:
            await self._live(f"soak-{next(self._numbers)}")
            self.lives += 1

    async def _live(self, name: str) -> None:
        env = self._env
        line = f"org/model --gpu H100 --replicas 1 --name {name} --yes"
        await env.member.command(env.channel, line)
        root = await env.slack.until(lambda: self._root(name), timeout=_TIMEOUT)
        for button in ("Sleep", "Wake ($5.00/h)"):
            await env.member.click(await self._with(root, button), button)
        await self._with(root, "Terminate")
        async with self._form:
            await self._terminate(env.channel.messages[root.ts])
        await self._with(root, "Delete")
        async with self._form:
            await env.admin.click(env.channel.messages[root.ts], "Delete")
            await env.slack.until(lambda: env.admin.modal, timeout=_TIMEOUT)
            await env.admin.fill(f"Type {name} to confirm", name)
            await env.admin.submit()
        await env.slack.until(
            lambda: "is gone" in env.channel.messages[root.ts].text, timeout=_TIMEOUT
        )

    async def _terminate(self, root: Message) -> None:
        """Choose it from the menu, and confirm."""
        env = self._env
        seen = len(env.member.ephemerals(env.channel))
        await env.member.click(root, "Terminate")
        [question] = await env.slack.until(
            lambda: env.member.ephemerals(env.channel)[seen:], timeout=_TIMEOUT
        )
        await env.member.click(question, "Terminate")

    def _root(self, name: str) -> Message | None:
        for message in self._env.channel.messages.values():
            if f"*{name}*" in message.text and not message.is_reply:
                return message
        return None

    async def _with(self, root: Message, button: str) -> Message:
        """The thread's root, once it has a button."""
        messages = self._env.channel.messages
        await self._env.slack.until(lambda: button in messages[root.ts].buttons, timeout=_TIMEOUT)
        return messages[root.ts]
