"""What the messages about a deployment are made from: values, no rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bot.domain.candidate_note import CandidateNote
from bot.domain.deployment_state import DeploymentState
from bot.domain.operations import UNDER_WAY, Cause, OperationKind, OperationState
from bot.domain.request.deploy_request import SCALED_BY_FRIENDLI, replicas_text
from bot.domain.request.sent_fields import SentField
from bot.domain.transitions import ObservedTransition, State


@dataclass(frozen=True, slots=True)
class LargerInstance:
    """The next larger instance option than the one that an endpoint runs on.

    Attributes:
        key: As the form takes it, such as "2xH100".
        label: Such as "2 × H100".
        price: Dollars per hour of all replicas that are sure to run, at least one.
    """

    key: str
    label: str
    price: Decimal


@dataclass(frozen=True, slots=True)
class Setup:
    """What an endpoint runs, and on what.

    Attributes:
        model: None if it isn't known, as of an endpoint that was made elsewhere.
        instance: Such as "2 × H100".
        least: Replicas kept at least; None if it isn't known.
        most: Replicas at most; None if it isn't known.
        cooldown: Seconds without a request until it scales down; None if it doesn't.
        price_of_one: Dollars per hour of one replica; None if it isn't known.
        larger: What it may fit on if it doesn't fit; None if there is none, or it isn't known.
        sent: What else Friendli was sent for the version that runs; empty if it was made elsewhere.
        is_scaled_by_friendli: Whether no scaling was sent.
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

    @property
    def replicas(self) -> str:
        """Such as "1 replica" or "0–3 replicas"."""
        if self.least is None or self.most is None:
            return SCALED_BY_FRIENDLI if self.is_scaled_by_friendli else "replicas not known"
        return replicas_text(self.least, self.most)

    @property
    def sleeps_when_idle(self) -> bool:
        """Whether it may scale to zero."""
        return self.least == 0

    @property
    def price(self) -> Decimal | None:
        """Dollars per hour of what is sure to run: all fixed replicas, or one of several."""
        if self.price_of_one is None or self.least is None or self.least != self.most:
            return self.price_of_one
        return self.price_of_one * self.least

    @property
    def price_once_up(self) -> Decimal | None:
        """Dollars per hour of what a start is sure to cost; None if that isn't known."""
        if self.price_of_one is None or self.least is None:
            return None
        return self.price_of_one * max(1, self.least)

    @property
    def price_at_most(self) -> Decimal | None:
        """Dollars per hour with as many replicas as there may be."""
        if self.price_of_one is None or self.most is None:
            return None
        return self.price_of_one * self.most

    @property
    def is_price_of_each(self) -> bool:
        """Whether `price` is that of each replica, their number being open."""
        if self.least is None or self.most is None:
            return True
        return self.least != self.most and self.most > 1


@dataclass(frozen=True, slots=True)
class OperationView:
    """An operation on the endpoint.

    Attributes:
        by: Who asked for it; '' if no person did.
        at: When it was done, or given up; None before.
    """

    kind: OperationKind
    state: OperationState
    cause: Cause
    by: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class PendingApproval:
    """A deployment that waits for somebody's yes.

    Attributes:
        approvers: Who may say it, as mrkdwn.
        until: When it is too late.
    """

    approvers: str
    until: datetime


@dataclass(frozen=True, slots=True)
class DeploymentView:
    """A deployment, as its thread shows it. Texts are as people and the API wrote them.

    Attributes:
        public_id: Names the deployment in buttons.
        is_imported: Whether its endpoint was made elsewhere.
        requested_at: Our database's time of the click.
        history: Every transition, oldest first.
        acts: Every operation on its endpoint, oldest first.
        suite_link: The endpoint's page in Friendli Suite, if it is known.
        integrations_link: Where a person sets the token that Friendli reads models with.
        model_link: The model's page, if the model is known.
        candidates: Endpoints that may be ours, while a person has to choose.
        candidate_notes: What Friendli shows of those whose name isn't exactly ours.
        unlisted_until: Until when an endpoint is watched on that Friendli doesn't list any more.
        cancel_requested_by: Who cancelled it, while its endpoint isn't known.
        approved_by: Who approved it, if that was needed.
        waiting: Set while nobody has.
        lifetime_seconds: How long it may run, from when it comes up; None for no end.
        lifetime_ends_at: When its time is over; None if it has no end.
        expiry_action: What is done then: a `bot.deployments.policy.ExpiryAction`.
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
    acts: Sequence[OperationView]
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

    @property
    def endpoint_state(self) -> State | None:
        """The newest transition's state."""
        return self.history[-1].state if self.history else None

    @property
    def under_way(self) -> OperationView | None:
        """The newest operation that was asked for and isn't done."""
        return next((act for act in reversed(self.acts) if act.state in UNDER_WAY), None)
