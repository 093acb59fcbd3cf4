"""Replies about an endpoint's lifetime."""

from bot.domain.deployment_view import DeploymentView
from bot.domain.operations import OperationKind
from bot.domain.text import clip
from bot.messages.answer import answer
from bot.messages.blocks import button, section
from bot.messages.body import Body, body
from bot.messages.lifetime import then, until
from bot.messages.markup import bold, duration, escape, mention
from bot.messages.preview import CANCEL_ACTION
from bot.messages.reply import News, Reply, say
from bot.messages.status_message import price

SET_ACTION = "lifetime.set"

_API_WORDS_LIMIT = 500


def warning(deployment: DeploymentView) -> Reply:
    """It ends soon; asks whether to extend it. The status message has the buttons."""
    text = f"{bold(deployment.name)} {_until(deployment)}. {_extension(deployment)}"
    return say(text, news=News.NEEDS_YOU)


def _extension(deployment: DeploymentView) -> str:
    setup, seconds = deployment.setup, deployment.lifetime_seconds
    if setup.price is None or seconds is None:
        return f"Running on costs {cost(deployment)}."
    if setup.is_price_of_each:
        return f"Extend by {duration(seconds)} at {price(deployment)}?"
    return f"Extend by {duration(seconds)} for ${setup.price * seconds / 3600:,.2f}?"


def extended(deployment: DeploymentView, person: str, seconds: int) -> Reply:
    did = f"extended the lifetime by {duration(seconds)}"
    return _say(f"{mention(person)} {did}: it {_until(deployment)}. {_cost(deployment)}")


def lifetime_set(deployment: DeploymentView, person: str, seconds: int) -> Reply:
    """An endpoint that had no lifetime got one."""
    did = f"set a lifetime of {duration(seconds)}"
    return _say(f"{mention(person)} {did}: it {_until(deployment)}. {_cost(deployment)}")


def ask_lifetime(name: str, public_id: str, seconds: int, end: str | None) -> Body:
    """Ask whether an endpoint without a lifetime gets one."""
    return answer(
        f"{bold(name)} runs until someone stops it. Set a lifetime of {duration(seconds)}?",
        hint=f"{duration(seconds)} from your click, {then(end)}.",
        buttons=[
            button("Set lifetime", SET_ACTION, value=f"{public_id} {seconds}", style="primary"),
            button("Cancel", CANCEL_ACTION),
        ],
    )


def kept(deployment: DeploymentView, person: str) -> Reply:
    return _say(
        f"{mention(person)} removed the lifetime: it runs until someone stops it."
        f" {_cost(deployment)}"
    )


def not_ended(deployment: DeploymentView, kind: OperationKind, words: str) -> Reply:
    """Friendli refused to end it, or couldn't be asked."""
    said = f" Friendli said: “{escape(clip(words, _API_WORDS_LIMIT))}”." if words else ""
    to_do = kind.facts.words.infinitive
    return say(
        f"{bold(deployment.name)} is still running past its lifetime: Friendli didn't"
        f" {to_do}.{said} It may still be billed, {rate(deployment)}. I keep trying; to be sure,"
        " stop it in Friendli Suite.",
        news=News.NEEDS_YOU,
    )


def given_up(deployment: DeploymentView, kind: OperationKind) -> Reply:
    """It is no longer tried to end it."""
    return say(
        f"{bold(deployment.name)} is still running past its lifetime, and I stopped trying to"
        f" {kind.facts.words.infinitive}. It may still be billed, {rate(deployment)}, until"
        " someone stops it here or in Friendli Suite.",
        news=News.NEEDS_YOU,
    )


def cost(deployment: DeploymentView) -> str:
    """Completes "it costs …"."""
    return "an unknown amount" if deployment.setup.price is None else price(deployment)


def _cost(deployment: DeploymentView) -> str:
    return f"It costs {cost(deployment)} while live."


def rate(deployment: DeploymentView) -> str:
    """Completes "it is billed …"."""
    return "at an unknown price" if deployment.setup.price is None else f"at {price(deployment)}"


def _until(deployment: DeploymentView) -> str:
    return (
        "runs until someone stops it"
        if deployment.lifetime_ends_at is None
        else until(deployment.lifetime_ends_at, deployment.expiry_action)
    )


def _say(text: str) -> Reply:
    return Reply(body(text, section(text)))
