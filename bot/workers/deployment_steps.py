"""Takes the next step of a claimed deployment: each state has its own module.

| state | step |
|---|---|
| proposed, requested | `bot.workers.creator`, or ended first: `bot.workers.before_creation` |
| sending | its sender died or stalled: `bot.workers.creator` |
| created, outcome_unknown, not_created, ambiguous | `bot.workers.reconciler` |
| live | `bot.workers.live_step` |
| over | unfinished operations are ended |
"""

from datetime import datetime, timedelta

from sqlalchemy import select

from bot.config import Settings
from bot.db.claims import Claim, release
from bot.db.clock import now
from bot.db.deployment_tables import Deployment, WatchedProject
from bot.db.session import Database
from bot.domain.deployment_state import DeploymentState
from bot.services.lookup import bind_request
from bot.services.pending_operations import drop_operations
from bot.services.proposal_expiry import expire
from bot.workers.before_creation import cancel, give_up_unannounced
from bot.workers.creator import Creator
from bot.workers.live_step import LiveStep
from bot.workers.reconciler import Reconciler


class DeploymentSteps:
    """Handles one claimed deployment."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        *,
        creator: Creator,
        reconciler: Reconciler,
        live_step: LiveStep,
    ) -> None:
        self._database = database
        self._settings = settings
        self._creator = creator
        self._reconciler = reconciler
        self._live_step = live_step

    async def handle(self, claim: Claim) -> None:
        async with self._database.read() as session:
            deployment = await session.get_one(Deployment, claim.id)
            project = await session.get_one(WatchedProject, deployment.watched_project_id)
            present = (await session.execute(select(now()))).scalar_one()
            await bind_request(session, deployment)
        if project.unreconciled and deployment.state in (
            DeploymentState.REQUESTED,
            DeploymentState.LIVE,
        ):
            await self._wait_for_list(claim)
        else:
            await self._step(claim, deployment, project, present)

    async def _step(
        self, claim: Claim, deployment: Deployment, project: WatchedProject, present: datetime
    ) -> None:
        match deployment.state:
            case DeploymentState.REQUESTED | DeploymentState.PROPOSED if (
                deployment.cancel_requested_by is not None
            ):
                async with self._database.write() as session:
                    await cancel(session, claim, self._settings)
            case DeploymentState.REQUESTED | DeploymentState.PROPOSED if (
                deployment.thread_ts is None
            ):
                async with self._database.write() as session:
                    await give_up_unannounced(session, claim, self._settings)
            case DeploymentState.PROPOSED:
                async with self._database.write() as session:
                    await expire(session, claim, self._settings)
            case DeploymentState.REQUESTED:
                await self._creator.create(claim, deployment, project, present)
            case DeploymentState.SENDING:
                # The process that was sending died, or stalled past its lease.
                await self._creator.doubt(claim, None)
            case DeploymentState.AMBIGUOUS if not deployment.candidate_notes:
                # Only a person can tell endpoints of the same name apart.
                async with self._database.write() as session:
                    await release(session, Deployment, claim, due=None)
            case (
                DeploymentState.CREATED
                | DeploymentState.OUTCOME_UNKNOWN
                | DeploymentState.NOT_CREATED
                | DeploymentState.AMBIGUOUS
            ):
                await self._reconciler.search(claim, deployment, project)
            case DeploymentState.LIVE:
                await self._live_step.handle(claim, deployment, project)
            case _:
                async with self._database.write() as session:
                    if await release(session, Deployment, claim, due=None):
                        over = await session.get_one(Deployment, claim.id)
                        await drop_operations(session, over, self._settings)

    async def _wait_for_list(self, claim: Claim) -> None:
        """In a restored database, nothing is sent before the project was listed."""
        wait = timedelta(seconds=self._settings.poll_seconds_transitional)
        async with self._database.write() as session:
            await release(session, Deployment, claim, due=wait)
