"""An endpoint of a target: what Friendli reports and what the bot has stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from bot.domain.instances import GPUS, TIMES, Prices
from bot.domain.request.deploy_request import replicas_text
from bot.domain.schemas import DedicatedEndpointSpec, DedicatedEndpointStatus
from bot.domain.statuses import UNBILLED, Kind, facts_of

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class StoredEndpoint:
    """What the bot has stored about an endpoint.

    Attributes:
        model: None of an imported endpoint.
        requester_id: Who requested or imported it.
        is_here: Whether that is the channel of the request, whose buttons reach it.
        thread_ts: The thread's root; None before it is posted.
    """

    public_id: str
    name: str
    model: str | None
    is_imported: bool
    requester_id: str
    channel_id: str
    is_here: bool
    thread_ts: str | None
    requested_at: datetime


@dataclass(frozen=True, slots=True)
class ListedEndpoint:
    """An endpoint of a target. Texts are as people and the API wrote them, unescaped.

    Attributes:
        spec: None if Friendli didn't respond in time.
        ours: None for an endpoint created elsewhere.
        possible_requester_id: Who requested one of this name whose endpoint isn't identified yet.
        listed_at: The API's clock of the listing.
    """

    target: str
    project_id: str
    team_id: str
    endpoint_id: str
    status: DedicatedEndpointStatus
    spec: DedicatedEndpointSpec | None
    ours: StoredEndpoint | None
    possible_requester_id: str | None
    listed_at: datetime
    prices: Prices

    @property
    def name(self) -> str:
        """Its name; its id while the name is unknown."""
        if self.spec is not None and self.spec.name.strip():
            return self.spec.name
        return self.ours.name if self.ours is not None else self.endpoint_id

    @property
    def model(self) -> str | None:
        """Its model, from the request: the API doesn't report it."""
        return self.ours.model if self.ours is not None else None

    @property
    def kind(self) -> Kind:
        return facts_of(self.status.status).kind

    @property
    def gpus(self) -> str | None:
        """The GPUs of one replica, such as "2 × H100"; unknown ones as the API spells them."""
        return None if self.spec is None else gpus_text(self.spec)

    @property
    def price_each(self) -> Decimal | None:
        if self.spec is None or self.spec.gpu_type is None or self.spec.num_gpu is None:
            return None
        for gpu in GPUS:
            if gpu.matches(self.spec.gpu_type):
                return self.prices.per_gpu_hour[gpu.name] * self.spec.num_gpu
        return None

    @property
    def price_once_up(self) -> Decimal | None:
        """Dollars per hour that are certain once it serves; None if unknown."""
        if self.spec is None or self.spec.autoscaling_min is None or self.price_each is None:
            return None
        return self.price_each * max(1, self.spec.autoscaling_min)

    @property
    def replicas_up(self) -> int | None:
        """Replicas that are billed now; None if unknown.

        A start is billed once it has finished, a stop until it has. In an unknown status a count
        of zero means nothing.
        """
        if self.status.status in UNBILLED:
            return 0
        if self.spec is None:
            return None
        if self.kind is Kind.UNKNOWN:
            return self.spec.curr_replica_cnt or None
        if self.spec.curr_replica_cnt is not None:
            return self.spec.curr_replica_cnt
        if self.kind is not Kind.SERVING or self.spec.autoscaling_min is None:
            return None
        return max(1, self.spec.autoscaling_min)

    @property
    def price_now(self) -> Decimal | None:
        if self.replicas_up == 0:
            return Decimal(0)
        if self.replicas_up is None or self.price_each is None:
            return None
        return self.price_each * self.replicas_up

    @property
    def replicas(self) -> str | None:
        if self.spec is None:
            return None
        least, most = self.spec.autoscaling_min, self.spec.autoscaling_max
        if least is None or most is None:
            return None
        allowed = replicas_text(least, most)
        up = self.replicas_up
        # With fixed replicas, the running ones needn't be shown.
        return f"{up} of {allowed}" if up and (up != least or least != most) else allowed

    @property
    def age(self) -> float | None:
        if self.status.created_at is None:
            return None
        return max(0.0, (self.listed_at - self.status.created_at).total_seconds())


@dataclass(frozen=True, slots=True)
class Listing:
    """The endpoints of one target.

    Attributes:
        endpoints: Transitional or serving first, then resting, failed, terminated.
        is_current: Whether Friendli reported this now; otherwise it is the last known list.
    """

    target: str
    project_id: str
    endpoints: Sequence[ListedEndpoint]
    is_current: bool = True

    @property
    def unread(self) -> int:
        """The number of endpoints whose spec couldn't be read in time."""
        return sum(listed.spec is None for listed in self.endpoints)


def gpus_text(spec: DedicatedEndpointSpec) -> str | None:
    """The GPUs of one replica, such as "2 × H100"; unknown ones as the API spells them.

    Without their number only the model, without the model None.
    """
    if spec.gpu_type is None:
        return None
    known = [gpu.name for gpu in GPUS if gpu.matches(spec.gpu_type)]
    model = known[0] if known else spec.gpu_type
    return model if spec.num_gpu is None else f"{spec.num_gpu} {TIMES} {model}"


def in_order(endpoints: Sequence[ListedEndpoint]) -> list[ListedEndpoint]:
    """Sort as lists show them; among equals, newest first."""
    by_name = sorted(endpoints, key=lambda listed: (listed.name, listed.endpoint_id))
    newest_first = sorted(by_name, key=_made_at, reverse=True)
    return sorted(newest_first, key=_rank)


def _made_at(listed: ListedEndpoint) -> datetime:
    return listed.status.created_at or _LONG_AGO


def _rank(listed: ListedEndpoint) -> int:
    return facts_of(listed.status.status).rank
