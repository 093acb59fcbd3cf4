"""One row per operation on an endpoint. Every command, button, question and check derives from it.

The words are mrkdwn in English, as people read them in Slack.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Literal

from bot.domain.enum_table import table
from bot.domain.permissions import Permission
from bot.domain.schemas import InferenceDeploymentStatus as Status
from bot.domain.statuses import COMING_UP, SERVING, StatusFacts, facts_of


class OperationKind(StrEnum):
    """What can be done with an endpoint; also the word that people type."""

    SLEEP = "sleep"
    WAKE = "wake"
    RESTART = "restart"
    TERMINATE = "terminate"
    DELETE = "delete"
    UPDATE = "update"
    EXTEND = "extend"
    KEEP = "keep"

    @property
    def facts(self) -> "OperationFacts":
        """Its row."""
        return OPERATIONS[self]

    @property
    def audit_action(self) -> str:
        """Its name in the audit, as scope and action."""
        return f"endpoint:{self.value}"

    @property
    def action_id(self) -> str:
        """The action id of its button."""
        return f"endpoint.{self.value}"

    def fits(self, status: str | None) -> bool:
        """Whether it makes sense for an endpoint in a status; None before the first one."""
        return self.facts.fits(facts_of(status))

    def is_done_in(self, status: str) -> bool:
        """Whether a status shows that it was done, given that it was sent."""
        if self.facts.is_done_once_unfit and not self.fits(status):
            return True
        return status in self.facts.effect


class Mechanism(Enum):
    """How an operation is carried out."""

    REQUEST = "request"
    """One request to Friendli without a body; sending it again does no harm."""
    VERSION = "version"
    """A request that makes a new version; it must not be sent twice."""
    LIFETIME = "lifetime"
    """Changes when the endpoint ends; nothing is sent to Friendli."""


class WhenGone(Enum):
    """What it means for an operation that Friendli doesn't find the endpoint."""

    DONE = "done"
    UNCLEAR = "unclear"
    """The endpoint may have ended, or the key may have lost its project and the endpoint runs."""
    REFUSED = "refused"


class Confirmation(Enum):
    """What a typed command or a mention asks before it carries an operation out."""

    NONE = "none"
    PRICE = "price"
    """Shows what the endpoint costs once it serves."""
    WARNING = "warning"
    """Shows what breaks."""
    TYPED_NAME = "typed name"
    """Shows what breaks, and then asks for the endpoint's name, in a modal."""


@dataclass(frozen=True, slots=True)
class OperationWords:
    """An operation in sentences.

    Attributes:
        infinitive: Completes "asked to …" and "Friendli didn't …".
        being: Completes "<name> is being …".
        doing: Completes "Lifetime over: …".
        verb: Completes "Only @somebody can …".
        else_true: What is true if it wasn't done.
        request: Completes "@somebody asks you to …"; '' for the infinitive.
    """

    infinitive: str
    being: str
    doing: str
    verb: str
    else_true: str
    request: str = ""


@dataclass(frozen=True, slots=True)
class Dialog:
    """Slack's dialog before a button's click counts; `{name}` is the endpoint's."""

    title: str
    text: str
    yes: str
    no: str


