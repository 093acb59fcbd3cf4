"""Runs the workers, each from when its dependencies are reached, until all are stopped."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import structlog

from bot.db.session import Database
from bot.ops.dependencies import Dependencies
from bot.workers.claim_loop import Worker
from bot.workers.scan import Scan

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Workers:
    """The workers."""

    deployments: Worker
    poller: Worker
    delivery: Worker
    scheduler: Worker
    smoke_tester: Worker
    prompt_recovery: Worker

    @property
    def all(self) -> tuple[Worker, ...]:
        return (
            self.deployments,
            self.poller,
            self.delivery,
            self.scheduler,
            self.smoke_tester,
            self.prompt_recovery,
        )


class Supervisor:
    """Runs the workers.

    Args:
        workers: Not started yet; None in a web-only process.
        timeout: Seconds for work in progress when they are stopped.
    """

    def __init__(
        self,
        database: Database,
        workers: Workers | None,
        dependencies: Dependencies,
        timeout: float,
    ) -> None:
        self._workers = workers
        self._needs: dict[asyncio.Task[None], list[asyncio.Event]] = {}
        if workers is None:
            return
        self._scan = Scan(database, workers.all)
        tables, slack = dependencies.database.reached, dependencies.slack.reached
        self._needs = {
            asyncio.create_task(_when_reached(needs, run), name=name): needs
            for name, run, needs in (
                ("deployments", partial(workers.deployments.run, timeout), [tables]),
                ("poller", partial(workers.poller.run, timeout), [tables]),
                ("delivery", partial(workers.delivery.run, timeout), [tables, slack]),
                ("scheduler", partial(workers.scheduler.run, timeout), [tables]),
                ("smoke_tester", partial(workers.smoke_tester.run, timeout), [tables]),
                (
                    "prompt_recovery",
                    partial(workers.prompt_recovery.run, timeout),
                    [tables, slack],
                ),
                ("scan", self._scan.run, [tables]),
            )
        }
        for task in self._needs:
            task.add_done_callback(_report)

    def is_complete(self) -> bool:
        return not any(task.done() for task in self._needs)

    async def stop(self) -> None:
        if self._workers is None:
            return
        self._scan.stop()
        for worker in self._workers.all:
            worker.stop()
        for task, needs in self._needs.items():
            if not all(need.is_set() for need in needs):
                task.cancel()
        await asyncio.gather(*self._needs, return_exceptions=True)


async def _when_reached(needs: list[asyncio.Event], run: Callable[[], Awaitable[None]]) -> None:
    for need in needs:
        await need.wait()
    await run()


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.critical("a worker broke", worker=task.get_name(), exc_info=error)
