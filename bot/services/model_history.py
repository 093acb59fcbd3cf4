"""What this database has seen of a model before: whether it fits, and how long a start takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from bot.db.clock import now
from bot.db.session import Database
from bot.domain.fit_history import FitObservation
from bot.domain.instances import InstanceOption
from bot.domain.phase_times import UsualTime
from bot.services import fit_records, phase_statistics
from bot.services.phase_statistics import StartSetup


@dataclass(frozen=True, slots=True)
class SeenBefore:
    """What was seen of a model.

    Attributes:
        present: By the database's clock.
        observations: In the workspace, on all GPUs, newest first.
        usual: From a start to serving, on the given instance option; None if unknown.
    """

    present: datetime
    observations: Sequence[FitObservation] = ()
    usual: UsualTime | None = None


class ModelHistory:
    """Reads it, for what is shown before a click."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(
        self,
        workspace: fit_records.Workspace,
        model: str | None,
        option: InstanceOption | None,
        weights: float | None = None,
    ) -> SeenBefore:
        """What was seen of a model, whose start would be on an instance option.

        Args:
            workspace: Observations of no other are read.
            model: None if none is named.
            option: None if none is chosen.
            weights: The model's bytes, if known.
        """
        async with self._database.read() as session:
            present = (await session.execute(select(now()))).scalar_one()
            if not model:
                return SeenBefore(present)
            observations = await fit_records.observations(session, workspace, model)
            usual = None
            if option is not None:
                setup = StartSetup.planned(option, model, weights)
                usual = (await phase_statistics.start_times(session, setup)).whole
        return SeenBefore(present, observations, usual)
