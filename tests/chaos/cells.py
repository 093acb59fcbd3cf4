"""The matrix of crash tests: which fault at which step."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.domain.operations import OperationKind, operations_that
from bot.sandbox.faults import Call


class RequestKind(StrEnum):
    """The step; a request of the bot, unless its comment says otherwise."""

    CLICK = "click"
    """A user's click."""
    LIST = "list"
    """Before the create request."""
    CREATE = "create"
    LOOK = "look"
    """After the create request, for what that made."""
    ROOT = "root"
    """The status message is posted."""
    REPLY = "reply"
    EDIT = "edit"
    """The status message is updated."""
    POLL = "poll"
    """A list that shows something new."""
    LIFETIME = "lease"
    """From the end of a lifetime on."""
    SCHEDULE = "schedule"
    """From a schedule's due time on."""
    APPROVE = "approve"
    """From a decision on."""
    APPROVE_WAKE = "approve wake"
    """The request after an approval; so are the next two."""
    APPROVE_RESTART = "approve restart"
    APPROVE_UPDATE = "approve update"
    APPROVE_EXTEND = "approve extend"
    """From a decision on; so is the next."""
    APPROVE_KEEP = "approve keep"
    ANSWER = "answer"
    """The ephemeral answer to an acknowledged click."""
    SMOKE_TEST = "smoke test"
    """The test request of an endpoint that has started."""
    HISTORY = "history"
    """The search for a message whose post is doubtful."""
    ANY = "any"
    """No step: random times."""


SENT = operations_that(lambda facts: facts.client_call is not None)
Request = RequestKind | OperationKind
"""What the bot is at; an operation is the request of that operation."""


class Fault(StrEnum):
    """The fault."""

    KILL_ARRIVES = "kill on arrival"
    """SIGKILL before the other side acts."""
    KILL_ACTED = "kill when acted"
    """SIGKILL before the other side answers."""
    KILL_ANSWERED = "kill when answered"
    """SIGKILL up to 30 ms after the answer."""
    STALL = "stall"
    """SIGSTOP, and SIGCONT once the lease is over."""
    SUSPEND = "suspend"
    """A stall that also stops the process's clock, as when a machine sleeps."""
    LOST_REQUEST = "lost request"
    LOST_REPLY = "lost reply"
    TOO_MANY = "429"
    FAILS = "5xx"
    SLOW = "slow"
    """The answer comes after the bot's time limit."""
    GARBLED = "garbled"
    """The other side acts; its answer is unreadable."""
    CUT_OFF = "cut off"
    """The other side can't be reached for a while."""
    DATABASE = "database cut"
    """No database for a while."""
    SLACK_DOWN = "Slack down"
    FRIENDLI_DOWN = "Friendli down"
    BOTH_DOWN = "both down"
    EMPTY_LIST = "empty list"
    """Lists are empty for a while; single endpoints answer."""
    PROJECT_404 = "project 404"
    """The list is answered with 404 for a while."""
    MEMBERSHIP = "lost membership"
    """Lists are empty and endpoints are 404 for a while."""
    RESTARTED = "database restart"
    """The connection, on SQLite the process, dies in a transaction."""
    REVOKED = "token revoked"
    """Slack refuses the bot's token for a while."""
    UNREADABLE = "unreadable"
    """A reply is lost, and the history may not be read."""


