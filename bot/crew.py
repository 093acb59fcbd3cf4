"""The four workers: each at work from when it can be, until all are told to stop."""

import asyncio
from dataclasses import dataclass

from bot import logs
from bot.deployments.worker import Worker
from bot.outside import Outside

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Workers:
    """What each does says its module."""

    submitter: Worker
    tracker: Worker
    sender: Worker
    scheduler: Worker

    @property
    def all(self) -> tuple[Worker, Worker, Worker, Worker]:
        """All of them."""
        return self.submitter, self.tracker, self.sender, self.scheduler


class Crew:
    """Puts the workers to work.

    Args:
        workers: Not at work yet; None in a process that only answers Slack.
        outside: What they wait for.
        patience: Seconds that what is in hand has when they are told to stop.
    """

    def __init__(self, workers: Workers | None, outside: Outside, patience: float) -> None:
        self._workers = workers
        self._needs: dict[asyncio.Task[None], list[asyncio.Event]] = {}
        if workers is None:
            return
        database, slack = outside.database.reached, outside.slack.reached
        self._needs = {
            asyncio.create_task(_work(worker, needs, patience), name=name): needs
            for name, worker, needs in (
                ("submitter", workers.submitter, [database]),
                ("tracker", workers.tracker, [database]),
                ("sender", workers.sender, [database, slack]),
                ("scheduler", workers.scheduler, [database]),
            )
        }
        for task in self._needs:
            task.add_done_callback(_report)

    def is_complete(self) -> bool:
        """Whether none has broken."""
        return not any(task.done() for task in self._needs)

    async def stop(self) -> None:
        """Let what is in hand end."""
        for worker in self._workers.all if self._workers is not None else ():
            worker.stop()
        for task, needs in self._needs.items():
            if not all(need.is_set() for need in needs):
                task.cancel()
        await asyncio.gather(*self._needs, return_exceptions=True)


async def _work(worker: Worker, needs: list[asyncio.Event], patience: float) -> None:
    for need in needs:
        await need.wait()
    await worker.run(patience)


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.critical("a worker broke", worker=task.get_name(), exc_info=error)
