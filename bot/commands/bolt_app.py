"""The Bolt app.

Bolt tries each registered listener in turn, so there is one for each kind of request, and our own
dictionaries behind them. With `process_before_response` Bolt acknowledges as soon as a listener
returns.
"""

import logging
import os
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import structlog
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse

from bot.commands.listeners import Listeners
from bot.commands.registry import SLASH
from bot.slack.clients import SlackClients
from bot.slack.direct_app import DirectApp

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


def bolt_app(listeners: Listeners, clients: SlackClients) -> AsyncApp:
    with _hidden_environment():
        app = DirectApp(
            SLASH,
            listeners.command,
            listeners.action,
            _unreadable,
            # Without one, Bolt looks through all modules for the file that made it.
            name=__name__,
            # Bolt takes its loggers' level from this one; from the root's, it would log bodies.
            logger=logging.getLogger("slack_bolt"),
            authorize=_authorizer(clients),
            signing_secret="",
            process_before_response=True,
            # `bot.slack.http_server` checks signatures; a Socket Mode connection is authenticated.
            request_verification_enabled=False,
        )
    app.command(SLASH)(listeners.command)
    app.action(re.compile(""))(listeners.action)
    app.view(re.compile(""))(listeners.submission)
    app.options(re.compile(""))(listeners.options)
    app.message_shortcut(re.compile(""))(listeners.shortcut)
    app.event(re.compile(""))(listeners.event)
    app.error(_unreadable)
    return app


@contextmanager
def _hidden_environment() -> Iterator[None]:
    """Bolt reads more settings from the environment than it is given, and complains about them."""
    hidden = {name: value for name, value in os.environ.items() if name.startswith("SLACK_")}
    for name in hidden:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(hidden)


def _authorizer(clients: SlackClients) -> Callable[..., Awaitable[AuthorizeResult]]:
    async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        # Most requests don't need the bot's identity, so nothing waits for it.
        identity = await clients.identity() if clients.is_known else None
        return AuthorizeResult(
            enterprise_id=enterprise_id,
            team_id=team_id,
            bot_id=identity.bot_id if identity else None,
            bot_user_id=identity.user_id if identity else None,
            bot_token=clients.token.get_secret_value(),
        )

    return authorize


async def _unreadable(error: Exception) -> BoltResponse:
    """Who asked is unknown, so nobody can be answered."""
    log.error("malformed request from Slack", exc_info=error)
    return BoltResponse(status=400)