KILLS = (Fault.KILL_ARRIVES, Fault.KILL_ACTED, Fault.KILL_ANSWERED)
_ANSWERS = (
    Fault.LOST_REQUEST,
    Fault.LOST_REPLY,
    Fault.TOO_MANY,
    Fault.FAILS,
    Fault.SLOW,
    Fault.GARBLED,
)
STALLS = (Fault.STALL, Fault.SUSPEND)
_OF_A_REQUEST = (*KILLS, *STALLS, *_ANSWERS, Fault.CUT_OFF, Fault.DATABASE)
# Of requests whose code path another step covers fully.
_OF_A_LIKE = (*KILLS, Fault.STALL, *_ANSWERS, Fault.CUT_OFF, Fault.DATABASE)
_OF_A_TIME = (*KILLS, *STALLS, Fault.LOST_REPLY, Fault.FAILS, Fault.CUT_OFF, Fault.DATABASE)
_OF_AN_APPROVED_REQUEST = (*KILLS, Fault.LOST_REPLY, Fault.TOO_MANY, Fault.DATABASE)
_OF_AN_APPROVED_END = (*KILLS, Fault.STALL, Fault.LOST_REPLY, Fault.DATABASE, Fault.RESTARTED)
LEASE_APPROVALS = (RequestKind.APPROVE_EXTEND, RequestKind.APPROVE_KEEP)
APPROVALS = (
    RequestKind.APPROVE,
    RequestKind.ANSWER,
    RequestKind.APPROVE_WAKE,
    RequestKind.APPROVE_RESTART,
    RequestKind.APPROVE_UPDATE,
    *LEASE_APPROVALS,
)
"""Where everything needs approval."""
_REQUESTS: Sequence[Request] = (
    RequestKind.LIST,
    RequestKind.CREATE,
    RequestKind.LOOK,
    RequestKind.ROOT,
    RequestKind.REPLY,
    RequestKind.EDIT,
    RequestKind.POLL,
    OperationKind.TERMINATE,
    OperationKind.UPDATE,
)


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the matrix."""

    request: Request
    fault: Fault

    @property
    def name(self) -> str:
        """Such as "create/lost-reply"."""
        return f"{self.request}/{self.fault}".replace(" ", "-").lower()


_MATRIX: Sequence[tuple[Sequence[Request], Sequence[Fault]]] = (
    ((RequestKind.CLICK,), (Fault.KILL_ANSWERED, *STALLS, Fault.DATABASE)),
    (_REQUESTS, _OF_A_REQUEST),
    (tuple(kind for kind in SENT if kind not in _REQUESTS), _OF_A_LIKE),
    ((RequestKind.LIFETIME, RequestKind.SCHEDULE, RequestKind.APPROVE), _OF_A_TIME),
    ((RequestKind.APPROVE, RequestKind.CLICK, RequestKind.CREATE), (Fault.RESTARTED,)),
    (
        (
            RequestKind.APPROVE_WAKE,
            RequestKind.APPROVE_RESTART,
            RequestKind.APPROVE_UPDATE,
        ),
        _OF_AN_APPROVED_REQUEST,
    ),
    (LEASE_APPROVALS, _OF_AN_APPROVED_END),
    ((RequestKind.ANSWER,), (Fault.KILL_ARRIVES,)),
    (
        (RequestKind.SMOKE_TEST,),
        (*KILLS, *STALLS, Fault.LOST_REPLY, Fault.TOO_MANY, Fault.FAILS, Fault.DATABASE),
    ),
    ((RequestKind.HISTORY,), (*KILLS, *STALLS, Fault.UNREADABLE)),
    (
        (RequestKind.ANY,),
        (
            Fault.KILL_ANSWERED,
            *STALLS,
            Fault.DATABASE,
            Fault.RESTARTED,
            Fault.REVOKED,
            Fault.SLACK_DOWN,
            Fault.FRIENDLI_DOWN,
            Fault.BOTH_DOWN,
            Fault.EMPTY_LIST,
            Fault.PROJECT_404,
            Fault.MEMBERSHIP,
        ),
    ),
)


def cells() -> Iterator[Cell]:
    """In the order of a deployment's life."""
    for steps, faults in _MATRIX:
        for step in steps:
            for fault in faults:
                yield Cell(step, fault)


