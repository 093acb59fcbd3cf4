"""From a slash command's text to the handler that it means."""

from dataclasses import dataclass, replace

from bot.commands.bare_model import BareModels
from bot.commands.deploy import LineDeployment
from bot.commands.deploy_modal import DeployForm
from bot.commands.registry import SLASH, DeferredTask, Registry
from bot.commands.shared_channel import SharedChannels
from bot.domain.command_line import asks_for_help, require_short, typed
from bot.domain.errors import UserError
from bot.domain.text import clip
from bot.messages.markup import code
from bot.messages.suggestion import run_this
from bot.slack.requests import SlashCommand

DEPLOY_VERB = "deploy"
_LONGEST_SHOWN = 200
_DASHES = ("-", "–", "—")


@dataclass(frozen=True, slots=True)
class Dispatcher:
    """Without a command, the text is a deployment; without any text, the form opens."""

    registry: Registry
    form: DeployForm
    lines: LineDeployment
    bare_models: BareModels
    shared_channels: SharedChannels

    async def run(self, command: SlashCommand) -> DeferredTask:
        """Run the handler.

        Raises:
            UserError: The first word is neither a command nor a model, or the text is too long.
        """
        require_short(command.text)
        command = await self.shared_channels.resolve(command)
        text = command.text.strip()
        word, _, rest = text.partition(" ")
        if text and asks_for_help(text):
            topic = word if word.lower() in self.registry.commands else DEPLOY_VERB
            topic = "" if word.startswith(_DASHES) and not rest.strip() else topic
            return await self.registry.commands["help"].run(replace(command, text=topic))
        if word.lower() == DEPLOY_VERB:
            word, text = "", rest.strip()
            if text:
                return await self.lines.deploy(replace(command, text=text))
        if not word:
            return self.form.open(command)
        known = self.registry.commands.get(word.lower())
        if known is not None:
            return await known.run(replace(command, text=rest.strip()))
        nearest = self.registry.nearest(word)
        if _may_be_a_deployment(text) or await self.bare_models.is_model(
            word,
            has_options=any(part.startswith(_DASHES) for part in rest.split()),
            resembles_command=nearest is not None,
        ):
            return await self.lines.deploy(replace(command, text=text))
        if nearest is not None:
            line = typed(f"{SLASH} {nearest} {rest}".strip())
            raise UserError(
                f"I don't know the command {code(word)}. Did you mean {code(nearest)}?",
                hint=code(clip(line, _LONGEST_SHOWN)),
                actions=run_this(line) if len(line) <= _LONGEST_SHOWN else (),
            )
        raise UserError(
            f"I don't know {code(word)}. Models look like org/name.",
            hint=f"`{SLASH} help` lists the commands.",
        )


def _may_be_a_deployment(text: str) -> bool:
    # Options may come before the model, and Slack may have made dashes long.
    return "/" in text or text.startswith(_DASHES)
