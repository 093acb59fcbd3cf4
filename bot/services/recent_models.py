"""The models that a channel deployed lately."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import func, select

from bot.db.clock import now
from bot.db.deployment_tables import Deployment, Transition
from bot.db.session import Database
from bot.domain.actors import ChannelRef
from bot.domain.instances import instance
from bot.domain.recent_model import RecentModel
from bot.services.lookup import in_channel

_LOOKED_THROUGH = 100
_MOST = 10


@dataclass(frozen=True, slots=True)
class Recents:
    """Models, the newest first, at a time of the database's clock."""

    models: Sequence[RecentModel]
    at: datetime


class RecentModels:
    """Reads them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, place: ChannelRef) -> Recents:
        """The newest deployment of each model in a channel."""
        changed = (
            select(func.max(Transition.observed_at))
            .where(Transition.deployment_id == Deployment.id)
            .scalar_subquery()
        )
        async with self._database.read() as session:
            rows = await session.execute(
                select(
                    Deployment.request["model"].as_string(),
                    Deployment.request["instance_option_id"].as_string(),
                    Deployment.state,
                    Deployment.status,
                    Deployment.requested_at,
                    changed.label("changed"),
                    now().label("now"),
                )
                .where(*in_channel(Deployment, place))
                .order_by(Deployment.id.desc())
                .limit(_LOOKED_THROUGH)
            )
            found: dict[str, RecentModel] = {}
            at: datetime | None = None
            for model, option, state, status, requested_at, changed_at, present in rows:
                at = present
                if model and model not in found and len(found) < _MOST:
                    found[model] = RecentModel(
                        model,
                        state,
                        status,
                        changed_at or requested_at,
                        instance(option).label if option else "",
                    )
        return Recents(list(found.values()), at or datetime.min.replace(tzinfo=UTC))
