"""`demo --once`: run one deployment through both sandboxes and print its thread."""

import re
import tempfile
from pathlib import Path

from rich.console import Console

from bot.app import running
from bot.domain.text import unescape
from bot.sandbox.environment import Environment, connect, open_environment
from bot.sandbox.friendli import MODELS
from bot.sandbox.slack.changes import Change, MessagePosted, MessageUpdated
from bot.sandbox.slack.conversations import Message

# Real seconds.
_TIMEOUT = 300.0
_POLL_SECONDS = 0.5

_SERVES = "is live"
_ENDED = ("failed", "wasn't created")
# What the status message and the last reply say at the end.
_REPORTED = ((_SERVES, "went live"), *((end, end) for end in _ENDED))
# What the status message of a live endpoint says of its test request.
_TESTED = ("First token after", "Answered a test", "a test request failed")


async def once(model: str, *, speed: float) -> bool:
    """Deploy a model with a signed slash command; returns whether it ends up serving.

    Args:
        model: Any model; those of `models_table` misbehave.
        speed: How many times faster than in life the endpoint starts.
    """
    # Terminals wrap long lines themselves.
    console = Console(highlight=False, soft_wrap=True)
    with tempfile.TemporaryDirectory(prefix="friendli-deploy-") as folder:
        database = f"sqlite:///{Path(folder) / 'demo.sqlite3'}"
        async with open_environment(database, start_speed=speed) as env:
            env.friendli.pace.tokens_per_second, env.friendli.pace.first_token = 142, 0.18
            settings = env.settings(
                poll_seconds_transitional=_POLL_SECONDS,
                # Endpoints are listed sooner, so the timeout shrinks.
                create_give_up_after=600 / speed,
            )
            async with running(settings) as bot:
                env.slack.events_url = bot.events_url
                await connect(env)
                return await _deploy(env, model, console)


async def _deploy(env: Environment, model: str, console: Console) -> bool:
    printer = _Printer(env, console)
    stop = env.slack.subscribe(printer)
    line = f"{model} --gpu 2xH100 --yes"
    console.print(f"[bold]@{env.member.user.name}[/] /friendli-deploy {line}")
    await env.member.command(env.channel, line)
    try:
        root = await env.slack.until(lambda: _outcome(env), timeout=_TIMEOUT)
        serves = _SERVES in root.text
        # The reply may be posted a second after the edit of the status message.
        await env.slack.until(lambda: printer.has_reported(root), timeout=_TIMEOUT)
        if serves:
            await env.slack.until(lambda: printer.is_tested(root), timeout=_TIMEOUT)
    finally:
        stop()
    return serves


def _outcome(env: Environment) -> Message | None:
    for message in env.channel.messages.values():
        text = message.text
        if not message.is_reply and (_SERVES in text or any(end in text for end in _ENDED)):
            return message
    return None


class _Printer:
    """Prints status messages and replies as they are posted and edited."""

    def __init__(self, env: Environment, console: Console) -> None:
        self._env = env
        self._console = console
        self._headlines: dict[str, str] = {}
        self._replies: list[str] = []

    def __call__(self, change: Change) -> None:
        if not isinstance(change, MessagePosted | MessageUpdated):
            return
        message = change.message
        text = readable(self._env, message.text)
        if message.ephemeral_to:
            self._console.print(f"[dim]only you:[/] {text}")
        elif message.is_reply:
            self._replies.append(text)
            loud = " [dim](also in the channel)[/]" if message.broadcast else ""
            self._console.print(f"   ↳ {text}{loud}")
        elif self._headlines.get(message.ts) != text:
            self._headlines[message.ts] = text
            self._console.print(f"[bold]#{self._env.channel.name}[/] {text}")

    def has_reported(self, root: Message) -> bool:
        return any(
            end in root.text and any(said in reply for reply in self._replies)
            for end, said in _REPORTED
        )

    def is_tested(self, root: Message) -> bool:
        """It shows what a live endpoint answered, or is live no more."""
        shown = self._headlines[root.ts]
        return _SERVES not in shown or any(words in shown for words in _TESTED)


def readable(env: Environment, text: str) -> str:
    """A message's text for a terminal, without mrkdwn."""
    text = re.sub(r"<!date\^\d+\^[^|>]*\|([^>]*)>", r"\1", text)
    text = re.sub(r"<@(\w+)>", lambda match: f"@{env.slack.workspace.users[match[1]].name}", text)
    text = re.sub(r"<[^|>]*\|([^>]*)>", r"\1", text)
    # Rich reads square brackets as markup.
    return unescape(text.replace("*", "").replace("[", r"\["))


def models_table() -> str:
    width = max(len(name) for name in MODELS)
    return "\n".join(f"{name:<{width}}  {model.description}" for name, model in MODELS.items())
