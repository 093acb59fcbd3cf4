"""What must be so of what people wanted done with an endpoint, after everything has settled."""

from collections.abc import Iterator, Sequence

from bot.sandbox.friendli.server import EndpointView
from tests.chaos.acts import ACTS
from tests.chaos.cells import Step
from tests.chaos.clicks import Act, Wish

_ENDS = ACTS[Step.TERMINATE].name
_DECISION = ACTS[Step.APPROVE]
_UPDATE = ACTS[Step.UPDATE]
_GONE = "gone from Friendli"


def broken(
    name: str, wishes: Sequence[Wish], endpoints: Sequence[EndpointView], replies: Sequence[str]
) -> Iterator[str]:
    """Say which promises were broken about one endpoint.

    Args:
        name: Its name.
        wishes: What was wanted of it.
        endpoints: Those of its name.
        replies: Those of its thread.
    """
    for act in dict.fromkeys(wish.act for wish in wishes if wish.act is not None):
        own = [wish for wish in wishes if wish.act is act]
        if act.name == _ENDS:
            yield from _ended(name, own, endpoints, replies)
        elif act is _DECISION:
            yield from _decided(name, own, replies)
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


def _decided(name: str, wishes: Sequence[Wish], replies: Sequence[str]) -> Iterator[str]:
    decisions = [reply for reply in replies if "approved it." in reply or "rejected it" in reply]
    if len(decisions) > 1:
        yield f"{name} was decided about {len(decisions)} times: {decisions}"
    for wish in wishes:
        if wish.acknowledged and not decisions and not wish.whispers:
            yield f"nobody answered the click that decides about {name}"


def _done(
    name: str,
    act: Act,
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


def _times_done(act: Act, endpoints: Sequence[EndpointView]) -> int:
    if act is _UPDATE:
        return sum(one.versions - 1 for one in endpoints)
    if not act.leads_to:
        return int(not endpoints)
    return int(any(one.status == act.leads_to for one in endpoints))
