"""How whoever writes down what is to be done lets this process's workers look at once.

Nothing depends on it: what nobody was told of is found by the next scan, here or elsewhere.
"""

from collections.abc import Callable
from dataclasses import dataclass


def _nobody() -> None:
    """There is no such worker here."""


@dataclass(slots=True)
class Nudges:
    """Makes each worker look for what is due, now; the workers are put in once they are there."""

    submitter: Callable[[], None] = _nobody
    tracker: Callable[[], None] = _nobody
    sender: Callable[[], None] = _nobody
    scheduler: Callable[[], None] = _nobody

    def all(self) -> None:
        """Make every worker look."""
        self.submitter()
        self.tracker()
        self.sender()
        self.scheduler()
