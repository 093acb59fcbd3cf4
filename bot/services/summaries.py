"""Summaries of deployments: those of a person, and the one of a thread."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Settings
from bot.db.clock import now
from bot.db.deployment_tables import Deployment, Target
from bot.db.operation_tables import Schedule
from bot.db.session import Database
from bot.domain.actors import ChannelRef
from bot.domain.deployment_state import UNFINISHED, DeploymentState
from bot.domain.deployment_view import DeploymentView
from bot.domain.spend import Spend, estimate
from bot.domain.statuses import ENDED, facts_of
from bot.messages.endpoint_facts import EndpointFacts, NextSchedule
from bot.services.billing import Billing
from bot.services.deployment_views import views_of
from bot.services.lookup import find_deployment, in_channel, in_workspace


@dataclass(frozen=True, slots=True)
class Summary:
    """Summary of a deployment, at a time of the database's clock.

    Attributes:
        next_schedule: None if nothing is scheduled.
    """

    deployment_view: DeploymentView
    spend: Spend
    next_schedule: NextSchedule | None
    place: ChannelRef
    thread_ts: str | None
    project: int
    at: datetime

    @property
    def facts(self) -> EndpointFacts:
        """What every surface shows of it."""
        return EndpointFacts(self.deployment_view, self.spend, self.next_schedule)


@dataclass(frozen=True, slots=True)
class OwnSummaries:
    """What a person has deployed or follows in a workspace, and isn't over.

    Attributes:
        shown: Serving or changing ones first, then those at rest; the newest first among them.
        stopped: How many have failed or were terminated.
        elsewhere: How many are in channels that weren't named.
    """

    shown: Sequence[Summary]
    more: int
    stopped: int
    elsewhere: int
    at: datetime


class Summaries:
    """Reads summaries."""

    def __init__(self, database: Database, settings: Settings, billing: Billing) -> None:
        self._database = database
        self._settings = settings
        self._billing = billing

    async def of(
        self,
        place: ChannelRef,
        person_id: str,
        channels: Collection[str],
        *,
        besides: Collection[str],
        most: int,
    ) -> OwnSummaries:
        """The summaries of a person's deployments, in the channels that the person may see.

        Args:
            besides: Public ids of those that aren't counted.
        """
        async with self._database.read() as session:
            at = await _now(session)
            rows = (
                await session.scalars(
                    select(Deployment)
                    .where(
                        *in_workspace(Deployment, place),
                        Deployment.requester_id == person_id,
                        Deployment.state.in_(UNFINISHED),
                    )
                    .order_by(Deployment.id.desc())
                )
            ).all()
            here = [
                row for row in rows if row.channel_id in channels and row.public_id not in besides
            ]
            running = sorted((row for row in here if row.status not in ENDED), key=_rank)
            shown = await self._summaries(session, running[:most], at)
        return OwnSummaries(
            shown=shown,
            more=len(running) - len(shown),
            stopped=len(here) - len(running),
            elsewhere=sum(
                row.channel_id not in channels and row.status not in ENDED for row in rows
            ),
            at=at,
        )

    async def in_thread(self, place: ChannelRef, ts: str, public_id: str = "") -> Summary | None:
        """The deployment of a thread, or the one that its metadata names."""
        async with self._database.read() as session:
            row = await session.scalar(
                select(Deployment).where(
                    *in_channel(Deployment, place),
                    Deployment.thread_ts == ts,
                )
            )
            if row is None and public_id:
                # A status message that couldn't be edited any more, and was posted again.
                row = await find_deployment(session, place, public_id)
            if row is None:
                return None
            [summary] = await self._summaries(session, [row], await _now(session))
            return summary

    async def of_endpoints(
        self, place: ChannelRef, public_ids: Collection[str]
    ) -> Mapping[str, Summary]:
        """By public id, those of this workspace, with what Friendli charged."""
        async with self._database.read() as session:
            rows = await session.scalars(
                select(Deployment).where(
                    *in_workspace(Deployment, place), Deployment.public_id.in_(public_ids)
                )
            )
            found = await self._summaries(session, rows.all(), await _now(session))
        return {one.deployment_view.public_id: one for one in await self.charged(found)}

    async def charged(self, summaries: Sequence[Summary]) -> list[Summary]:
        """The same, with what Friendli charged if it answers in time."""
        days: dict[int, list[date]] = {}
        for one in filter(_may_be_charged, summaries):
            days.setdefault(one.project, []).append(_day(one.deployment_view.requested_at))
        todays = [_today(one) for one in summaries if _may_be_charged(one)]
        found = await asyncio.gather(
            *(self._billing.of(project, min(since), max(todays)) for project, since in days.items())
        )
        dollars = dict(zip(days, found, strict=True))
        return [_with(one, dollars.get(one.project, {})) for one in summaries]

    async def targets(
        self, place: ChannelRef, channels: Collection[str]
    ) -> Mapping[str, Sequence[str]]:
        """The names of targets by channel, defaults first."""
        found: dict[str, list[str]] = {}
        async with self._database.read() as session:
            rows = await session.execute(
                select(Target.channel_id, Target.name)
                .where(*in_workspace(Target, place))
                .order_by(Target.channel_id, Target.is_default.desc(), Target.name)
            )
            for channel_id, name in rows:
                if channel_id in channels:
                    found.setdefault(channel_id, []).append(name)
        return found

    async def _summaries(
        self, session: AsyncSession, rows: Sequence[Deployment], at: datetime
    ) -> list[Summary]:
        views = await views_of(session, rows, self._settings)
        live = [row.id for row in rows if row.state is DeploymentState.LIVE]
        planned = await _next_schedules(session, live)
        return [
            Summary(
                view,
                _spend(view, at),
                planned.get(row.id),
                ChannelRef(row.enterprise_id, row.workspace_id, row.channel_id),
                row.thread_ts,
                row.watched_project_id,
                at,
            )
            for row, view in zip(rows, views, strict=True)
        ]


def _spend(view: DeploymentView, at: datetime) -> Spend:
    setup = view.setup
    return estimate(view.history, setup.price_of_one, least=setup.least, most=setup.most, at=at)


async def _next_schedules(session: AsyncSession, ids: Sequence[int]) -> Mapping[int, NextSchedule]:
    rows = await session.execute(
        select(Schedule.deployment_id, Schedule.kind, Schedule.next_at)
        .where(Schedule.deployment_id.in_(ids), Schedule.next_at.is_not(None))
        .order_by(Schedule.next_at.desc(), Schedule.id.desc())
    )
    # The earliest of each comes last.
    return {id_: NextSchedule(kind, at) for id_, kind, at in rows if at is not None}


def _may_be_charged(one: Summary) -> bool:
    # What an imported endpoint cost before isn't counted.
    return bool(one.spend.seconds) and not one.deployment_view.is_imported


def _with(one: Summary, charged: Mapping[str, Decimal]) -> Summary:
    dollars = charged.get(one.deployment_view.endpoint_id or "")
    if dollars is None or not _may_be_charged(one):
        return one
    return replace(one, spend=one.spend.charged(dollars))


def _today(one: Summary) -> date:
    """The day by the API's clock, as far as its last transition shows the difference."""
    newest = one.deployment_view.history[-1]
    ahead = timedelta(0) if newest.api_at is None else newest.api_at - newest.observed_at
    return _day(one.at + max(ahead, timedelta(0)))


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()


async def _now(session: AsyncSession) -> datetime:
    return (await session.execute(select(now()))).scalar_one()


def _rank(row: Deployment) -> int:
    return 0 if row.status is None else facts_of(row.status).rank
