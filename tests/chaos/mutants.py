"""Copies of the bot without one safeguard each: each must turn the crash tests red."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.domain.operations import OperationKind
from tests.chaos.cells import Cell, Fault, RequestKind
from tests.chaos.databases import Engine

_ROOT = Path(__file__).parents[2]
_PARTS = ("bot", "migrations")


@dataclass(frozen=True, slots=True)
class Change:
    """A replacement in the source.

    Attributes:
        path: From the repository's root.
        before: Stands there exactly once.
    """

    path: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Mutant:
    """A bot without one safeguard.

    Attributes:
        cells: In which at least one run must be red.
    """

    name: str
    changes: Sequence[Change]
    cells: Sequence[tuple[Cell, Engine]]


class NotMatchedError(Exception):
    """A snippet isn't in the source any more."""


MUTANTS = (
    Mutant(
        "the fence",
        (
            Change(
                "bot/db/claims.py",
                ".where(table.id == claim.id, table.fencing_token == claim.fencing_token)",
                ".where(table.id == claim.id)",
            ),
        ),
        (
            (Cell(RequestKind.POLL, Fault.SUSPEND), Engine.POSTGRESQL),
            (Cell(RequestKind.CREATE, Fault.SUSPEND), Engine.POSTGRESQL),
        ),
    ),
    Mutant(
        'the "sending" commit',
        (
            Change(
                "bot/workers/creator.py",
                "                state=DeploymentState.SENDING,\n",
                "                state=DeploymentState.REQUESTED,\n",
            ),
        ),
        (
            (Cell(RequestKind.CREATE, Fault.KILL_ACTED), Engine.SQLITE),
            (Cell(RequestKind.CREATE, Fault.KILL_ACTED), Engine.POSTGRESQL),
        ),
    ),
    Mutant(
        "the adoption rule",
        (
            Change(
                "bot/domain/matching.py",
                "named = [one for one in left if one.name == criteria.request.name]",
                "named = left[:1]",
            ),
        ),
        (
            (Cell(RequestKind.CREATE, Fault.LOST_REPLY), Engine.SQLITE),
            (Cell(RequestKind.LOOK, Fault.KILL_ACTED), Engine.SQLITE),
        ),
    ),
    Mutant(
        "the reconcile",
        (
            Change(
                "bot/slack/delivery.py",
                "        match await self._history.find(job, channel_id):\n",
                "        await self._store.post_again(job)\n"
                "        return\n"
                "        match await self._history.find(job, channel_id):\n",
            ),
        ),
        (
            (Cell(RequestKind.REPLY, Fault.LOST_REPLY), Engine.SQLITE),
            (Cell(RequestKind.ROOT, Fault.KILL_ACTED), Engine.SQLITE),
        ),
    ),
    Mutant(
        "the look before an update is sent again",
        (
            Change(
                "bot/workers/operation_runner.py",
                "        if operation.state == OperationState.SENDING:\n            version",
                "        if operation.attempts > 99:\n            version",
            ),
        ),
        (
            (Cell(OperationKind.UPDATE, Fault.LOST_REPLY), Engine.SQLITE),
            (Cell(OperationKind.UPDATE, Fault.KILL_ACTED), Engine.SQLITE),
        ),
    ),
    Mutant(
        "the approval of operations",
        (
            Change(
                "bot/services/operations.py",
                "return (await policy_of(session, deployment)).asks_for_approval(terms.dollars)",
                "return False",
            ),
        ),
        (
            (Cell(RequestKind.APPROVE_WAKE, Fault.KILL_ACTED), Engine.SQLITE),
            (Cell(RequestKind.APPROVE_RESTART, Fault.KILL_ACTED), Engine.SQLITE),
        ),
    ),
    Mutant(
        "the answer that is written before the acknowledgement",
        (
            Change(
                "bot/services/pending_responses.py",
                "if workspace is None:",
                "if workspace is not None:",
            ),
        ),
        (
            (Cell(RequestKind.ANSWER, Fault.KILL_ARRIVES), Engine.SQLITE),
            (Cell(RequestKind.ANSWER, Fault.KILL_ARRIVES), Engine.POSTGRESQL),
        ),
    ),
)


@contextmanager
def mutated(mutant: Mutant) -> Iterator[Path]:
    """Make the mutant; gives its folder.

    Raises:
        NotMatchedError: A change doesn't apply.
    """
    with TemporaryDirectory(prefix="mutant") as name:
        folder = Path(name)
        for part in _PARTS:
            shutil.copytree(
                _ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__")
            )
        for change in mutant.changes:
            _apply(folder / change.path, change)
        yield folder


def _apply(file: Path, change: Change) -> None:
    source = file.read_text()
    if source.count(change.before) != 1:
        raise NotMatchedError(f"{change.path} has changed: {change.before!r} isn't there once")
    file.write_text(source.replace(change.before, change.after))
