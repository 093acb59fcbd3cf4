"""auth.test, api.test and apps.connections.open."""

from pydantic import ConfigDict

from bot.sandbox.slack.rate_limits import Tier
from bot.sandbox.slack.web_api.call import Arguments, Backend, SlackError, TokenKind, method
from bot.sandbox.slack.wire import JsonObject


class ApiTest(Arguments):
    """The arguments of api.test, which echoes them."""

    model_config = ConfigDict(extra="allow", frozen=True)

    error: str | None = None


def api_test(_slack: Backend, arguments: ApiTest) -> JsonObject:
    """Echo the arguments, or raise the requested `SlackError`."""
    if arguments.error:
        raise SlackError(arguments.error)
    return {"args": arguments.model_dump(exclude_unset=True)}


def auth_test(slack: Backend, _arguments: Arguments) -> JsonObject:
    identity = slack.workspace.identity
    return {
        "url": f"https://{identity.team_domain}.slack.com/",
        "team": identity.team_name,
        "user": identity.bot_name,
        "team_id": identity.team_id,
        "user_id": slack.workspace.bot.id,
        "bot_id": identity.bot_id,
        "is_enterprise_install": identity.org_wide,
        **({"enterprise_id": identity.enterprise_id} if identity.enterprise_id else {}),
    }


def open_connection(slack: Backend, _arguments: Arguments) -> JsonObject:
    """The URL of a new Socket Mode connection, valid once."""
    return {"url": slack.open_connection()}


METHODS = (
    method("api.test", ApiTest, api_test, tier=Tier.FOUR, token=TokenKind.NONE),
    method("auth.test", Arguments, auth_test, tier=Tier.SPECIAL),
    # Documented as tier 1, yet an app may open ten connections at once, so one a minute can't hold.
    method(
        "apps.connections.open",
        Arguments,
        open_connection,
        tier=Tier.TWO,
        token=TokenKind.APP,
    ),
)
