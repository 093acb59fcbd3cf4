"""A deployment as values, for messages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from bot.domain.candidate_note import CandidateNote
from bot.domain.cost_forecast import CostForecast
from bot.domain.deployment_state import DeploymentState
from bot.domain.model_fit import RequestFit
from bot.domain.operations import UNDER_WAY, Cause, OperationKind, OperationState
from bot.domain.phase_times import NOTHING_KNOWN, StartTimes
from bot.domain.request.deploy_request import SCALED_BY_FRIENDLI, replicas_text
from bot.domain.request.sent_fields import SentField
from bot.domain.smoke_test import SmokeTestView
from bot.domain.statuses import SERVING
from bot.domain.transitions import ObservedTransition, State


@dataclass(frozen=True, slots=True)
class LargerInstance:
    """The next larger instance option.

    Attributes:
        key: As the form takes it, such as "2xH100".
        price: Dollars per hour of the replicas that are certain to run, at least one.
    """

    key: str
    label: str
    price: Decimal


@dataclass(frozen=True, slots=True)
class Setup:
    """An endpoint's model, instance and scaling; None where unknown.

    Attributes:
        instance: Such as "2 × H100".
        cooldown: Seconds without a request until it scales down; None if it doesn't.
        price_of_one: Dollars per hour of one replica.
        revision: The commit, branch or tag that was sent.
        weights: Bytes of a model that was too large; None if unknown.
        memory_gb: Of the instance that was too small for it.
        fit: Where the model fits, if it was checked.
        sent: Further fields sent for the running version; empty if created elsewhere.
    """

    model: str | None
    instance: str
    least: int | None
    most: int | None
    cooldown: int | None
    price_of_one: Decimal | None
    sent: Sequence[SentField] = ()
    is_scaled_by_friendli: bool = False
    larger: LargerInstance | None = None
    revision: str | None = None
    fit: RequestFit | None = None
    weights: int | None = None
    memory_gb: int | None = None

    @property
    def replicas(self) -> str:
        """Such as "1 replica" or "0–3 replicas"."""
        if self.least is None or self.most is None:
            return SCALED_BY_FRIENDLI if self.is_scaled_by_friendli else "replicas unknown"
        return replicas_text(self.least, self.most)

    @property
    def sleeps_when_idle(self) -> bool:
        """Whether it may scale to zero."""
        return self.least == 0

    @property
    def price(self) -> Decimal | None:
        """Dollars per hour of what is certain to run: all fixed replicas, or one of several."""
        if self.price_of_one is None or self.least is None or self.least != self.most:
            return self.price_of_one
        return self.price_of_one * self.least

    @property
    def price_once_up(self) -> Decimal | None:
        """Dollars per hour after a start; None if unknown."""
        if self.price_of_one is None or self.least is None:
            return None
        return self.price_of_one * max(1, self.least)

    @property
    def price_at_most(self) -> Decimal | None:
        """Dollars per hour with the maximum of replicas."""
        if self.price_of_one is None or self.most is None:
            return None
        return self.price_of_one * self.most

    @property
    def is_price_of_each(self) -> bool:
        """Whether `price` is per replica, their number being open."""
        if self.least is None or self.most is None:
            return True
        return self.least != self.most and self.most > 1


@dataclass(frozen=True, slots=True)
class OperationView:
    """An operation on the endpoint.

    Attributes:
        at: When it ended; None before.
        public_id: Names it in buttons.
    """

    kind: OperationKind
    state: OperationState
    cause: Cause
    by: str
    at: datetime | None
    public_id: str = ""


@dataclass(frozen=True, slots=True)
class PendingOperation:
    """An operation that waits for approval.

    Attributes:
        approvers: Who may approve, as mrkdwn.
        dollars: Per hour at full scale once it is done; None if unknown.
    """

    operation: OperationView
    approvers: str
    until: datetime
    dollars: Decimal | None


@dataclass(frozen=True, slots=True)
class ClosingNote:
    """Why there is no endpoint, on the status message.

    Attributes:
        text: mrkdwn.
        reconnects: Connecting the target again helps.
        is_repaired: Another deployment was requested instead.
    """

    text: str
    reconnects: bool = False
    is_repaired: bool = False

    def after(self, before: "ClosingNote | None") -> "ClosingNote":
        """A repair is added to what it repairs; any other note replaces the one before."""
        if before is None or not self.is_repaired or before.is_repaired:
            return self
        return replace(self, text=f"{before.text}\n{self.text}")


@dataclass(frozen=True, slots=True)
class PendingApproval:
    """A deployment that waits for approval.

    Attributes:
        approvers: Who may approve, as mrkdwn.
    """

    approvers: str
    until: datetime


@dataclass(frozen=True, slots=True)
class DeploymentView:
    """A deployment for its thread. Texts are as people and the API wrote them, unescaped.

    Attributes:
        public_id: Names the deployment in buttons.
        requested_at: Our database's time of the click.
        history: Every transition, oldest first.
        operations: Every operation on its endpoint, oldest first.
        suite_link: The endpoint's page in Friendli Suite, if known.
        integrations_link: Where a person sets the token with which Friendli reads models.
        candidates: Endpoints that may be ours, while a person has to choose.
        candidate_notes: Descriptions of those whose name isn't exactly ours.
        unlisted_until: How long a missing endpoint is still watched.
        lifetime_seconds: From when it comes up; None for no end.
        expiry_action: A `bot.domain.policy.ExpiryAction`.
        start_times: Of comparable starts, while it starts or waits for approval.
        retry_after: Seconds until a retry that was asked for, after a failure that passes.
        pending: The operations that wait for approval, oldest first.
        lifetime_warned: Its lifetime is about to end, and the thread says so.
        closing_note: Why it is over; None where the state says it all.
        is_only_target: The channel has no other target.
        smoke_test: Of the newest start, while the endpoint is live.
    """

    public_id: str
    name: str
    setup: Setup
    is_imported: bool
    requester_id: str
    target_name: str
    requested_at: datetime
    state: DeploymentState
    endpoint_id: str | None
    history: Sequence[ObservedTransition]
    operations: Sequence[OperationView]
    suite_link: str | None
    model_link: str | None
    integrations_link: str
    candidates: Sequence[str]
    candidate_notes: Mapping[str, CandidateNote]
    unlisted_until: datetime | None
    cancel_requested_by: str | None
    approved_by: str | None
    waiting: PendingApproval | None
    lifetime_seconds: int | None
    lifetime_ends_at: datetime | None
    expiry_action: str | None
    smoke_test: SmokeTestView | None = None
    retry_after: float = 300.0
    start_times: StartTimes = NOTHING_KNOWN
    pending: Sequence[PendingOperation] = ()
    lifetime_warned: bool = False
    closing_note: ClosingNote | None = None
    is_only_target: bool = False

    @property
    def endpoint_state(self) -> State | None:
        """The newest transition's state."""
        return self.history[-1].state if self.history else None

    @property
    def forecast(self) -> CostForecast:
        setup = self.setup
        return CostForecast(setup.price_of_one, setup.least, setup.most, self.lifetime_seconds)

    @property
    def was_restarted(self) -> bool:
        """Whether a restart was tried since it last served."""
        served = [one.observed_at for one in self.history if one.state.status in SERVING]
        return any(
            one.kind is OperationKind.RESTART
            and one.state is OperationState.DONE
            and (not served or (one.at is not None and one.at > served[-1]))
            for one in self.operations
        )

    @property
    def under_way(self) -> OperationView | None:
        """The newest unfinished operation."""
        return next((one for one in reversed(self.operations) if one.state in UNDER_WAY), None)
