"""What must be so of what people wanted done with an endpoint, after everything has settled."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

from bot.domain.operations import OperationKind
from bot.sandbox.friendli.server import EndpointView
from tests.chaos.approvals import (
    DECISION,
    DECISION_AT_ONCE,
    EXTENSION,
    HOURS,
    KEEPING,
    MORE_HOURS,
    OPERATION_DECISION,
)
from tests.chaos.clicks import OperationView, Wish
from tests.chaos.operations import ACTS

_ENDS = ACTS[OperationKind.TERMINATE].name
_UPDATE = ACTS[OperationKind.UPDATE]
_GONE = "gone from Friendli"
_APPROVED = ("approved what ",)
_OF_A_DEPLOYMENT = ("approved it.", "rejected it")
_OF_AN_OPERATION = ("approved what ", "rejected what ")
# Hours that a run takes at most.
_LASTS = 0.1


def broken(
    name: str,
    wishes: Sequence[Wish],
    endpoints: Sequence[EndpointView],
    replies: Sequence[str],
    ends_at: datetime | None,
    answered: Callable[[Wish], bool],
) -> Iterator[str]:
    """Say which promises were broken about one endpoint.

    Args:
        name: Its name.
        wishes: What was wanted of it.
        endpoints: Those of its name.
        replies: Those of its thread.
        ends_at: When its time is over, as it is written down.
        answered: Whether a person was answered, here or directly.
    """
    for act in dict.fromkeys(wish.act for wish in wishes if wish.act is not None):
        own = [wish for wish in wishes if wish.act is act]
        if act.name == _ENDS:
            yield from _ended(name, own, endpoints, replies)
        elif act in (DECISION, DECISION_AT_ONCE):
            yield from _decided(name, own, replies, _OF_A_DEPLOYMENT, answered)
        elif act is OPERATION_DECISION:
            yield from _decided(name, own, replies, _OF_AN_OPERATION, answered)
        elif act.is_approved:
            yield from _approved(name, act, own, endpoints, replies)
            yield from _ends(name, act, replies, ends_at)
        else:
            yield from _done(name, act, own, endpoints, replies)


def _ended(
    name: str, wishes: Sequence[Wish], endpoints: Sequence[EndpointView], replies: Sequence[str]
) -> Iterator[str]:
    ended = all(one.status == "TERMINATED" for one in endpoints)
    told = any("didn't terminate" in reply for reply in replies)
    for wish in wishes:
        if wish.acknowledged and not ended and not wish.whispers and not told:
            yield f"nobody answered the click to end {name}"


def _decided(
    name: str,
    wishes: Sequence[Wish],
    replies: Sequence[str],
    words: Sequence[str],
    answered: Callable[[Wish], bool],
) -> Iterator[str]:
    decisions = _count(replies, words)
    if decisions > 1:
        yield f"{name} was decided about {decisions} times"
    # Of those who decided, the thread names one; the others are answered.
    unanswered = [wish for wish in wishes if wish.acknowledged and not answered(wish)]
    deciders = {wish.who for wish in unanswered}
    if len(deciders) > decisions:
        yield (
            f"{len(deciders)} decided about {name} without an answer, and {decisions} in its thread"
        )


def _approved(
    name: str,
    act: OperationView,
    wishes: Sequence[Wish],
    endpoints: Sequence[EndpointView],
    replies: Sequence[str],
) -> Iterator[str]:
    told = _count(replies, [act.asked])
    if any(wish.acknowledged and not told and not wish.whispers for wish in wishes):
        yield f"nobody answered the wish to {act.name} of {name}"
    if told > 1:
        yield f"{name}: {told} wishes to {act.name} are told, of one"
    if act in (EXTENSION, KEEPING):
        return
    wanted = _count(replies, _APPROVED) - _count(replies, act.refused)
    done = _times_done(act, endpoints)
    if done != wanted:
        yield f"{name}: done {done} times is what was approved {wanted} times: to {act.name}"


def _ends(
    name: str, act: OperationView, replies: Sequence[str], ends_at: datetime | None
) -> Iterator[str]:
    """The end is the one that was approved, or else the first."""
    is_approved = _count(replies, _APPROVED) > 0
    told = _count(replies, ["extended it by", "keeps it running:"])
    if act not in (EXTENSION, KEEPING):
        return
    if told != is_approved:
        yield f"{name}: the thread tells of {told} changes of its end"
    if act is KEEPING and is_approved:
        if ends_at is not None:
            yield f"{name} has an end, although it is to be kept"
        return
    hours = HOURS + (MORE_HOURS if is_approved else 0)
    left = (ends_at - datetime.now(UTC)).total_seconds() / 3600 if ends_at is not None else 0
    if not hours - _LASTS < left <= hours:
        yield f"{name} ends in {left:.2f} h instead of {hours}"


def _count(replies: Sequence[str], words: Sequence[str]) -> int:
    return sum(any(one in reply for one in words) for reply in replies)


def _done(
    name: str,
    act: OperationView,
    wishes: Sequence[Wish],
    endpoints: Sequence[EndpointView],
    replies: Sequence[str],
) -> Iterator[str]:
    told = sum(act.asked in reply for reply in replies)
    failed = sum(words in reply for reply in replies for words in act.refused)
    if any(wish.acknowledged and not told and not wish.whispers for wish in wishes):
        yield f"nobody answered the wish to {act.name} of {name}"
    most = 1 + failed if act.is_tried_again else sum(wish.clicks for wish in wishes)
    if told > most:
        yield f"{name}: {told} wishes to {act.name} are told, of {most}"
    done = _times_done(act, endpoints)
    succeeded = told - failed if act is _UPDATE else min(1, told - failed)
    if done != succeeded:
        yield (
            f"{name}: done {done} times is what was wanted: to {act.name}; the thread tells of"
            f" {told} wishes and {failed} failures"
        )
    gone = sum(_GONE in reply for reply in replies)
    if gone != (done if not act.leads_to else 0):
        yield f"{name}: {gone} times the thread tells that it is gone"


def _times_done(act: OperationView, endpoints: Sequence[EndpointView]) -> int:
    if act.name == _UPDATE.name:
        return sum(one.versions - 1 for one in endpoints)
    if not act.leads_to:
        return int(not endpoints)
    return int(any(one.status == act.leads_to for one in endpoints))
