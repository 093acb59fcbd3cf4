"""What the messages about a deployment are made from: values, no rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bot.db.models import Step
from bot.deployments.states import State, Told


@dataclass(frozen=True, slots=True)
class Facts:
    """A deployment, as its thread shows it. Texts are as people and the API wrote them.

    Attributes:
        public_id: Names the deployment in buttons.
        instance: Such as "2 × H100".
        replicas: Such as "1 replica" or "0–3 replicas".
        sleeps_when_idle: Whether it may scale to zero.
        price: Dollars per hour of what is sure to run: all fixed replicas, or one of several.
        price_each: Whether `price` is that of each replica, their number being open.
        asked_at: Our database's time of the click.
        history: Every transition, oldest first.
        suite_link: The endpoint's page in Friendli Suite, if it is known.
        integrations_link: Where a person sets the token that Friendli reads models with.
        model_link: The model's page.
        candidates: Endpoints that may be ours, while a person has to choose.
        stop_asked_by: Who asked to stop it.
    """

    public_id: str
    name: str
    model: str
    instance: str
    replicas: str
    sleeps_when_idle: bool
    price: Decimal
    price_each: bool
    requester_id: str
    target_name: str
    asked_at: datetime
    step: Step
    endpoint_id: str | None
    history: Sequence[Told]
    suite_link: str | None
    model_link: str
    integrations_link: str
    candidates: Sequence[str]
    stop_asked_by: str | None

    @property
    def state(self) -> State | None:
        """The newest transition's state."""
        return self.history[-1].state if self.history else None
