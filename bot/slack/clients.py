"""Slack's Web API clients, and the bot's identity by auth.test."""

import asyncio
import json
import logging
from json import JSONDecodeError
from typing import Any

import aiohttp
from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import PydanticSerializationError, to_json
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncServerErrorRetryHandler,
)
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.domain.process.bounded_body import LargeBodies, TooLargeError
from bot.domain.process.file_descriptors import share
from bot.slack.calls import Failure, attempt

# A thousand channels, or two hundred messages with their blocks, take a fraction of this.
_MAX_BODY_BYTES = 4_000_000
_large_bodies = LargeBodies()


class Identity(BaseModel):
    """auth.test's answer."""

    team_id: str = ""
    enterprise_id: str | None = None
    user_id: str
    bot_id: str | None = None
    url: str = ""


class SlackUnreachableError(Exception):
    """Slack didn't answer, or refuses a token.

    Attributes:
        error: Slack's error name, or the class of the transport error.
    """

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


class SlackClients:
    """The clients of one workspace; they share an HTTP session.

    Attributes:
        posting: Never retries: a repeated post whose answer was lost would appear twice.
        reading: Retries after connection and server errors.

    Args:
        api_url: With a trailing slash.
        timeout: Seconds per call.
    """

    def __init__(self, token: SecretStr, api_url: str, *, timeout: float) -> None:
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=timeout, connect=min(5.0, timeout)),
            connector=aiohttp.TCPConnector(limit=share(8, most=100)),
            response_class=_BoundedResponse,
            json_serialize_bytes=_json,
        )
        self.token = token
        self._identity: Identity | None = None
        self._auth_test: asyncio.Task[Identity] | None = None
        # The SDK formats every request for its log unless its logger itself has a level.
        logger = logging.getLogger("slack_sdk")
        self.posting = _PostingClient(
            token.get_secret_value(),
            base_url=api_url,
            session=self._session,
            retry_handlers=[],
            logger=logger,
        )
        self.reading = AsyncWebClient(
            token.get_secret_value(),
            base_url=api_url,
            session=self._session,
            retry_handlers=[AsyncConnectionErrorRetryHandler(), AsyncServerErrorRetryHandler()],
            logger=logger,
        )

    async def identity(self) -> Identity:
        """Cached; concurrent callers share one request.

        Raises:
            SlackUnreachableError: See there.
        """
        if self._identity is None:
            if self._auth_test is None or self._auth_test.done():
                self._auth_test = asyncio.create_task(self._request_identity())
            # Shielded: a cancelled caller must not cancel the others' request.
            self._identity = await asyncio.shield(self._auth_test)
        return self._identity

    async def _request_identity(self) -> Identity:
        answer = await attempt(self.reading.auth_test())
        if isinstance(answer, Failure):
            raise SlackUnreachableError(answer.error)
        try:
            return Identity.model_validate(answer)
        except ValidationError:
            raise SlackUnreachableError("unreadable_answer") from None

    async def granted_scopes(self) -> frozenset[str]:
        """From a header of auth.test; empty if it is missing.

        Raises:
            SlackUnreachableError: See there.
        """
        headers: dict[str, str] = {}

        async def auth_test() -> AsyncSlackResponse:
            response = await self.reading.auth_test()
            headers.update({name.lower(): value for name, value in response.headers.items()})
            return response

        answer = await attempt(auth_test())
        if isinstance(answer, Failure):
            raise SlackUnreachableError(answer.error)
        granted = headers.get("x-oauth-scopes", "").split(",")
        return frozenset(scope.strip() for scope in granted if scope.strip())

    async def socket_url(self, app_token: SecretStr) -> str:
        """For one Socket Mode connection.

        Raises:
            SlackUnreachableError: See there.
        """
        answer = await attempt(
            self.posting.apps_connections_open(app_token=app_token.get_secret_value())
        )
        if isinstance(answer, Failure):
            raise SlackUnreachableError(answer.error)
        url = answer.get("url")
        if not isinstance(url, str):
            raise SlackUnreachableError("no_url")
        return url

    @property
    def is_known(self) -> bool:
        """Whether `identity` is cached."""
        return self._identity is not None

    @property
    def session(self) -> aiohttp.ClientSession:
        """Shared, for response URLs."""
        return self._session

    async def close(self) -> None:
        if self._auth_test is not None:
            self._auth_test.cancel()
            await asyncio.gather(self._auth_test, return_exceptions=True)
        await self._session.close()


class _PostingClient(AsyncWebClient):
    """Makes requests without the SDK's bookkeeping for retries, of which there are none."""

    async def _request(
        self, *, http_verb: str, api_url: str, req_args: dict[str, Any]
    ) -> dict[str, Any]:
        assert self.session is not None  # noqa: S101 - for the type checker
        async with self.session.request(http_verb, api_url, **req_args) as response:
            data: object = {}
            if response.content_type == "text/plain":
                data = await response.text()
            else:
                try:
                    data = await response.json()
                except aiohttp.ContentTypeError:
                    # Without data the SDK treats it as a failure.
                    pass
                except JSONDecodeError:
                    raise _unreadable(response) from None
            return {"data": data, "headers": response.headers, "status_code": response.status}


def _unreadable(response: aiohttp.ClientResponse) -> Exception:
    error: Exception = SlackApiError("The answer isn't JSON.", response)  # type: ignore[no-untyped-call]
    return error


class _BoundedResponse(aiohttp.ClientResponse):
    """Limits the size of a body, which slack_sdk reads as a whole."""

    async def read(self) -> bytes:
        if self._body is None:
            try:
                async with _large_bodies.reading() as reader:
                    self._body = await reader.read(self.content.iter_any(), _MAX_BODY_BYTES)
            except BaseException as error:
                self.close()
                if isinstance(error, TooLargeError):
                    raise aiohttp.ClientPayloadError("too many bytes") from None
                raise
        return self._body


def _json(document: object) -> bytes:
    # Five times as fast as the standard library's, noticeable in a form with many options.
    try:
        return to_json(document)
    except PydanticSerializationError:
        # A lone surrogate: the standard library escapes it.
        return json.dumps(document).encode()
