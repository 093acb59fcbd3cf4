"""`help`: six lines, and the rest by topics, made from what is registered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.commands import deploy_text
from bot.commands.registry import SLASH, Command, Feature, Registry, deferred
from bot.messages.blocks import actions, button, context, section
from bot.messages.body import Body, body
from bot.messages.markup import code
from bot.slack.requests import BlockAction, SlashCommand

EXAMPLE = f"{SLASH} meta-llama/Llama-3.1-8B-Instruct --gpu 2xH100"
TOPIC_ACTION = "help.topic"
_OVERVIEW = "overview"
_DEPLOY = "deploy"
_OPERATE = "operate"


@dataclass(frozen=True, slots=True)
class Topic:
    """Commands that are explained together.

    Attributes:
        commands: In the order of the explanation.
    """

    button: str
    commands: Sequence[str] = ()


TOPICS: Mapping[str, Topic] = {
    _DEPLOY: Topic("Deploy options"),
    "look": Topic("See what runs", ("list", "status", "versions", "audit")),
    # And whatever no other topic names.
    _OPERATE: Topic("Operate"),
    "lifetime": Topic("Lifetime and schedules", ("extend", "keep", "schedules")),
    "change": Topic("Change", ("update", "rollback", "follow", "unfollow")),
    "channel": Topic(
        "Set up the channel", ("connect", "disconnect", "targets", "settings", "help")
    ),
}


@deferred
async def run(command: SlashCommand, registry: Registry) -> None:
    """Explain everything briefly, or the topic or command that is named."""
    asked = command.text.strip().lower()
    await command.responder.say(page(_topic_of(asked, registry.commands), registry.commands))


@deferred
async def turned(click: BlockAction, registry: Registry) -> None:
    await click.responder.replace(page(click.value, registry.commands))


def page(name: str, commands: Mapping[str, Command]) -> Body:
    """A topic, or the overview if there is no such topic."""
    topic = TOPICS.get(name)
    row = [button("Overview", f"{TOPIC_ACTION}.{_OVERVIEW}", value=_OVERVIEW)] if topic else []
    row += [
        button(one.button, f"{TOPIC_ACTION}.{other}", value=other)
        for other, one in TOPICS.items()
        if other != name
    ]
    if topic is None:
        lines = _overview()
        return body("\n".join(lines), section("\n".join(lines)), actions(*row))
    texts = [f"*{topic.button}*\n" + "\n".join(_lines(name, commands))]
    if name == _DEPLOY:
        texts.append(deploy_text.options_help())
    notes = [context("Buttons in an endpoint's thread do the same.")] if name == _OPERATE else []
    return body("\n".join(texts), *map(section, texts), *notes, actions(*row))


def _overview() -> list[str]:
    return [
        f"`{SLASH}`  Opens the form to deploy a model.",
        f"`{EXAMPLE}`  Deploys from text, after showing the price.",
        f"`{SLASH} list`, `status [endpoint]`  Show what runs and what it costs.",
        f"`{SLASH} sleep [endpoint]`, `wake`, `terminate`  Do what its buttons do.",
        f"`{SLASH} extend [endpoint] 8h`, `keep`, `schedules`  Change its lifetime.",
        f"`{SLASH} connect`, `settings`, `audit`  Set up this channel.",
    ]


def _lines(name: str, commands: Mapping[str, Command]) -> list[str]:
    if name == _DEPLOY:
        return [
            f"`{SLASH}`  Opens the form.",
            f"`{EXAMPLE}`  Deploys from text, after showing the price.",
        ]
    return [
        f"{code(command.usage)}  {command.summary}"
        for command in (commands[one] for one in _commands_of(name, commands))
    ]


def _commands_of(name: str, commands: Mapping[str, Command]) -> Sequence[str]:
    named = {one for topic in TOPICS.values() for one in topic.commands}
    rest = [one for one in commands if one not in named] if name == _OPERATE else []
    return [*(one for one in TOPICS[name].commands if one in commands), *rest]


def _topic_of(asked: str, commands: Mapping[str, Command]) -> str:
    """The topic that a word names, or that explains a command; otherwise the overview."""
    found = (name for name in TOPICS if asked in (name, *_commands_of(name, commands)))
    return next(found, _OVERVIEW)


FEATURE = Feature(
    commands=[Command("help", "[topic]", "Shows this help.", run)],
    clicks={TOPIC_ACTION: turned},
)
