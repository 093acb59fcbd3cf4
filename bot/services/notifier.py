"""How whoever writes down what is to be done lets this process's workers look at once.

Nothing depends on it: what nobody was told of is found by the next scan, here or elsewhere.
"""

from collections.abc import Callable
from dataclasses import dataclass


def _nobody() -> None:
    """There is no such worker here."""


@dataclass(slots=True)
class WorkerNotifier:
    """Makes each worker look for what is due, now; the workers are put in once they are there."""

    creator: Callable[[], None] = _nobody
    poller: Callable[[], None] = _nobody
    sender: Callable[[], None] = _nobody
    scheduler: Callable[[], None] = _nobody

    def all(self) -> None:
        """Make every worker look."""
        self.creator()
        self.poller()
        self.sender()
        self.scheduler()
