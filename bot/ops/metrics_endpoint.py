"""`/metrics`: what was counted, and how the database's rows stand, in Prometheus' text format."""

from collections.abc import Callable, Mapping
from functools import partial

import structlog
from aiohttp import web
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Gauge,
    generate_latest,
)
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Settings
from bot.db.claims import ClaimableTable
from bot.db.clock import now
from bot.db.deployment_tables import Deployment, WatchedProject
from bot.db.heartbeats import Replica, live
from bot.db.message_tables import Channel
from bot.db.session import Database
from bot.domain.deployment_state import DeploymentState
from bot.domain.process.metrics import REGISTRY
from bot.domain.process.role import Role
from bot.domain.process.single_flight import SingleFlight
from bot.domain.schemas import InferenceDeploymentStatus
from bot.services.friendli_health import is_friendli_answering, projects_by_state

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

WORKED_ON: Mapping[str, ClaimableTable] = {
    "submitter": Deployment,
    "tracker": WatchedProject,
    "sender": Channel,
}


def metrics_route(
    database: Database, settings: Settings, *, is_slack_up: Callable[[], bool]
) -> web.RouteDef:
    """The route `/metrics`.

    Args:
        database: What is read of it is the same at every replica.
        settings: After how long of silence something counts as gone.
        is_slack_up: Whether this replica can use Slack.
    """
    # Anybody may ask: however many do, the database is asked by one.
    reading = SingleFlight(partial(_stand, database, settings))

    async def metrics(_request: web.Request) -> web.Response:
        replicas_own = CollectorRegistry()
        slack = Gauge(
            "friendli_deploy_slack_up",
            "Whether Slack answers this replica and takes its token.",
            registry=replicas_own,
        )
        slack.set(is_slack_up())
        text = generate_latest(REGISTRY) + generate_latest(replicas_own)
        text += generate_latest(await reading())
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_LATEST})

    return web.get("/metrics", metrics)


async def _stand(database: Database, settings: Settings) -> CollectorRegistry:
    """Read how things stand; without a database, only that there is none."""
    registry = CollectorRegistry()
    reached = Gauge(
        "friendli_deploy_database_up", "Whether the database answers.", registry=registry
    )
    try:
        async with database.read() as session:
            await _rows(session, registry)
            await _endpoints(session, registry)
            await _replicas(session, registry, settings.replica_silent_after)
            await _friendli(session, registry, settings.unready_after)
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        log.warning("no metrics of the database", error=type(error).__name__)
        registry = CollectorRegistry()
        registry.register(reached)
        reached.set(0)
    else:
        reached.set(1)
    return registry


async def _rows(session: AsyncSession, registry: CollectorRegistry) -> None:
    due = Gauge(
        "friendli_deploy_rows_due",
        "Rows that wait for a worker to take them.",
        ["worker"],
        registry=registry,
    )
    overdue = Gauge(
        "friendli_deploy_oldest_overdue_seconds",
        "For how long the row that waits longest has been due.",
        ["worker"],
        registry=registry,
    )
    for worker, table in WORKED_ON.items():
        count, oldest, present = (
            await session.execute(
                select(func.count(), func.min(table.due_at), now()).where(table.due_at <= now())
            )
        ).one()
        due.labels(worker).set(count)
        waited = 0.0 if oldest is None else (present - oldest).total_seconds()
        overdue.labels(worker).set(max(0.0, waited))


async def _endpoints(session: AsyncSession, registry: CollectorRegistry) -> None:
    gauge = Gauge(
        "friendli_deploy_endpoints",
        "Endpoints that are watched, by Friendli's status; other for one that it may have added.",
        ["status"],
        registry=registry,
    )
    counts = dict.fromkeys([*map(str, InferenceDeploymentStatus), "other"], 0)
    rows = await session.execute(
        select(Deployment.status, func.count())
        .where(Deployment.state == DeploymentState.LIVE)
        .group_by(Deployment.status)
    )
    for status, count in rows:
        counts[status if status in counts else "other"] += count
    for status, count in counts.items():
        gauge.labels(status.lower()).set(count)


async def _friendli(
    session: AsyncSession, registry: CollectorRegistry, unready_after: float
) -> None:
    up = Gauge(
        "friendli_deploy_friendli_up",
        "Whether Friendli answers: 0 if no poll has succeeded for UNREADY_AFTER.",
        registry=registry,
    )
    up.set(await is_friendli_answering(session, unready_after))
    projects = Gauge(
        "friendli_deploy_watched_projects",
        "Projects that are polled: ok, or what their threads were told is in the way.",
        ["state"],
        registry=registry,
    )
    for state, count in (await projects_by_state(session)).items():
        projects.labels(state).set(count)


async def _replicas(
    session: AsyncSession, registry: CollectorRegistry, silent_after: float
) -> None:
    gauge = Gauge(
        "friendli_deploy_replicas", "Replicas that live, by role.", ["role"], registry=registry
    )
    found: list[Replica] = list(await live(session, silent_after))
    for role in Role:
        gauge.labels(role).set(sum(one.role is role for one in found))
