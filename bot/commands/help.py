"""`help`: what can be typed, made from what is registered."""

from collections.abc import Iterable

from bot.commands import deploy_text
from bot.commands.registry import SLASH, Command, Feature, Registry, deferred
from bot.messages.blocks import context, section
from bot.messages.body import Body, body
from bot.messages.markup import code
from bot.slack.requests import SlashCommand

EXAMPLE = f"{SLASH} meta-llama/Llama-3.1-8B-Instruct --gpu 2xH100"


@deferred
async def run(command: SlashCommand, registry: Registry) -> None:
    await command.responder.say(overview(registry.commands.values()))


def overview(commands: Iterable[Command]) -> Body:
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


FEATURE = Feature(commands=[Command("help", "", "Shows this.", run)])
