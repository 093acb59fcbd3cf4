"""`help`: what can be typed, made from what is registered."""

from collections.abc import Callable, Iterable

from bot.commands import deploy_text
from bot.commands.context import DeferredTask, Services
from bot.commands.registry import SLASH, Command, Feature
from bot.messages.blocks import context, section
from bot.messages.body import Body, body
from bot.messages.markup import code
from bot.slack.requests import SlashCommand

EXAMPLE = f"{SLASH} meta-llama/Llama-3.1-8B-Instruct --gpu 2xH100"


def feature(commands: Callable[[], Iterable[Command]]) -> Feature:
    """Help about the commands that a callable lists, this one among them."""

    async def run(services: Services, command: SlashCommand) -> DeferredTask:
        return _show(services, command, commands())

    return Feature(commands=[Command("help", "", "Shows this.", run)])


async def _show(services: Services, command: SlashCommand, commands: Iterable[Command]) -> None:
    await services.responses.say(command.response_url, overview(commands))


def overview(commands: Iterable[Command]) -> Body:
    """The help text."""
    lines = [
        f"`{SLASH}`  Opens the form to deploy a model.",
        f"`{EXAMPLE}`  Deploys from text; shows the price and asks first.",
        *(f"{code(command.usage)}  {command.summary}" for command in commands),
    ]
    return body(
        "What you can type: " + "; ".join(lines),
        section("\n".join(lines)),
        section("*Options of a deployment from text*\n" + deploy_text.options_help()),
        context("A thread in this channel tells how each deployment is going."),
    )
