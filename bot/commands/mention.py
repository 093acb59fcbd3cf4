"""A mention of the bot: in a deployment's thread about that one, elsewhere like a typed command."""

import re

from bot.commands.ask import ASK, Asking
from bot.commands.deployment_access import DeploymentAccess
from bot.commands.operation_buttons import not_accepted
from bot.commands.registry import SLASH, Command, DeferredTask, Feature, Registry
from bot.commands.unfitting import Unfitting
from bot.domain.command_line import asks_for_help, require_short
from bot.domain.deployment_state import DeploymentState
from bot.domain.errors import UserError
from bot.domain.operations import BY_COMMAND, DELETING, OperationKind
from bot.domain.text import clip, unescape
from bot.messages import questions
from bot.messages.answer import answer
from bot.messages.body import Body
from bot.messages.endpoint import status_of_thread
from bot.messages.markup import code
from bot.services.operations import OperationOutcome, Operations
from bot.services.summaries import Summaries, Summary
from bot.slack.prompt_thread import typed_behind_mention
from bot.slack.requests import Event, SlashCommand

_VERBS = {kind.value: kind for kind in BY_COMMAND}
# Commands about one endpoint: in its thread it needs no name.
_ABOUT_ONE = {
    "status",
    "use",
    "update",
    "versions",
    "rollback",
    "extend",
    "keep",
    "schedules",
    "follow",
    "unfollow",
    *_VERBS,
}
# Commands that need no form, so a mention can run them.
POSSIBLE = frozenset({"list", "targets", "audit", *_ABOUT_ONE})
_IN_THREAD = ", ".join(code(word) for word in ("status", *_VERBS, "update", "extend"))
_LONGEST_SHOWN = 80


async def mentioned(
    event: Event,
    registry: Registry,
    summaries: Summaries,
    access: DeploymentAccess,
    operations: Operations,
    unfitting: Unfitting,
    asking: Asking,
) -> DeferredTask:
    if event.by_app or not event.person.id:
        return None
    require_short(event.text)
    text = _behind_the_mention(event.text)
    word, _, rest = text.partition(" ")
    word = word.lower().rstrip(".,:;!?")
    if asks_for_help(text):
        return await registry.commands["help"].run(_command(event, word))
    about = None
    if event.thread_ts is not None:
        about = await summaries.in_thread(event.place, event.thread_ts)
    is_live = about is not None and about.deployment_view.state is DeploymentState.LIVE
    if about is not None and not rest:
        if word in ("", "status") or (word in _ABOUT_ONE and not is_live):
            # Its buttons are what can be done with it.
            return _say_status(event, summaries, about)
        if word in _VERBS:
            # Written before Slack is acknowledged, which otherwise delivers the event again.
            body = await _operate(event, access, operations, unfitting, about, _VERBS[word])
            return None if body is None else _say(event, body)
    if word in ("", "help"):
        return _say(event, _how(in_thread=about is not None))
    command = registry.commands.get(word)
    is_prompt = command is None and (bool(rest) or registry.nearest(word) is None)
    if about is not None and is_live and (is_prompt or word == ASK):
        said = typed_behind_mention(event.text)
        return await asking.mention(
            event,
            about.deployment_view.target_name,
            about.deployment_view.public_id,
            said.partition(" ")[2].strip() if word == ASK and rest else said,
        )
    if command is None:
        raise _not_understood(text, in_thread=about is not None)
    return await command.run(_as_typed(event, command, rest, about if is_live else None))


def _as_typed(event: Event, command: Command, rest: str, about: Summary | None) -> SlashCommand:
    if command.name not in POSSIBLE:
        typed = " ".join(filter(None, (SLASH, command.name, rest)))
        raise UserError(
            f"Mentions don't support {code(command.name)}. Type it as a command in the channel:",
            hint=code(clip(unescape(typed), _LONGEST_SHOWN)),
        )
    return _command(event, rest, about.deployment_view.public_id if about is not None else "")


def _command(event: Event, text: str, about: str = "") -> SlashCommand:
    return SlashCommand(
        place=event.place,
        person=event.person,
        responder=event.responder,
        text=text,
        trigger_id="",
        request_id=event.event_id,
        about=about,
    )


async def _operate(
    event: Event,
    access: DeploymentAccess,
    operations: Operations,
    unfitting: Unfitting,
    about: Summary,
    kind: OperationKind,
) -> Body | None:
    """Do what neither costs nor breaks anything, and ask about the rest."""
    deployment_view = about.deployment_view
    await access.authorize(
        kind.facts.permission,
        event,
        deployment_view.target_name,
        deployment_view.public_id,
        operation=kind,
    )
    question = questions.ask(
        kind, deployment_view.name, deployment_view.setup.price_once_up, deployment_view.public_id
    )
    if question is None:
        result = await operations.request(
            event.place, event.person, deployment_view.public_id, kind, event.event_id
        )
        if result.outcome is OperationOutcome.REPEATED:
            return None
        return answer(not_accepted(kind, result) or questions.under_way(kind, deployment_view.name))
    status = (
        deployment_view.endpoint_state.status
        if deployment_view.endpoint_state is not None
        else None
    )
    unfit = await unfitting.answer(
        event,
        kind,
        status,
        name=deployment_view.name,
        public_id=deployment_view.public_id,
        target=deployment_view.target_name,
    )
    return unfit or question


def _behind_the_mention(text: str) -> str:
    _, _, behind = text.partition("<@")
    return " ".join(re.sub(r"^[^>]*>", "", behind).split())


def _how(*, in_thread: bool) -> Body:
    if in_thread:
        return answer(
            f"In this thread, mention me with {_IN_THREAD} or `keep`. Anything that costs money or"
            " breaks something needs a confirmation. Anything else is a prompt to the model.",
            hint=f"`{SLASH} help` in the channel lists everything else.",
        )
    *first, last = ("status", *(kind for kind in BY_COMMAND if kind not in DELETING))
    return answer(
        f"Mention me in an endpoint's thread with {', '.join(map(code, first))} or {code(last)}, or"
        " anywhere in this channel with `list`.",
        hint=f"`{SLASH}` deploys a model, and `{SLASH} help` lists the commands.",
    )


def _not_understood(text: str, *, in_thread: bool) -> UserError:
    shown = code(clip(unescape(text), _LONGEST_SHOWN))
    if in_thread:
        return UserError(
            f"I don't understand {shown}.",
            hint=f"Here you can use {_IN_THREAD} and `keep`.",
        )
    return UserError(
        f"I don't understand {shown}.",
        hint=f"To deploy a model, type `{SLASH}`. `{SLASH} help` lists the rest.",
    )


async def _say_status(event: Event, summaries: Summaries, about: Summary) -> None:
    [charged] = await summaries.charged([about])
    await _say(event, status_of_thread(charged.facts))


async def _say(event: Event, body: Body) -> None:
    await event.responder.say(body)


FEATURE = Feature(events={"app_mention": mentioned})
