"""From a slash command's text to the command that it means."""

from dataclasses import replace

from bot.commands import deploy
from bot.commands.bare_model import is_model
from bot.commands.context import DeferredTask, Services
from bot.commands.registry import SLASH, Registry
from bot.domain.command_line import require_short
from bot.domain.errors import UserError
from bot.messages.markup import code
from bot.slack.requests import SlashCommand


async def dispatch(registry: Registry, services: Services, asked: SlashCommand) -> DeferredTask:
    """Lead to a command by its first word, to the form if there is none, else to a deployment.

    Raises:
        UserError: The first word is no command, and nothing that could be a model either; or the
            text is too long.
    """
    require_short(asked.text)
    word, _, rest = asked.text.strip().partition(" ")
    if not word:
        return await deploy.open_form(services, asked)
    command = registry.commands.get(word.lower())
    if command is not None:
        return await command.run(services, replace(asked, text=rest.strip()))
    if _may_be_a_deployment(asked.text):
        return await deploy.from_text(services, replace(asked, text=asked.text.strip()))
    nearest = registry.nearest(word)
    has_options = any(part.startswith(_DASHES) for part in rest.split())
    if await is_model(
        services, word, has_options=has_options, resembles_command=nearest is not None
    ):
        return await deploy.from_text(services, replace(asked, text=asked.text.strip()))
    if nearest is not None:
        raise UserError(
            f"No command is called {code(word)}. Nearest: {code(nearest)}.",
            hint=f"`{SLASH} {nearest}`",
        )
    raise UserError(
        f"{code(word)} is neither a command nor a model. A model is written org/name.",
        hint=f"`{SLASH} help` shows what can be typed.",
    )


def _may_be_a_deployment(text: str) -> bool:
    # Options may stand before the model, and dashes may have been made long by Slack.
    return "/" in text or text.lstrip().startswith(_DASHES)


_DASHES = ("-", "–", "—")
