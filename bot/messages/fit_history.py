"""Words for what was seen of a model's fit. Plain text, which is mrkdwn too."""

from datetime import datetime, timedelta

from bot.domain.fit_history import FitEvidence, FitOutcome
from bot.domain.instances import InstanceOption

_DAY = timedelta(days=1)


def evidence_words(evidence: FitEvidence, option: InstanceOption, present: datetime) -> str:
    """Such as "served on this GPU 3 times" or "ran out of memory here yesterday".

    Args:
        option: The one in question; evidence from another one names it.
    """
    is_here = evidence.option == option
    other = "" if evidence.is_same_revision else " (another revision)"
    if evidence.outcome is FitOutcome.SERVED:
        gpus = "this GPU" if option.count == 1 else "these GPUs"
        where = gpus if is_here else evidence.option.label
        return f"served on {where} {_times(evidence.times)}{other}"
    where = "here" if is_here else f"on {evidence.option.label}"
    return f"ran out of memory {where} {_ago(present - evidence.last_at)}{other}"


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _ago(passed: timedelta) -> str:
    # Menus show no dates in the reader's time zone.
    minutes = int(passed.total_seconds() // 60)
    if minutes < 1:
        return "just now"
    if minutes < 60:
        return f"{minutes} min ago"
    if passed < _DAY:
        return f"{minutes // 60} h ago"
    return "yesterday" if passed < 2 * _DAY else f"{passed.days} days ago"
