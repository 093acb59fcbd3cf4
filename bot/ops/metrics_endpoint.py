"""`/metrics` in Prometheus' text format: this process's counters, and gauges from the database."""

from collections.abc import Callable, Mapping
from functools import partial

import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
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
from bot.domain.process.metrics import (
    DATABASE_UP,
    ENDPOINTS,
    FRIENDLI_UP,
    OLDEST_OVERDUE,
    REGISTRY,
    REPLICAS,
    ROWS_DUE,
    SLACK_UP,
    WATCHED_PROJECTS,
)
from bot.domain.process.role import Role
from bot.domain.process.single_flight import SingleFlight
from bot.domain.schemas import InferenceDeploymentStatus
from bot.services.friendli_health import is_friendli_answering, projects_by_state

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

WORKED_ON: Mapping[str, ClaimableTable] = {
    "deployments": Deployment,
    "poller": WatchedProject,
    "delivery": Channel,
}


def metrics_route(
    database: Database, settings: Settings, *, is_slack_up: Callable[[], bool]
) -> web.RouteDef:
    # Concurrent scrapes share one reading of the database.
    reading = SingleFlight(partial(_stand, database, settings))

    async def metrics(_request: web.Request) -> web.Response:
        replicas_own = CollectorRegistry()
        SLACK_UP.gauge(replicas_own).set(is_slack_up())
        text = generate_latest(REGISTRY) + generate_latest(replicas_own)
        text += generate_latest(await reading())
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_LATEST})

    return web.get("/metrics", metrics)


async def _stand(database: Database, settings: Settings) -> CollectorRegistry:
    registry = CollectorRegistry()
    reached = DATABASE_UP.gauge(registry)
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
    due = ROWS_DUE.gauge(registry)
    overdue = OLDEST_OVERDUE.gauge(registry)
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
    gauge = ENDPOINTS.gauge(registry)
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
    answers = await is_friendli_answering(session, unready_after)
    FRIENDLI_UP.gauge(registry).set(answers)
    projects = WATCHED_PROJECTS.gauge(registry)
    for state, count in (await projects_by_state(session)).items():
        projects.labels(state).set(count)


async def _replicas(
    session: AsyncSession, registry: CollectorRegistry, silent_after: float
) -> None:
    gauge = REPLICAS.gauge(registry)
    found: list[Replica] = list(await live(session, silent_after))
    for role in Role:
        gauge.labels(role).set(sum(one.role is role for one in found))
