"""Clients and identity of the workspaces that this bot is installed in."""

import asyncio
import json
import logging

import aiohttp
from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import PydanticSerializationError, to_json
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncServerErrorRetryHandler,
)
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.domain.process.file_descriptors import share
from bot.slack.calls import Failure, attempt
from bot.slack.http_session import BoundedResponse


class Identity(BaseModel):
    """What auth.test says about our token."""

    team_id: str = ""
    enterprise_id: str | None = None
    user_id: str
    bot_id: str | None = None
    url: str = ""


class SlackUnreachableError(Exception):
    """auth.test didn't answer with an identity.

    Attributes:
        error: Slack's error name, or the kind of transport error.
    """

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


def _json(document: object) -> bytes:
    # Five times as fast as the standard library's, which a form of many options feels.
    try:
        return to_json(document)
    except PydanticSerializationError:
        # A lone surrogate, which the standard library escapes and lets Slack judge.
        return json.dumps(document).encode()


class Workspaces:
    """One workspace, by the token in the settings.

    Args:
        token: The bot token.
        api_url: Base of the Web API, with a trailing slash.
        timeout: Seconds that one call may take.
    """

    def __init__(self, token: SecretStr, api_url: str, *, timeout: float) -> None:
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=timeout, connect=min(5.0, timeout)),
            connector=aiohttp.TCPConnector(limit=share(8, most=100)),
            response_class=BoundedResponse,
            json_serialize_bytes=_json,
        )
        self.token = token
        self._identity: Identity | None = None
        self._asking: asyncio.Task[Identity] | None = None
        # The SDK writes every request out for its log unless its logger itself has a level.
        logger = logging.getLogger("slack_sdk")
        # The SDK's default handlers would repeat a post whose answer was lost.
        self.posting = AsyncWebClient(
            token.get_secret_value(),
            base_url=api_url,
            session=self._session,
            retry_handlers=[],
            logger=logger,
        )
        # Reading twice does no harm, and neither does waiting a moment for it.
        self.reading = AsyncWebClient(
            token.get_secret_value(),
            base_url=api_url,
            session=self._session,
            retry_handlers=[AsyncConnectionErrorRetryHandler(), AsyncServerErrorRetryHandler()],
            logger=logger,
        )

    async def identity(self) -> Identity:
        """Who we are in Slack, asked once; who asks at the same time shares the answer.

        Raises:
            SlackUnreachableError: Slack didn't answer, or doesn't take our token.
        """
        if self._identity is None:
            if self._asking is None or self._asking.done():
                self._asking = asyncio.create_task(self._ask())
            # One that gives up waiting must not take the answer from the others.
            self._identity = await asyncio.shield(self._asking)
        return self._identity

    async def _ask(self) -> Identity:
        answer = await attempt(self.reading.auth_test())
        if isinstance(answer, Failure):
            raise SlackUnreachableError(answer.error)
        try:
            return Identity.model_validate(answer)
        except ValidationError:
            raise SlackUnreachableError("unreadable_answer") from None

    async def granted_scopes(self) -> frozenset[str]:
        """What our token may do, from a header of auth.test's answer; empty if there is none.

        Raises:
            SlackUnreachableError: Slack didn't answer, or doesn't take our token.
        """
        headers: dict[str, str] = {}

        async def ask() -> AsyncSlackResponse:
            response = await self.reading.auth_test()
            headers.update({name.lower(): value for name, value in response.headers.items()})
            return response

        answer = await attempt(ask())
        if isinstance(answer, Failure):
            raise SlackUnreachableError(answer.error)
        granted = headers.get("x-oauth-scopes", "").split(",")
        return frozenset(scope.strip() for scope in granted if scope.strip())

    async def refuses_app_token(self, token: SecretStr) -> str | None:
        """Why Socket Mode can't be used with an app token, by Slack's error; None if it can."""
        answer = await attempt(
            self.posting.apps_connections_open(app_token=token.get_secret_value())
        )
        return answer.error if isinstance(answer, Failure) else None

    @property
    def is_known(self) -> bool:
        """Whether auth.test has succeeded once."""
        return self._identity is not None

    @property
    def session(self) -> aiohttp.ClientSession:
        """The shared HTTP session, for response URLs."""
        return self._session

    async def close(self) -> None:
        """Close the HTTP session."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)
        await self._session.close()
