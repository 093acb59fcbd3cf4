"""Show people their Home tabs: one drawing of a person's at a time, and none given up at once."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from weakref import WeakValueDictionary

import structlog

from bot.slack.calls import Failure, attempt
from bot.slack.workspaces import Workspaces

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

View = Mapping[str, Any]

_ATTEMPTS = 3
# In seconds. A person who looks at it for longer than this has opened it again.
_MOST_WAIT = 30.0
_PAUSE = 1.0


class HomeTabs:
    """The Home tabs of one workspace."""

    def __init__(self, workspaces: Workspaces) -> None:
        self._workspaces = workspaces
        self._drawing: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def publish(self, person_id: str, draw: Callable[[], Awaitable[View]]) -> bool:
        """Draw a person's Home tab and show it.

        It is drawn right before it is sent, so that of several in a row the last one shows what
        is so in the end.

        Args:
            person_id: Whose.
            draw: Makes the view from what is so now.

        Returns:
            Whether Slack took it.
        """
        async with self._drawing.setdefault(person_id, asyncio.Lock()):
            for left in reversed(range(_ATTEMPTS)):
                view = await draw()
                answer = await attempt(
                    self._workspaces.posting.views_publish(user_id=person_id, view=dict(view))
                )
                if not isinstance(answer, Failure):
                    return True
                # Publishing the same twice does no harm.
                again = answer.is_transient and answer.retry_after <= _MOST_WAIT and left
                log.warning("couldn't show a Home tab", error=answer.error, details=answer.details)
                if not again:
                    break
                await asyncio.sleep(answer.retry_after or _PAUSE)
        return False
