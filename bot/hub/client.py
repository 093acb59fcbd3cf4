"""Asks the Hugging Face Hub whether a model exists, within the time that Slack leaves.

The Hub limits anonymous requests per address (500 in five minutes), so answers are kept.
"""

import asyncio
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self
from urllib.parse import quote

import httpx

from bot import logs

log = logs.get(__name__)

# Slack gives up on a request after three seconds, and the database has its part of them.
_ANSWER_SECONDS = 1.0
_KEPT_SECONDS = {True: 3600.0, False: 60.0, None: 5.0}
_MOST_KEPT = 1_000


class HubClient:
    """Asks one Hub.

    Args:
        endpoint: Its address, such as `HF_ENDPOINT`.
        clock: Seconds, by which answers are kept.
    """

    def __init__(self, endpoint: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._clock = clock
        # By name: the answer, and when to ask again; the oldest first.
        self._kept: dict[str, tuple[bool | None, float]] = {}
        self._client = httpx.AsyncClient(headers={"User-Agent": "friendli-deploy"})

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.aclose()

    async def has(self, model: str) -> bool | None:
        """Whether the Hub has a public model of this name; None if it doesn't say in time.

        It answers 401 or 404 for what is private or doesn't exist, and leads a model that has got
        an organisation since, such as "gpt2", to its new name.
        """
        known, until = self._kept.pop(model, (None, 0.0))
        if self._clock() < until:
            self._kept[model] = (known, until)
            return known
        answer = await self._ask(model)
        self._kept[model] = (answer, self._clock() + _KEPT_SECONDS[answer])
        while len(self._kept) > _MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        return answer

    async def _ask(self, model: str) -> bool | None:
        url = f"{self._endpoint}/api/models/{quote(model)}"
        try:
            async with (
                asyncio.timeout(_ANSWER_SECONDS),
                # The body may be long, and says nothing that is asked here.
                self._client.stream("GET", url) as answer,
            ):
                status = answer.status_code
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as error:
            log.warning("couldn't ask the Hub for a model", error=type(error).__name__)
            return None
        if status == 200 or status in {301, 302, 307, 308}:
            return True
        if status in {400, 401, 404}:
            return False
        log.warning("the Hub doesn't say whether it has a model", status=status)
        return None
