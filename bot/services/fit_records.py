"""Records which models served or ran out of memory, per workspace, and reads it back."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any, Protocol

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.clock import after
from bot.db.deployment_tables import Deployment, FitRecord
from bot.domain.fit_history import EngineSettings, FitObservation, FitOutcome
from bot.domain.instances import InstanceOption, by_id
from bot.domain.request.deploy_request import DeployRequest
from bot.domain.schemas import InferenceDeploymentErrorCode as Code
from bot.domain.statuses import SERVING
from bot.domain.transitions import ObservedTransition, State

# Newest first; older ones say little about today's engine.
_MOST_READ = 500


class Workspace(Protocol):
    """What a place or a deployment has."""

    @property
    def enterprise_id(self) -> str: ...
    @property
    def workspace_id(self) -> str: ...


async def record(session: AsyncSession, deployment: Deployment, newest: ObservedTransition) -> None:
    """Record a transition that shows whether the model fits; others are ignored.

    Nothing is recorded of a version that was made elsewhere: its settings may be different.
    """
    outcome = _outcome(newest.state)
    seen = None if outcome is None or deployment.version_elsewhere else _setup(deployment)
    if outcome is None or seen is None:
        return
    option, model, revision, settings = seen
    found = await session.scalars(
        select(FitRecord).where(
            FitRecord.deployment_public_id == deployment.public_id, FitRecord.outcome == outcome
        )
    )
    values = {
        "model": model,
        "revision": revision,
        "gpu": option.gpu.name,
        "gpu_count": option.count,
        "settings": settings,
    }
    for row in found:
        if all(getattr(row, column) == value for column, value in values.items()):
            row.at = newest.observed_at
            return
    session.add(
        FitRecord(
            **values,
            enterprise_id=deployment.enterprise_id,
            workspace_id=deployment.workspace_id,
            outcome=outcome,
            deployment_public_id=deployment.public_id,
            at=newest.observed_at,
        )
    )


async def observations(
    session: AsyncSession, workspace: Workspace, model: str
) -> Sequence[FitObservation]:
    """What was seen of a model in a workspace, on all GPUs, newest first."""
    rows = await session.scalars(
        select(FitRecord)
        .where(
            FitRecord.enterprise_id == workspace.enterprise_id,
            FitRecord.workspace_id == workspace.workspace_id,
            FitRecord.model == model,
        )
        .order_by(FitRecord.at.desc(), FitRecord.id.desc())
        .limit(_MOST_READ)
    )
    return [
        FitObservation(
            row.revision,
            row.gpu,
            row.gpu_count,
            EngineSettings(**row.settings),
            row.outcome,
            row.at,
        )
        for row in rows
    ]


async def forget(session: AsyncSession, *, older_than: timedelta) -> None:
    await session.execute(
        delete(FitRecord)
        .where(FitRecord.at <= after(-older_than))
        .execution_options(synchronize_session=False)
    )


def _outcome(state: State) -> FitOutcome | None:
    if state.status in SERVING:
        return FitOutcome.SERVED
    if state.error_code == Code.INFERENCE_ENGINE_MEMORY_ERROR:
        return FitOutcome.OUT_OF_MEMORY
    return None


def _setup(deployment: Deployment) -> tuple[InstanceOption, str, str, dict[str, Any]] | None:
    """Instance option, model, revision and engine settings; None if one of them is unknown."""
    if deployment.spec is not None:
        # An endpoint made elsewhere: the API doesn't report these settings.
        return None
    request = DeployRequest.model_validate(deployment.request)
    option = by_id(request.instance_option_id)
    if option is None:
        return None
    return option, request.model, request.revision or "", asdict(request.engine_settings)