@dataclass(frozen=True, slots=True)
class ButtonFacts:
    """The button of an operation, shown in every status that the operation fits.

    Attributes:
        style: None for Slack's plain one.
        shows_price: The label ends in the price per hour of what starts.
        hidden_in: Statuses that the operation fits and in which another button leads to it.
    """

    label: str
    style: Literal["primary", "danger"] | None = None
    shows_price: bool = False
    dialog: Dialog | None = None
    hidden_in: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class CommandFacts:
    """The typed command of an operation, and the mention in an endpoint's thread.

    Attributes:
        summary: Its line of help.
        confirmation: What it asks first.
        warning: What breaks; only, and always, with `Confirmation.WARNING` and `TYPED_NAME`.
    """

    summary: str
    confirmation: Confirmation = Confirmation.NONE
    warning: str = ""

    def __post_init__(self) -> None:
        """Refuse a command that contradicts itself.

        Raises:
            ValueError: It has a warning that it doesn't show, or none to show.
        """
        warns = self.confirmation in (Confirmation.WARNING, Confirmation.TYPED_NAME)
        if warns != bool(self.warning):
            raise ValueError(f"a command shows its warning, or has none: {self.summary!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationFacts:
    """What an operation is.

    Attributes:
        permission: What a person needs for it.
        fits: Whether it makes sense in a status.
        mechanism: How it is carried out.
        client_call: The method of FriendliClient; only, and always, if something is sent.
        effect: Statuses that follow from it.
        is_done_once_unfit: Any status that it doesn't fit shows too that it was done.
        when_gone: What a missing endpoint means.
        spends: It makes an endpoint cost more, or run longer. What an update costs depends on
            what it changes.
        words: For sentences.
        button: None if its buttons are made elsewhere.
        command: None if it has a command of its own, in `bot.commands`.
        waits_in: Statuses in which a scheduled one waits until it fits; None if it can't be
            scheduled.
    """

    permission: Permission
    fits: Callable[[StatusFacts], bool]
    mechanism: Mechanism = Mechanism.REQUEST
    client_call: str | None
    effect: frozenset[str]
    is_done_once_unfit: bool = False
    when_gone: WhenGone = WhenGone.REFUSED
    spends: bool
    words: OperationWords
    button: ButtonFacts | None
    command: CommandFacts | None
    waits_in: frozenset[str] | None = None

    def __post_init__(self) -> None:
        """Refuse a row that contradicts itself.

        Raises:
            ValueError: It does.
        """
        sends = self.mechanism is not Mechanism.LIFETIME
        asks = Confirmation.NONE if self.command is None else self.command.confirmation
        for holds, rule in (
            (sends == bool(self.client_call), "has a client call if it sends something"),
            (self.command is None or self.button is not None, "has a button for its question"),
            (self.command is None or not self.spends or asks is not Confirmation.NONE, "asks"),
            (self.waits_in is None or self.command is not None, "has a command to schedule it"),
        ):
            if not holds:
                raise ValueError(
                    f"the operation {self.words.infinitive!r} breaks a rule: it {rule}"
                )


_STAYS = "It stays as it is."
_END_STAYS = "Its lifetime stays as it is."
_MAY_BE_BILLED = "It may still be billed."
_EXTEND = "extend lifetimes"
_EXTEND_IT = "extend its lifetime"

# In the order of the buttons.
OPERATIONS: Mapping[str, OperationFacts] = table(
    OperationKind,
    {
        OperationKind.SLEEP: OperationFacts(
            permission=Permission.OPERATE,
            fits=lambda status: status.serves,
            client_call="sleep_endpoint",
            effect=frozenset({Status.STOPPING.value, Status.SLEEPING.value}),
            spends=False,
            words=OperationWords(
                infinitive="put it to sleep",
                being="put to sleep",
                doing="putting it to sleep",
                verb="sleep",
                else_true=_MAY_BE_BILLED,
            ),
            button=ButtonFacts("Sleep"),
            command=CommandFacts("Puts an endpoint to sleep; any request wakes it."),
            waits_in=COMING_UP | {Status.UPDATING.value, Status.UNKNOWN.value},
        ),
        OperationKind.WAKE: OperationFacts(
            permission=Permission.OPERATE,
            fits=lambda status: status.may_be_woken,
            client_call="wake_endpoint",
            effect=COMING_UP | SERVING,
            spends=True,
            words=OperationWords(
                infinitive="wake it",
                being="woken",
                doing="waking it",
                verb="wake",
                else_true=_STAYS,
            ),
            button=ButtonFacts("Wake", style="primary", shows_price=True),
            command=CommandFacts(
                "Wakes a sleeping endpoint, after showing the price.", Confirmation.PRICE
            ),
            waits_in=frozenset({Status.STOPPING.value}),
        ),
        OperationKind.RESTART: OperationFacts(
            permission=Permission.OPERATE,
            fits=lambda status: status.is_over,
            client_call="restart_endpoint",
            effect=COMING_UP | SERVING,
            is_done_once_unfit=True,
            spends=True,
            words=OperationWords(
                infinitive="restart it",
                being="restarted",
                doing="restarting it",
                verb="restart",
                else_true=_STAYS,
            ),
            button=ButtonFacts("Restart", shows_price=True),
            command=CommandFacts(
                "Restarts a failed or terminated endpoint, after showing the price.",
                Confirmation.PRICE,
            ),
        ),
        OperationKind.UPDATE: OperationFacts(
            permission=Permission.UPDATE,
            fits=lambda status: status.may_be_updated,
            mechanism=Mechanism.VERSION,
            client_call="update_endpoint",
            effect=SERVING | {Status.UPDATING.value},
            spends=False,
            words=OperationWords(
                infinitive="update it",
                being="updated",
                doing="updating it",
                verb="update",
                else_true=_STAYS,
            ),
            # After a failure, the buttons that fit its cause open the same form.
            button=ButtonFacts("Update", hidden_in=frozenset({Status.FAILED.value})),
            command=None,
        ),
        OperationKind.TERMINATE: OperationFacts(
            permission=Permission.TERMINATE,
            fits=lambda status: not (status.is_over or status.goes_down),
            client_call="terminate_endpoint",
            effect=frozenset(
                {Status.STOPPING.value, Status.TERMINATING.value, Status.TERMINATED.value}
            ),
            when_gone=WhenGone.UNCLEAR,
            spends=False,
            words=OperationWords(
                infinitive="terminate it",
                being="terminated",
                doing="terminating it",
                verb="terminate",
                else_true=_MAY_BE_BILLED,
            ),
            button=ButtonFacts(
                "Terminate",
                style="danger",
                dialog=Dialog(
                    title="Terminate the endpoint?",
                    text="Requests to {name} will fail. You can restart it later.",
                    yes="Terminate",
                    no="Cancel",
                ),
            ),
            command=CommandFacts(
                "Terminates an endpoint, after a confirmation. It can be restarted.",
                Confirmation.WARNING,
                "Requests to it will fail. You can restart it later.",
            ),
        ),
        OperationKind.DELETE: OperationFacts(
            permission=Permission.DELETE,
            fits=lambda status: status.is_over,
            client_call="delete_endpoint",
            effect=frozenset(),
            when_gone=WhenGone.DONE,
            spends=False,
            words=OperationWords(
                infinitive="delete it",
                being="deleted",
                doing="deleting it",
                verb="delete",
                else_true=_STAYS,
            ),
            button=ButtonFacts("Delete", style="danger"),
            command=CommandFacts(
                "Deletes an endpoint permanently, after you type its name.",
                Confirmation.TYPED_NAME,
                "This can't be undone.",
            ),
        ),
        OperationKind.EXTEND: OperationFacts(
            permission=Permission.EXTEND,
            fits=lambda status: not status.goes_down,
            mechanism=Mechanism.LIFETIME,
            client_call=None,
            effect=frozenset(),
            spends=True,
            words=OperationWords(
                infinitive="extend it",
                being="extended",
                doing="extending its lifetime",
                verb=_EXTEND,
                else_true=_END_STAYS,
                request=_EXTEND_IT,
            ),
            button=None,
            command=None,
        ),
        OperationKind.KEEP: OperationFacts(
            permission=Permission.EXTEND,
            fits=lambda status: not status.goes_down,
            mechanism=Mechanism.LIFETIME,
            client_call=None,
            effect=frozenset(),
            spends=True,
            words=OperationWords(
                infinitive="remove its lifetime",
                being="kept running",
                doing="removing its lifetime",
                verb=_EXTEND,
                else_true=_END_STAYS,
                request=_EXTEND_IT,
            ),
            button=None,
            command=None,
        ),
    },
)


def operations_that(holds: Callable[[OperationFacts], bool]) -> tuple[OperationKind, ...]:
    """The operations of which something is true, in the order of the buttons."""
    return tuple(OperationKind(kind) for kind, facts in OPERATIONS.items() if holds(facts))


LIFETIME_KINDS = frozenset(operations_that(lambda facts: facts.mechanism is Mechanism.LIFETIME))
ENDING = frozenset(operations_that(lambda facts: facts.when_gone is not WhenGone.REFUSED))
"""Those that a missing endpoint may be the effect of."""
DELETING = frozenset(operations_that(lambda facts: facts.when_gone is WhenGone.DONE))
BY_COMMAND = operations_that(lambda facts: facts.command is not None)
"""Those that are typed, or mentioned, as one word."""


class Cause(StrEnum):
    """What made an operation come about."""

    PERSON = "person"
    LIFETIME = "lifetime"
    SCHEDULE = "schedule"


class OperationState(StrEnum):
    """How far an operation has come."""

    PROPOSED = "proposed"
    """Waits for someone's approval."""
    REQUESTED = "requested"
    """Written down; nothing was sent to Friendli."""
    SENDING = "sending"
    """The request may leave at any moment, or has left."""
    DONE = "done"
    """Friendli has taken it; what follows from it shows in the endpoint's status."""
    REFUSED = "refused"
    """Friendli refused, or something made it pointless."""
    FAILED = "failed"
    """Friendli couldn't be asked, or its answer got lost and nothing shows that it was done."""
    REJECTED = "rejected"
    """Nobody approved it."""


UNDER_WAY = (OperationState.REQUESTED, OperationState.SENDING)
UNFINISHED = (OperationState.PROPOSED, *UNDER_WAY)
MAY_HAVE_EFFECT = (OperationState.SENDING, OperationState.DONE)
