"""Open modals and change them, within the few seconds that Slack gives."""

from collections.abc import Mapping
from typing import Any

import structlog

from bot.domain.errors import UserError
from bot.slack.calls import ErrorKind, Failure, attempt
from bot.slack.workspaces import Workspaces

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

View = Mapping[str, Any]

_TOO_LATE = {"expired_trigger_id", "exchanged_trigger_id", "trigger_expired", "invalid_trigger_id"}
# The person closed the modal meanwhile, or opened something else over it.
_CLOSED = {"not_found", "view_not_found", "no_view_found"}


class RefusedViewError(Exception):
    """Slack refuses a view that we built."""


class Modals:
    """Modals of one workspace."""

    def __init__(self, workspaces: Workspaces) -> None:
        self._workspaces = workspaces
        # Newest action of each view that this process has drawn, so that a slow older one
        # doesn't draw over it. Bounded: old views are forgotten first.
        self._newest: dict[str, str] = {}

    async def open(self, trigger_id: str, view: View) -> str:
        """Open a modal.

        Returns:
            Its view id.

        Raises:
            UserError: The three seconds that a click or a command allows are over.
        """
        answer = await attempt(
            self._workspaces.posting.views_open(trigger_id=trigger_id, view=dict(view))
        )
        if isinstance(answer, Failure):
            raise _unopened(answer)
        opened = answer.get("view")
        return str(opened.get("id") or "") if isinstance(opened, Mapping) else ""

    async def push(self, trigger_id: str, view: View) -> None:
        """Open a modal over the one in which something was clicked; errors as for `open`."""
        answer = await attempt(
            self._workspaces.posting.views_push(trigger_id=trigger_id, view=dict(view))
        )
        if isinstance(answer, Failure):
            raise _unopened(answer)

    async def replace(self, view_id: str, view: View) -> bool:
        """Draw a modal anew, whatever it shows now. Returns whether it was still open."""
        answer = await attempt(
            self._workspaces.posting.views_update(view_id=view_id, view=dict(view))
        )
        return self._drawn(answer)

    async def follow(self, shown: View, view: View, action_ts: str) -> None:
        """Draw a modal anew after something was chosen or typed in it.

        Quick actions overtake each other: an older one must not draw over a newer one.
        """
        view_id = str(shown["id"])
        if self._newest.get(view_id, "") > action_ts:
            return
        self._remember(view_id, action_ts)
        answer = await attempt(
            self._workspaces.posting.views_update(
                view_id=view_id, view=dict(view), hash=shown.get("hash")
            )
        )
        if isinstance(answer, Failure) and answer.error == "hash_conflict":
            # It changed since the action, yet no newer action is known: ours is the newest.
            if self._newest.get(view_id) == action_ts:
                await self.replace(view_id, view)
            return
        self._drawn(answer)

    def _drawn(self, answer: Mapping[str, object] | Failure) -> bool:
        if not isinstance(answer, Failure):
            return True
        if answer.error not in _CLOSED:
            log.warning("couldn't draw a modal", error=answer.error)
        return False

    def _remember(self, view_id: str, action_ts: str) -> None:
        self._newest.pop(view_id, None)
        self._newest[view_id] = action_ts
        while len(self._newest) > 1_000:
            self._newest.pop(next(iter(self._newest)))


def _unopened(failure: Failure) -> UserError | RefusedViewError:
    log.warning("couldn't open a modal", error=failure.error)
    if failure.error in _TOO_LATE or failure.kind is not ErrorKind.REFUSED:
        return UserError("Slack was too slow to open the form. Please try once more.")
    return RefusedViewError(failure.error)
