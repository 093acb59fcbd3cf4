"""trigger_ids: an app may open a modal for three seconds after an interaction."""

from dataclasses import dataclass

from bot.sandbox.clock import SandboxClock
from bot.sandbox.slack.identifiers import Identifiers


@dataclass(slots=True)
class Trigger:
    """The right to open one modal.

    Attributes:
        minted: Seconds on the workspace's monotonic clock.
    """

    user_id: str
    minted: float
    view_id: str | None = None
    exchanged: bool = False


class TriggerError(Exception):
    """An invalid trigger_id; the argument is Slack's error name."""


class Triggers:
    def __init__(self, ids: Identifiers, clock: SandboxClock) -> None:
        self._ids = ids
        self._clock = clock
        self._triggers: dict[str, Trigger] = {}

    def mint(self, user_id: str, view_id: str | None = None) -> str:
        trigger_id = self._ids.trigger(self._clock.now())
        self._triggers[trigger_id] = Trigger(user_id, self._clock.monotonic(), view_id)
        return trigger_id

    def exchange(self, trigger_id: str, lifetime: float) -> Trigger:
        """Use up a trigger_id that is at most `lifetime` seconds old.

        Raises:
            TriggerError: invalid_trigger_id, exchanged_trigger_id or expired_trigger_id.
        """
        trigger = self._triggers.get(trigger_id)
        if trigger is None:
            raise TriggerError("invalid_trigger_id")
        if trigger.exchanged:
            raise TriggerError("exchanged_trigger_id")
        if self._clock.monotonic() - trigger.minted > lifetime:
            raise TriggerError("expired_trigger_id")
        trigger.exchanged = True
        return trigger
