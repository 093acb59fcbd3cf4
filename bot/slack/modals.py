"""Opens and updates modals."""

from collections.abc import Mapping
from typing import Any

import structlog

from bot.domain.errors import UserError
from bot.slack.calls import ErrorKind, Failure, attempt
from bot.slack.clients import SlackClients
from bot.slack.responder import has_shown

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

View = Mapping[str, Any]

_EXPIRED = {"expired_trigger_id", "exchanged_trigger_id", "trigger_expired", "invalid_trigger_id"}
# The person closed the modal, or opened another one over it.
_CLOSED = {"not_found", "view_not_found", "no_view_found"}
_MAX_VIEWS = 1_000


class RefusedViewError(Exception):
    """Slack rejects a view: a defect of the bot."""


class Modals:
    """Of one workspace."""

    def __init__(self, clients: SlackClients) -> None:
        self._client = clients.posting
        # The newest action by view id, so that a slow update for an older one is skipped.
        self._newest_action: dict[str, str] = {}

    async def open(self, trigger_id: str, view: View) -> str:
        """Open a modal and return its view id.

        Raises:
            UserError: The trigger expired after three seconds, or Slack failed.
            RefusedViewError: Slack rejects the view.
        """
        return str((await self.show(trigger_id, view)).get("id") or "")

    async def show(self, trigger_id: str, view: View) -> View:
        """Open a modal and return it as Slack has it; raises as `open` does."""
        answer = await attempt(self._client.views_open(trigger_id=trigger_id, view=dict(view)))
        if isinstance(answer, Failure):
            raise _error(answer)
        has_shown()
        return _view_in(answer)

    async def push(self, trigger_id: str, view: View) -> None:
        """Open a modal over the one that was clicked in; raises as `open` does."""
        answer = await attempt(self._client.views_push(trigger_id=trigger_id, view=dict(view)))
        if isinstance(answer, Failure):
            raise _error(answer)

    async def replace(self, view_id: str, view: View) -> bool:
        """Returns whether the modal was still open."""
        answer = await attempt(self._client.views_update(view_id=view_id, view=dict(view)))
        return _is_updated(answer)

    async def replace_after(self, shown: View, view: View, action_ts: str) -> View | None:
        """Update a modal after an action in it, unless a newer action was handled first.

        Args:
            shown: The modal as Slack had it.
            view: What it becomes.
            action_ts: Of the action; '' for the opening.

        Returns:
            The modal as Slack has it now; None if it wasn't updated.
        """
        view_id = str(shown.get("id") or "")
        if not view_id or self._newest_action.get(view_id, "") > action_ts:
            return None
        self._remember(view_id, action_ts)
        answer = await attempt(
            self._client.views_update(view_id=view_id, view=dict(view), hash=shown.get("hash"))
        )
        if (
            isinstance(answer, Failure)
            and answer.error == "hash_conflict"
            # The view has changed since the action. If no newer action is known, ours is newest.
            and self._newest_action.get(view_id) == action_ts
        ):
            answer = await attempt(self._client.views_update(view_id=view_id, view=dict(view)))
        if isinstance(answer, Failure):
            _is_updated(answer)
            return None
        return _view_in(answer)

    def _remember(self, view_id: str, action_ts: str) -> None:
        self._newest_action.pop(view_id, None)
        self._newest_action[view_id] = action_ts
        while len(self._newest_action) > _MAX_VIEWS:
            self._newest_action.pop(next(iter(self._newest_action)))


def _view_in(answer: Mapping[str, object]) -> View:
    view = answer.get("view")
    return view if isinstance(view, Mapping) else {}


def _is_updated(answer: Mapping[str, object] | Failure) -> bool:
    if not isinstance(answer, Failure):
        return True
    if answer.error not in _CLOSED:
        log.warning("modal not updated", error=answer.error)
    return False


def _error(failure: Failure) -> UserError | RefusedViewError:
    log.warning("modal not opened", error=failure.error)
    if failure.error in _EXPIRED or failure.kind is not ErrorKind.REFUSED:
        return UserError("Slack was too slow to open the form. Please try once more.")
    return RefusedViewError(failure.error)
