"""The promises, checked by what the sandboxes saw once everything has settled."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.domain.deployment_state import OVER, DeploymentState
from bot.domain.statuses import facts_of
from bot.messages.body import POSSIBLE_REPEAT
from bot.sandbox.environment import Environment
from bot.sandbox.friendli.server import EndpointView
from bot.sandbox.slack.conversations import Channel, Message
from tests.chaos.clicks import UserRequest
from tests.chaos.operation_checks import broken
from tests.chaos.scenario import BORN, Lifecycles
from tests.chaos.thread_assertions import thread_violations

_UNMADE_WORDS = (
    "wasn't created",
    "was cancelled",
    "is being cancelled",
    "wasn't approved",
    "is waiting for approval",
    "is gone",
)
_UNMADE = OVER | {DeploymentState.PROPOSED}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a run left.

    Attributes:
        channels: Where users asked.
        creates: Create requests by name, without those answered with 429.
        updates: Update requests.
        tests: Test requests by endpoint.
        test_attempts: Those that the bot had committed before; None if unknown.
        unknown: Requests that belong to no step.
        unapproved: Names in create requests that came before an approval.
        lifecycles: What endpoints showed, and what the bot stored.
        repeats_allowed: The history couldn't be read.
    """

    env: Environment
    channels: Sequence[Channel]
    deploy_requests: Sequence[UserRequest]
    requests: Sequence[UserRequest]
    creates: Mapping[str, int]
    updates: Sequence[str]
    tests: Mapping[str, int]
    test_attempts: Mapping[str, int] | None
    unknown: Sequence[str]
    unapproved: Sequence[str]
    lifecycles: Lifecycles
    repeats_allowed: bool


@dataclass(frozen=True, slots=True)
class _Thread:
    """A deployment's messages in Slack, by sequence and time."""

    deployment: str
    messages: dict[int, list[Message]]

    @property
    def root(self) -> Message | None:
        # Of an allowed repeat, the bot knows the later one.
        return next(reversed(self.messages.get(0, ())), None)

    @property
    def replies(self) -> list[Message]:
        return [
            copies[0] for sequence, copies in sorted(self.messages.items()) if sequence and copies
        ]


def violations(evidence: Evidence) -> list[str]:
    """Describe every violated promise."""
    threads = _threads(evidence.channels)
    return [
        *_requests(evidence),
        *_endpoints(evidence, threads),
        *(words for thread in threads for words in _order(thread, evidence)),
        *_transitions(evidence, threads),
        *_roots(evidence, threads),
        *_answers(evidence, threads),
    ]


