"""Which events this process was told of already: Slack repeats those that are answered late."""

_KEPT = 1_000


class SeenEvents:
    """The newest events. Another replica may be told of a repeat, so this spares work, no more."""

    def __init__(self) -> None:
        self._ids: dict[str, None] = {}

    def is_new(self, event_id: str) -> bool:
        """Whether an event is told for the first time; from now on it isn't."""
        if event_id and event_id in self._ids:
            return False
        self._ids[event_id] = None
        while len(self._ids) > _KEPT:
            del self._ids[next(iter(self._ids))]
        return True