# Which of the matching requests counts: a range to draw from.
FIRST_OF: dict[Request, tuple[int, int]] = {
    **dict.fromkeys(SENT, (1, 1)),
    RequestKind.LIST: (1, 2),
    RequestKind.CREATE: (1, 2),
    RequestKind.LOOK: (1, 2),
    RequestKind.ROOT: (1, 2),
    RequestKind.REPLY: (1, 5),
    RequestKind.EDIT: (1, 5),
    RequestKind.POLL: (1, 4),
    OperationKind.UPDATE: (1, 2),
    RequestKind.LIFETIME: (1, 4),
    RequestKind.SCHEDULE: (1, 4),
    RequestKind.APPROVE: (1, 5),
    RequestKind.APPROVE_WAKE: (1, 1),
    RequestKind.APPROVE_RESTART: (1, 1),
    RequestKind.APPROVE_UPDATE: (1, 1),
    RequestKind.APPROVE_EXTEND: (1, 3),
    RequestKind.APPROVE_KEEP: (1, 3),
    RequestKind.ANSWER: (1, 1),
    RequestKind.SMOKE_TEST: (1, 1),
    RequestKind.HISTORY: (1, 3),
}


def _calls(kind: OperationKind) -> frozenset[str]:
    return frozenset({kind.facts.client_call or ""})


_OPERATIONS: dict[Request, frozenset[str]] = {
    **{kind: _calls(kind) for kind in SENT},
    RequestKind.LIST: frozenset({"list_endpoints"}),
    RequestKind.CREATE: frozenset({"create_endpoint"}),
    RequestKind.LOOK: frozenset({"list_endpoints"}),
    RequestKind.ROOT: frozenset({"chat.postMessage"}),
    RequestKind.REPLY: frozenset({"chat.postMessage"}),
    RequestKind.EDIT: frozenset({"chat.update"}),
    RequestKind.POLL: frozenset({"list_endpoints"}),
    RequestKind.LIFETIME: frozenset({"chat.postMessage", "list_endpoints"})
    | _calls(OperationKind.TERMINATE),
    RequestKind.SCHEDULE: frozenset({"chat.postMessage", "list_endpoints"})
    | _calls(OperationKind.SLEEP),
    RequestKind.APPROVE: frozenset({"chat.postMessage", "chat.update", "list_endpoints"})
    | {"create_endpoint"},
    RequestKind.APPROVE_WAKE: _calls(OperationKind.WAKE),
    RequestKind.APPROVE_RESTART: _calls(OperationKind.RESTART),
    RequestKind.APPROVE_UPDATE: _calls(OperationKind.UPDATE),
    RequestKind.APPROVE_EXTEND: frozenset({"chat.postMessage", "chat.update"}),
    RequestKind.APPROVE_KEEP: frozenset({"chat.postMessage", "chat.update"}),
    RequestKind.ANSWER: frozenset({"response_url", "chat.postEphemeral"}),
    RequestKind.SMOKE_TEST: frozenset({"chat_completions"}),
    RequestKind.HISTORY: frozenset({"conversations.history", "conversations.replies"}),
}


def requests_of(
    request: Request,
    *,
    is_awaited: Callable[[], bool],
    is_created: Callable[[], bool],
    has_news: Callable[[], bool],
    is_due: Callable[[], bool],
) -> Callable[[Call], bool]:
    """Return which requests belong to a step.

    Args:
        is_awaited: A create request hasn't arrived yet.
        is_created: A create request has arrived.
        has_news: An endpoint shows what isn't stored yet.
        is_due: A lifetime or a schedule is due, or somebody has decided.
    """

    def belongs(call: Call) -> bool:
        if call.operation not in _OPERATIONS[request]:
            return False
        match request:
            case RequestKind.LIST:
                return is_awaited()
            case RequestKind.LOOK:
                return is_created()
            case (
                RequestKind.LIFETIME
                | RequestKind.SCHEDULE
                | RequestKind.APPROVE
                | RequestKind.ANSWER
            ):
                return is_due()
            case RequestKind.APPROVE_EXTEND | RequestKind.APPROVE_KEEP:
                return is_due()
            case RequestKind.POLL:
                return has_news()
            case RequestKind.ROOT:
                return not call.body.get("thread_ts")
            case RequestKind.REPLY:
                return bool(call.body.get("thread_ts"))
            case _:
                return True

    return belongs
