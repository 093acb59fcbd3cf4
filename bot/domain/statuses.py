"""One row per endpoint status: what it means, and its words. Every set of statuses derives from it.

The words are mrkdwn in English, as people read them in Slack.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from types import MappingProxyType

from bot.domain.enum_table import table
from bot.domain.schemas import InferenceDeploymentStatus as Status
from bot.domain.schemas import Phase


class Kind(StrEnum):
    """What a status means for availability and cost."""

    MOVING = "moving"
    """On its way to another status."""
    SERVING = "serving"
    """At least one replica serves, and is billed."""
    RESTING = "resting"
    """No GPU is held; the endpoint can be woken."""
    ENDED = "ended"
    """Failed or gone; a restart brings it back."""
    UNKNOWN = "unknown"
    """The API can't say, or says what this bot doesn't know."""


class Billing(Enum):
    """Whether an endpoint is billed in a status."""

    YES = "yes"
    NO = "no"
    AS_BEFORE = "as_before"
    """As in the status before; not if there was none."""
    AS_BEFORE_OR_FIRST = "as_before_or_first"
    """As in the status before; billed if there was none."""


@dataclass(frozen=True, slots=True)
class StatusReply:
    """The thread's reply to a status.

    Attributes:
        requested: When an operation of this bot led to it.
        elsewhere: When none did; '' for the same words.
        when_idle: When none did and the endpoint scales to zero, with `{cooldown}` for its
            cool-down; '' for the words of `elsewhere`.
    """

    requested: str
    elsewhere: str = ""
    when_idle: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusFacts:
    """What is true of an endpoint in one status, and how people are told.

    Attributes:
        name: Completes "the endpoint is …".
        kind: What kind of status it is.
        mark: The sign before its name, wherever it is shown; never without a word.
        rank: Lists show smaller ranks first.
        billing: Whether it is billed.
        comes_up: It will serve, and doesn't yet.
        goes_down: It will rest or end. What is asked of it meanwhile has no effect.
        has_phases: The API shows a phase that belongs to it; otherwise a phase is a remnant.
        may_be_woken: Friendli takes a wake request.
        may_be_updated: Friendli takes an update.
        in_sleep_cycle: Part of the sleeping and waking of an autoscaler.
        has_error_code: The API says why it is so.
        ends_in: Where it ends if all goes well; only, and always, with `goes_down`.
        ended_as: Completes "<name> …"; only, and always, with `Kind.ENDED`.
        note: The status message's second line; '' for none.
        short_note: The same for `status`; None for the same words.
        update_note: What an update at rest leads to; only, and always, where one is taken.
        reply: None where the reply is made from the endpoint's history.
        stuck_advice: What to do when it lasts too long; '' for the usual advice.
    """

    name: str
    kind: Kind
    mark: str
    rank: int
    billing: Billing
    comes_up: bool = False
    goes_down: bool = False
    has_phases: bool = False
    may_be_woken: bool = False
    may_be_updated: bool = False
    in_sleep_cycle: bool = False
    has_error_code: bool = False
    ends_in: frozenset[str] = frozenset()
    ended_as: str = ""
    note: str = ""
    short_note: str | None = None
    update_note: str = ""
    reply: StatusReply | None = None
    stuck_advice: str = ""

    def __post_init__(self) -> None:
        """Refuse a row that contradicts itself.

        Raises:
            ValueError: It does.
        """
        has_own_reply = self.serves or self.comes_up or self.has_error_code
        for holds, rule in (
            (not (self.comes_up or self.goes_down) or self.kind is Kind.MOVING, "moves"),
            (self.goes_down == bool(self.ends_in), "says where it ends if it goes down"),
            ((self.kind is Kind.ENDED) == bool(self.ended_as), "says how it ended if it has"),
            (has_own_reply or bool(self.reply) or self.kind is Kind.UNKNOWN, "has a reply"),
            (self.is_at_rest or not self.may_be_woken, "is at rest if it may be woken"),
            (
                (self.is_at_rest and self.may_be_updated) == bool(self.update_note),
                "says when an update runs if it is taken at rest",
            ),
            (self.kind is not Kind.RESTING or self.may_be_woken, "may be woken if it rests"),
        ):
            if not holds:
                raise ValueError(f"the status {self.name!r} breaks a rule: it {rule}")

    @property
    def serves(self) -> bool:
        """At least one replica answers."""
        return self.kind is Kind.SERVING

    @property
    def is_over(self) -> bool:
        """It failed or was terminated."""
        return self.kind is Kind.ENDED

    @property
    def is_at_rest(self) -> bool:
        """It holds no GPU, and stays so until somebody acts or a request arrives."""
        return self.kind in (Kind.RESTING, Kind.ENDED)

    @property
    def sentence(self) -> str:
        """Completes "<name> …", such as "is live" or "was terminated"."""
        return self.ended_as or f"is {self.name}"

    @property
    def note_in_status(self) -> str:
        """The second line of `status`."""
        return self.note if self.short_note is None else self.short_note


LIVE_MARK = "🟢"
STARTING_MARK = "🟡"
UPDATING_MARK = "🟠"
ASLEEP_MARK = "😴"
FAILED_MARK = "🔴"
ENDED_MARK = "⚪"
WAITING_MARK = "🔵"
CHECKING_MARK = "❓"

_WITH_OLD_VERSION = "The previous version stays live until the new one is ready."
_COSTS_NOTHING_ASLEEP = "$0.00/h while asleep; any request wakes it."
_CANT_SAY = "Friendli reports an unknown state. It may be billed."
# READY and RUNNING are one status to people: both serve.
_SERVING = StatusFacts(
    name="live",
    kind=Kind.SERVING,
    mark=LIVE_MARK,
    rank=0,
    billing=Billing.YES,
    may_be_updated=True,
    in_sleep_cycle=True,
)

STATUSES: Mapping[str, StatusFacts] = table(
    Status,
    {
        Status.UNKNOWN: StatusFacts(
            name="in an unknown state",
            kind=Kind.UNKNOWN,
            mark=CHECKING_MARK,
            rank=1,
            billing=Billing.AS_BEFORE,
            note=_CANT_SAY,
            reply=StatusReply(
                f"{CHECKING_MARK} Friendli reports an unknown state. The endpoint may be live and"
                " billed."
            ),
        ),
        Status.INITIALIZING: StatusFacts(
            name="starting",
            kind=Kind.MOVING,
            mark=STARTING_MARK,
            rank=0,
            billing=Billing.NO,
            comes_up=True,
            has_phases=True,
        ),
        Status.READY: _SERVING,
        Status.RUNNING: _SERVING,
        Status.UPDATING: StatusFacts(
            name="updating",
            kind=Kind.MOVING,
            mark=UPDATING_MARK,
            rank=0,
            billing=Billing.AS_BEFORE_OR_FIRST,
            has_phases=True,
            note=_WITH_OLD_VERSION,
            reply=StatusReply(
                requested=f"{UPDATING_MARK} Rolling out a new version. The previous one stays live"
                " until it is ready.",
                elsewhere=f"{UPDATING_MARK} Rolling out a new version, created outside this"
                " channel. The previous one stays live until it is ready.",
            ),
            stuck_advice="The previous version stays live in the meantime. Wait, or check Friendli"
            " Suite.",
        ),
        Status.SLEEPING: StatusFacts(
            name="asleep",
            kind=Kind.RESTING,
            mark=ASLEEP_MARK,
            rank=2,
            billing=Billing.NO,
            may_be_woken=True,
            may_be_updated=True,
            in_sleep_cycle=True,
            note=_COSTS_NOTHING_ASLEEP,
            short_note="Any request wakes it.",
            update_note="Asleep: nothing is billed until it wakes, with the new version.",
            reply=StatusReply(
                requested=f"{ASLEEP_MARK} Asleep. {_COSTS_NOTHING_ASLEEP}",
                elsewhere=f"{ASLEEP_MARK} Put to sleep outside this channel."
                f" {_COSTS_NOTHING_ASLEEP}",
                when_idle=f"{ASLEEP_MARK} Fell asleep after {{cooldown}} without requests."
                f" {_COSTS_NOTHING_ASLEEP}",
            ),
        ),
        Status.AWAKING: StatusFacts(
            name="waking up",
            kind=Kind.MOVING,
            mark=STARTING_MARK,
            rank=0,
            billing=Billing.NO,
            comes_up=True,
            has_phases=True,
            in_sleep_cycle=True,
        ),
        Status.STOPPING: StatusFacts(
            name="stopping",
            kind=Kind.MOVING,
            mark=UPDATING_MARK,
            rank=0,
            billing=Billing.AS_BEFORE,
            goes_down=True,
            in_sleep_cycle=True,
            ends_in=frozenset({Status.SLEEPING.value, Status.TERMINATED.value}),
            reply=StatusReply(f"{UPDATING_MARK} Stopping."),
        ),
        Status.TERMINATING: StatusFacts(
            name="terminating",
            kind=Kind.MOVING,
            mark=UPDATING_MARK,
            rank=0,
            billing=Billing.AS_BEFORE,
            goes_down=True,
            ends_in=frozenset({Status.TERMINATED.value}),
            reply=StatusReply(
                requested=f"{UPDATING_MARK} Terminating.",
                elsewhere=f"{UPDATING_MARK} Terminating, requested outside this channel.",
            ),
        ),
        Status.TERMINATED: StatusFacts(
            name="ended",
            kind=Kind.ENDED,
            mark=ENDED_MARK,
            rank=4,
            billing=Billing.NO,
            ended_as="was terminated",
            note="$0.00/h. Restarting starts billing again.",
            short_note="Restarting starts billing again.",
            reply=StatusReply(
                f"{ENDED_MARK} Terminated. $0.00/h; a restart in Friendli Suite shows up here."
            ),
        ),
        Status.FAILED: StatusFacts(
            name="failed",
            kind=Kind.ENDED,
            mark=FAILED_MARK,
            rank=3,
            billing=Billing.NO,
            may_be_updated=True,
            has_error_code=True,
            ended_as="failed",
            update_note="Failed: the new version runs after a restart.",
        ),
    },
)


@dataclass(frozen=True, slots=True)
class PhaseWords:
    """A phase for people.

    Attributes:
        task: The task's title in a plan, such as "Download the model".
        progress: A sentence's worth while it runs, such as "Downloading the model".
        done: A sentence's worth once it is over, such as "Model downloaded".
        during: Completes "it failed while …", such as "downloading the model".
    """

    task: str
    progress: str
    done: str
    during: str


# In the order in which an endpoint goes through them.
PHASES: Mapping[str, PhaseWords] = MappingProxyType(
    {
        Phase.REQUESTING_VIRTUAL_MACHINE: PhaseWords(
            "Get a GPU machine",
            "Getting a GPU machine",
            "A GPU machine is ready",
            "getting a GPU machine",
        ),
        Phase.DOWNLOADING_MODEL: PhaseWords(
            "Download the model",
            "Downloading the model",
            "Model downloaded",
            "downloading the model",
        ),
        Phase.ENGINE_INITIALIZING: PhaseWords(
            "Start the engine",
            "Starting the engine",
            "Engine started",
            "starting the engine",
        ),
    }
)


def facts_of(status: Status | str | None) -> StatusFacts:
    """Return a status's row; one that isn't known, or None, has the facts of an unknown one.

    An unknown status is called as it came, unescaped.
    """
    known = STATUSES.get(status or "")
    if known is not None:
        return known
    return StatusFacts(
        name=status or "",
        kind=Kind.UNKNOWN,
        mark=CHECKING_MARK,
        rank=1,
        billing=Billing.AS_BEFORE,
        has_phases=True,
    )


def phase_words(phase: Phase | str) -> PhaseWords:
    """Return what people call a phase; one that isn't known is called as it came, unescaped."""
    return PHASES.get(phase) or PhaseWords(
        phase, f"In phase {phase}", f"{phase} is over", f"in phase {phase}"
    )


def statuses_that(holds: Callable[[StatusFacts], bool]) -> frozenset[str]:
    """The known statuses of which something is true."""
    return frozenset(str(status) for status, facts in STATUSES.items() if holds(facts))


COMING_UP = statuses_that(lambda facts: facts.comes_up)
MOVING = statuses_that(lambda facts: facts.kind is Kind.MOVING)
SERVING = statuses_that(lambda facts: facts.serves)
ENDED = statuses_that(lambda facts: facts.is_over)
AT_REST = statuses_that(lambda facts: facts.is_at_rest)
GOING_DOWN = statuses_that(lambda facts: facts.goes_down)
UNBILLED = statuses_that(lambda facts: facts.billing is Billing.NO)
