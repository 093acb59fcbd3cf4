"""Replies about an endpoint that Friendli doesn't list any more."""

from bot.domain.deployment_view import DeploymentView
from bot.domain.statuses import AT_REST, facts_of
from bot.messages.markup import bold, escape, moment
from bot.messages.reply import News, Reply, say
from bot.messages.status_message import price


def unlisted(deployment: DeploymentView) -> Reply:
    at = deployment.unlisted_until
    until = "" if at is None else f" {moment(at, lead='until ')}"
    return say(
        f"Friendli no longer lists {bold(deployment.name)}. Either it was deleted, or this"
        " target's API key lost access to the project and it may still be billed. I keep"
        f" watching{until}.",
        news=News.NEEDS_YOU,
    )


def listed_again(deployment: DeploymentView) -> Reply:
    status = deployment.endpoint_state.status if deployment.endpoint_state is not None else None
    words = f": {escape(facts_of(status).name)}" if status is not None else ""
    cost = "" if status in AT_REST else f", {price(deployment)} while live"
    return say(f"Friendli lists {bold(deployment.name)} again{words}{cost}.", news=News.NEEDS_YOU)


def gone() -> Reply:
    return say("The endpoint is gone from Friendli. It costs nothing now.")
