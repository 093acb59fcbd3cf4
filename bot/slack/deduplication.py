"""De-duplicates events: Slack repeats those that are acknowledged late."""

_MAX_IDS = 1_000


class EventDeduplicator:
    """The ids of the newest events. Saves work only: a repeat may reach another replica."""

    def __init__(self) -> None:
        self._ids: dict[str, None] = {}

    def is_new(self, event_id: str) -> bool:
        if event_id and event_id in self._ids:
            return False
        self._ids[event_id] = None
        while len(self._ids) > _MAX_IDS:
            del self._ids[next(iter(self._ids))]
        return True
