"""The promises about operations, checked once everything has settled."""

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
from tests.chaos.clicks import UserAction, UserRequest
from tests.chaos.operations import ACTIONS

_ENDS = ACTIONS[OperationKind.TERMINATE].name
_UPDATE = ACTIONS[OperationKind.UPDATE]
_GONE = "gone from Friendli"
_APPROVED = ("approved <@",)
_OF_A_DEPLOYMENT = ("approved it.", "rejected it")
_OF_AN_OPERATION = ("approved <@", "rejected <@")
# Hours of a run at most.
_LASTS = 0.1


def broken(
    name: str,
    requests: Sequence[UserRequest],
    endpoints: Sequence[EndpointView],
    replies: Sequence[str],
    ends_at: datetime | None,
    answered: Callable[[UserRequest], bool],
) -> Iterator[str]:
    """Describe the violations about one endpoint.

    Args:
        requests: About the endpoint.
        replies: Of its thread.
        ends_at: The stored end of its lifetime.
        answered: Whether a user got an answer.
    """
    for action in dict.fromkeys(
        request.action for request in requests if request.action is not None
    ):
        own = [request for request in requests if request.action is action]
        if action.name == _ENDS:
            yield from _ended(name, own, endpoints, replies)
        elif action in (DECISION, DECISION_AT_ONCE):
            yield from _decided(name, own, replies, _OF_A_DEPLOYMENT, answered)
        elif action is OPERATION_DECISION:
            yield from _decided(name, own, replies, _OF_AN_OPERATION, answered)
        elif action.is_approved:
            yield from _approved(name, action, own, endpoints, replies)
            yield from _ends(name, action, replies, ends_at)
        else:
            yield from _done(name, action, own, endpoints, replies)


def _ended(
    name: str,
    requests: Sequence[UserRequest],
    endpoints: Sequence[EndpointView],
    replies: Sequence[str],
) -> Iterator[str]:
    ended = all(one.status == "TERMINATED" for one in endpoints)
    posted = any("didn't terminate" in reply for reply in replies)
    for request in requests:
        if request.acknowledged and not ended and not request.ephemerals and not posted:
            yield f"nobody answered the click to end {name}"


def _decided(
    name: str,
    requests: Sequence[UserRequest],
    replies: Sequence[str],
    words: Sequence[str],
    answered: Callable[[UserRequest], bool],
) -> Iterator[str]:
    decisions = _count(replies, words)
    if decisions > 1:
        yield f"{name} was decided about {decisions} times"
    # The thread names one decider; the others are answered.
    unanswered = [request for request in requests if request.acknowledged and not answered(request)]
    deciders = {request.who for request in unanswered}
    if len(deciders) > decisions:
        yield (
            f"{len(deciders)} decided about {name} without an answer, and {decisions} in its thread"
        )


def _approved(
    name: str,
    action: UserAction,
    requests: Sequence[UserRequest],
    endpoints: Sequence[EndpointView],
    replies: Sequence[str],
) -> Iterator[str]:
    posted = _count(replies, [action.asked])
    if any(request.acknowledged and not posted and not request.ephemerals for request in requests):
        yield f"nobody answered the request to {action.name} of {name}"
    if posted > 1:
        yield f"{name}: {posted} requests to {action.name} are posted, of one"
    if action in (EXTENSION, KEEPING):
        return
    wanted = _count(replies, _APPROVED) - _count(replies, action.refused)
    done = _times_done(action, endpoints)
    if done != wanted:
        yield f"{name}: done {done} times is what was approved {wanted} times: to {action.name}"


def _ends(
    name: str, action: UserAction, replies: Sequence[str], ends_at: datetime | None
) -> Iterator[str]:
    """The end is the approved one, or else the first."""
    is_approved = _count(replies, _APPROVED) > 0
    posted = _count(replies, ["extended the lifetime by", "removed the lifetime:"])
    if action not in (EXTENSION, KEEPING):
        return
    if posted != is_approved:
        yield f"{name}: the thread has {posted} changes of its end"
    if action is KEEPING and is_approved:
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
    action: UserAction,
    requests: Sequence[UserRequest],
    endpoints: Sequence[EndpointView],
    replies: Sequence[str],
) -> Iterator[str]:
    posted = sum(action.asked in reply for reply in replies)
    failed = sum(words in reply for reply in replies for words in action.refused)
    if any(request.acknowledged and not posted and not request.ephemerals for request in requests):
        yield f"nobody answered the request to {action.name} of {name}"
    most = 1 + failed if action.is_tried_again else sum(request.clicks for request in requests)
    if posted > most:
        yield f"{name}: {posted} requests to {action.name} are posted, of {most}"
    done = _times_done(action, endpoints)
    succeeded = posted - failed if action is _UPDATE else min(1, posted - failed)
    if done != succeeded:
        yield (
            f"{name}: done {done} times is what was wanted: to {action.name}; the thread has"
            f" {posted} requests and {failed} failures"
        )
    gone = sum(_GONE in reply for reply in replies)
    if gone != (done if not action.leads_to else 0):
        yield f"{name}: {gone} times the thread tells that it is gone"


def _times_done(action: UserAction, endpoints: Sequence[EndpointView]) -> int:
    if action.name == _UPDATE.name:
        return sum(one.versions - 1 for one in endpoints)
    if not action.leads_to:
        return int(not endpoints)
    return int(any(one.status == action.leads_to for one in endpoints))
