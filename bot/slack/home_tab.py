"""Publishes Home tabs: one at a time per person, with retries."""

import asyncio
from collections.abc import Awaitable, Callable
from weakref import WeakValueDictionary

import structlog

from bot.slack.calls import Failure, attempt
from bot.slack.clients import SlackClients
from bot.slack.modals import View

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

_ATTEMPTS = 3
# Seconds. After a longer wait the person has left the tab or opened it again.
_MAX_WAIT = 30.0
_RETRY_WAIT = 1.0


class HomeTabs:
    """Of one workspace."""

    def __init__(self, clients: SlackClients) -> None:
        self._clients = clients
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def publish(self, person_id: str, render: Callable[[], Awaitable[View]]) -> bool:
        """Render and publish a person's Home tab. Returns whether Slack accepted it.

        Rendered under the person's lock before each attempt: the last call shows the newest state.
        """
        async with self._locks.setdefault(person_id, asyncio.Lock()):
            for attempts_left in reversed(range(_ATTEMPTS)):
                view = await render()
                answer = await attempt(
                    self._clients.posting.views_publish(user_id=person_id, view=dict(view))
                )
                if not isinstance(answer, Failure):
                    return True
                # views.publish is idempotent.
                may_retry = answer.is_transient and answer.retry_after <= _MAX_WAIT
                log.warning("Home tab not published", error=answer.error, details=answer.details)
                if not (may_retry and attempts_left):
                    break
                await asyncio.sleep(answer.retry_after or _RETRY_WAIT)
        return False