def _threads(channels: Sequence[Channel]) -> list[_Thread]:
    found: defaultdict[str, defaultdict[int, list[Message]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for channel in channels:
        for message in channel.messages.values():
            payload = (message.metadata or {}).get("event_payload")
            if not message.by_app or message.deleted or not isinstance(payload, dict):
                continue
            # Announcements belong to none.
            if payload.get("deployment"):
                found[str(payload["deployment"])][int(payload["sequence"])].append(message)
    return [
        _Thread(deployment, {at: sorted(copies, key=_ts) for at, copies in messages.items()})
        for deployment, messages in found.items()
    ]


def _requests(evidence: Evidence) -> Iterator[str]:
    for what in dict.fromkeys(evidence.unknown):
        yield f"no step of the crash runs is about {what}: give it one"
    for name, count in evidence.creates.items():
        if count > 1:
            yield f"{count} create requests for one click ({name})"
    for what, count in Counter(evidence.updates).items():
        if count > 1:
            yield f"{count} update requests for one user request ({what})"
    for endpoint, count in evidence.tests.items():
        committed = (evidence.test_attempts or {}).get(endpoint, 0)
        if evidence.test_attempts is not None and count > committed:
            yield f"{count} test requests to {endpoint}, and {committed} were committed before"
    for name in evidence.unapproved:
        yield f"{name} was asked for before anybody had approved it"


def _endpoints(evidence: Evidence, threads: Sequence[_Thread]) -> Iterator[str]:
    ours = {
        request.name: evidence.lifecycles.endpoints(request.name)
        for request in evidence.deploy_requests
    }
    for name, made in ours.items():
        if len(made) > 1:
            yield f"{len(made)} endpoints for one click ({name})"
        for endpoint in made:
            knowing = [thread for thread in threads if thread.root and _names(thread, endpoint)]
            if len(knowing) != 1:
                yield f"{len(knowing)} threads know the endpoint of {name}"
    for endpoint in evidence.env.friendli.endpoints.values():
        if endpoint.name not in ours:
            for thread in threads:
                if thread.root and _names(thread, endpoint):
                    yield f"a thread took {endpoint.name}, which isn't ours, for its own"


def _names(thread: _Thread, endpoint: EndpointView) -> bool:
    return thread.root is not None and endpoint.id in thread.root.words


def _order(thread: _Thread, evidence: Evidence) -> Iterator[str]:
    of = f"of the thread {_title(thread)}"
    for sequence, copies in sorted(thread.messages.items()):
        unmarked = [copy for copy in copies if POSSIBLE_REPEAT not in copy.words + copy.text]
        if len(unmarked) < len(copies) and not evidence.repeats_allowed:
            yield f"message {sequence} {of} is marked as a possible repeat without need"
        if len(copies) > 1 and (len(unmarked) > 1 or not evidence.repeats_allowed):
            yield f"message {sequence} {of} stands there {len(copies)} times"
    present = sorted(thread.messages)
    if present != list(range(len(present))):
        yield f"messages {of} have gaps: {present}"
    firsts = [thread.messages[sequence][0] for sequence in present]
    if [one.ts for one in firsts] != sorted((one.ts for one in firsts), key=float):
        yield f"messages {of} stand in the wrong order"
    root = thread.root
    for reply in thread.replies:
        if root is not None and reply.thread_ts != root.ts:
            yield f"a reply {of} stands elsewhere: {reply.text!r}"


def _transitions(evidence: Evidence, threads: Sequence[_Thread]) -> Iterator[str]:
    for row in evidence.lifecycles.stored.values():
        thread = next((one for one in threads if one.deployment == row.public_id), None)
        if row.endpoint_id is None or thread is None:
            continue
        # A termination may have hidden the last status.
        ended = any(one.status == "TERMINATED" for one in evidence.lifecycles.endpoints(row.name))
        shown = evidence.lifecycles.shown.get(row.name, [BORN])
        replies = [reply.text for reply in thread.replies]
        for words in thread_violations(row.endpoint_id, shown, replies, is_terminated=ended):
            yield f"{words} in the thread {_title(thread)}"


def _roots(evidence: Evidence, threads: Sequence[_Thread]) -> Iterator[str]:
    for row in evidence.lifecycles.stored.values():
        thread = next((one for one in threads if one.deployment == row.public_id), None)
        if thread is None or thread.root is None:
            continue
        made = evidence.lifecycles.endpoints(row.name)
        said = thread.root.text
        if made and not _fits(said, made[0]):
            yield f"the root says {said!r} and the endpoint is {made[0].status}"
        if not made and not any(words in said for words in _UNMADE_WORDS):
            yield f"the root says {said!r} and there is no endpoint"


def _fits(said: str, endpoint: EndpointView) -> bool:
    words = {"FAILED": "failed while"}
    return words.get(endpoint.status, facts_of(endpoint.status).sentence) in said


def _answers(evidence: Evidence, threads: Sequence[_Thread]) -> Iterator[str]:
    for request in evidence.deploy_requests:
        row = evidence.lifecycles.stored.get(request.name)
        thread = next((one for one in threads if row and one.deployment == row.public_id), None)
        told_directly = any(request.name in words for words in _direct(evidence.env, request))
        if thread is None:
            if request.acknowledged and not request.ephemerals and not told_directly:
                yield f"nobody answered the click for {request.name}"
            continue
        if not evidence.lifecycles.endpoints(request.name) and (
            row is None or row.state not in _UNMADE
        ):
            yield f"{request.name} has no endpoint, and its thread doesn't say so"
    for name in dict.fromkeys(request.name for request in evidence.requests):
        row = evidence.lifecycles.stored.get(name)
        thread = next((one for one in threads if row and one.deployment == row.public_id), None)
        replies = [reply.text for reply in thread.replies] if thread else []
        requests = [request for request in evidence.requests if request.name == name]
        yield from broken(
            name,
            requests,
            evidence.lifecycles.endpoints(name),
            replies,
            row.ends_at if row else None,
            lambda request: bool(request.ephemerals or _direct(evidence.env, request)),
        )


def _direct(env: Environment, request: UserRequest) -> list[str]:
    channel = env.slack.direct_message(request.who.user)
    return [message.text for message in channel.messages.values() if not message.deleted]


def _title(thread: _Thread) -> str:
    return repr(thread.root.text) if thread.root else thread.deployment


def _ts(message: Message) -> float:
    return float(message.ts)
