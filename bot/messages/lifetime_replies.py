"""Replies about an endpoint's lifetime."""

from datetime import datetime

from bot.domain.deployment_view import DeploymentView
from bot.domain.operations import OperationKind
from bot.domain.text import clip
from bot.messages import buttons
from bot.messages.answer import answer
from bot.messages.blocks import Block, actions, button, section
from bot.messages.body import Body, body
from bot.messages.lifetime import then, until
from bot.messages.markup import bold, duration, escape, mention
from bot.messages.preview import CANCEL_ACTION
from bot.messages.reply import News, Reply
from bot.messages.status_message import price

EXTEND_ACTION = "lifetime.extend"
KEEP_ACTION = "lifetime.keep"
SET_ACTION = "lifetime.set"

_API_WORDS_LIMIT = 500


def warning(deployment: DeploymentView) -> Reply:
    text = (
        f"{bold(deployment.name)} runs {_until(deployment)}. Going on costs {cost(deployment)},"
        " and is for"
        " somebody to decide."
    )
    row = [*extend(deployment), _keep(deployment)]
    return Reply(body(text, section(text), actions(*row)), news=News.NEEDS_YOU)


def extend(deployment: DeploymentView) -> list[Block]:
    """The button for the same time again, once; none without an end."""
    if deployment.lifetime_seconds is None or deployment.lifetime_ends_at is None:
        return []
    seen = f"{deployment.public_id} {in_milliseconds(deployment.lifetime_ends_at)}"
    return [button(f"Extend {duration(deployment.lifetime_seconds)}", EXTEND_ACTION, value=seen)]


def extended(deployment: DeploymentView, person: str, seconds: int) -> Reply:
    did = f"extended it by {duration(seconds)}"
    return _say(
        f"{mention(person)} {did}: it runs {_until(deployment)}. It costs {cost(deployment)}."
    )


def lifetime_set(deployment: DeploymentView, person: str, seconds: int) -> Reply:
    """An endpoint that had no lifetime got one."""
    did = f"set a lifetime of {duration(seconds)}"
    return _say(
        f"{mention(person)} {did}: it runs {_until(deployment)}. It costs {cost(deployment)}."
    )


def ask_lifetime(name: str, public_id: str, seconds: int, end: str | None) -> Body:
    """Ask whether an endpoint without a lifetime gets one."""
    return answer(
        f"{bold(name)} runs until someone stops it. Set a lifetime of {duration(seconds)}?",
        hint=f"It runs for {duration(seconds)} from your click, {then(end)}.",
        buttons=[
            button("Set lifetime", SET_ACTION, value=f"{public_id} {seconds}", style="primary"),
            button("Cancel", CANCEL_ACTION),
        ],
    )


def kept(deployment: DeploymentView, person: str) -> Reply:
    return _say(
        f"{mention(person)} keeps it running: nothing ends it by itself any more. It costs"
        f" {cost(deployment)} until somebody does."
    )


def not_ended(deployment: DeploymentView, kind: OperationKind, words: str) -> Reply:
    """Friendli refused to end it, or couldn't be asked."""
    said = f" Friendli said: “{escape(clip(words, _API_WORDS_LIMIT))}”." if words else ""
    to_do = kind.facts.words.infinitive
    return _for_channel(
        deployment,
        f"{bold(deployment.name)} runs on although its time is over: Friendli didn't {to_do}.{said}"
        f" It may be billed on, {rate(deployment)}. I keep trying; to be sure, end it in Friendli"
        " Suite.",
    )


def given_up(deployment: DeploymentView, kind: OperationKind) -> Reply:
    """It is no longer tried to end it."""
    return _for_channel(
        deployment,
        f"{bold(deployment.name)} runs on although its time is over, and I don't try to"
        f" {kind.facts.words.infinitive} any more. It may be billed on, {rate(deployment)}, until"
        " somebody ends it here or in Friendli Suite.",
    )


def cost(deployment: DeploymentView) -> str:
    """Completes "it costs …"."""
    return "an unknown amount" if deployment.setup.price is None else price(deployment)


def rate(deployment: DeploymentView) -> str:
    """Completes "it is billed …"."""
    return "at an unknown price" if deployment.setup.price is None else f"at {price(deployment)}"


def in_milliseconds(at: datetime) -> int:
    """A moment as a button's value has it."""
    return round(at.timestamp() * 1000)


def _for_channel(deployment: DeploymentView, text: str) -> Reply:
    row = buttons.for_live(deployment)
    return Reply(body(text, section(text), *([actions(*row)] if row else [])), news=News.NEEDS_YOU)


def _until(deployment: DeploymentView) -> str:
    return (
        "on"
        if deployment.lifetime_ends_at is None
        else until(deployment.lifetime_ends_at, deployment.expiry_action)
    )


def _keep(deployment: DeploymentView) -> Block:
    return button("Keep it running", KEEP_ACTION, value=deployment.public_id)


def _say(text: str) -> Reply:
    return Reply(body(text, section(text)))
