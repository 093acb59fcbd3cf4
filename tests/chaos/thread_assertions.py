"""What a thread must contain, given its endpoint's statuses: each once, in order."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from bot.domain.statuses import PHASES
from bot.sandbox.friendli.timeline import Segment

_SERVES = "* went live"
_SERVES_AGAIN = "Live again"
_AFTER: dict[str, dict[str, str]] = {
    "RUNNING": {"UPDATING": "The new version is live", "AWAKING": "Awake and live again"},
    "INITIALIZING": {"FAILED": "Starting again.", "TERMINATED": "Starting again."},
}
ALWAYS = {
    "AWAKING": "Waking up.",
    "UPDATING": "Rolling out a new version.",
    "FAILED": "failed while",
    "SLEEPING": "while asleep; any request wakes it.",
    "TERMINATED": "Terminated. $0.00/h",
}
_PROGRESS = {phase: f"{words.progress}." for phase, words in PHASES.items()}
# The first phase is posted with the start.
_KNOWN = [
    *ALWAYS.values(),
    *(words for after in _AFTER.values() for words in after.values()),
    *list(_PROGRESS.values())[1:],
    _SERVES,
    _SERVES_AGAIN,
]


def thread_violations(
    endpoint_id: str, shown: Sequence[Segment], replies: Sequence[str], *, is_terminated: bool
) -> Iterator[str]:
    """Describe what is missing, repeated or out of order.

    Args:
        shown: The endpoint's statuses, without its end.
        is_terminated: It was terminated then, so that the last status may have passed unseen.
    """
    made = f": `{endpoint_id}`"
    wanted = [made, *_wanted(shown)]
    end = [ALWAYS["TERMINATED"]] if is_terminated else []
    known = dict.fromkeys([made, *_KNOWN])
    # The test request of a start is no status.
    about = [reply for reply in replies if "test request" not in reply]
    posted = [words for reply in about for words in known if words in reply]
    unseen = [*wanted[:-1], *end]
    if posted != [*wanted, *end] and not (is_terminated and len(wanted) > 1 and posted == unseen):
        yield f"posted are {posted} instead of {[*wanted, *end]}"


def _wanted(shown: Sequence[Segment]) -> Iterator[str]:
    has_served = False
    for before, leg in pairwise(shown):
        serves = _SERVES_AGAIN if has_served else _SERVES
        usual = _PROGRESS.get(leg.phase or "", serves)
        yield ALWAYS.get(leg.status) or _AFTER.get(leg.status, {}).get(before.status, usual)
        has_served |= leg.status in ("RUNNING", "UPDATING")
