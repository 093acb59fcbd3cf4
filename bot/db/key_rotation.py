"""Re-encrypt the stored API keys with the first encryption key, while replicas run.

Safe in this order only: every replica reads the new key before any writes it, and every one writes
it before the old one is removed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum, auto

from sqlalchemy import select, update

from bot.db.deployment_tables import Target, WatchedProject
from bot.db.encryption import KeyRing, UnreadableKeyError
from bot.db.heartbeats import live
from bot.db.session import Database


class OutOfOrderError(Exception):
    """Some replica can't read the new key, or still writes the old one.

    Attributes:
        next_step: What to do now.
    """

    def __init__(self, problem: str, next_step: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.next_step = next_step


@dataclass(frozen=True, slots=True)
class Rotation:
    """The result of a rotation.

    Attributes:
        current: How many were under the first key before.
        lost: Targets whose key no configured key decrypts.
    """

    rotated: int
    current: int
    lost: Sequence[str]


class _Outcome(StrEnum):
    ROTATED = auto()
    CURRENT = auto()
    LOST = auto()
    NONE = auto()


async def check_order(database: Database, key_ring: KeyRing, silent_after: float) -> None:
    """Raise OutOfOrderError unless every live replica encrypts with our first key."""
    async with database.read() as session:
        replicas = await live(session, silent_after)
    first = key_ring.fingerprints[0]
    without = [one.name for one in replicas if first not in one.key_fingerprints]
    if without:
        raise OutOfOrderError(
            f"{_of(without, len(replicas))} without the first key of these ENCRYPTION_KEYS.",
            "Add it to theirs as the second key and restart them; then make it the first"
            " everywhere, restart, and run this again.",
        )
    behind = [one.name for one in replicas if one.key_fingerprints[0] != first]
    if behind:
        raise OutOfOrderError(
            f"{_of(behind, len(replicas))} with another first key in ENCRYPTION_KEYS.",
            "Make the new key the first there too, restart them, and run this again.",
        )


async def rotate(database: Database, key_ring: KeyRing) -> Rotation:
    """Re-encrypt every stored key that isn't under the first encryption key, row by row."""
    async with database.read() as session:
        rows = (
            await session.scalars(
                select(WatchedProject.id)
                .where(WatchedProject.key_ciphertext.is_not(None))
                .order_by(WatchedProject.id)
            )
        ).all()
    outcomes = {row: await _rotate(database, key_ring, row) for row in rows}
    counted = list(outcomes.values())
    lost = [row for row, outcome in outcomes.items() if outcome is _Outcome.LOST]
    return Rotation(
        counted.count(_Outcome.ROTATED),
        counted.count(_Outcome.CURRENT),
        await targets_of(database, lost),
    )


async def _rotate(database: Database, key_ring: KeyRing, row: int) -> _Outcome:
    while True:
        async with database.read() as session:
            old = await session.scalar(
                select(WatchedProject.key_ciphertext).where(WatchedProject.id == row)
            )
        # Neither a wiped key nor the operator's is encrypted by us.
        if not old:
            return _Outcome.NONE
        if not key_ring.needs_rotation(old):
            return _Outcome.CURRENT
        try:
            new = key_ring.rotate(old)
        except UnreadableKeyError:
            return _Outcome.LOST
        async with database.write() as session:
            written = await session.execute(
                update(WatchedProject)
                # A key that was connected meanwhile stays.
                .where(WatchedProject.id == row, WatchedProject.key_ciphertext == old)
                .values(key_ciphertext=new)
                .returning(WatchedProject.id)
                .execution_options(synchronize_session=False)
            )
            if written.first() is not None:
                return _Outcome.ROTATED


async def targets_of(database: Database, rows: Sequence[int]) -> Sequence[str]:
    """The targets of watched projects as enterprise/workspace/channel/name, '-' for none."""
    async with database.read() as session:
        targets = await session.execute(
            select(Target.enterprise_id, Target.workspace_id, Target.channel_id, Target.name)
            .where(Target.watched_project_id.in_(rows))
            .order_by(Target.enterprise_id, Target.workspace_id, Target.channel_id, Target.name)
        )
        return ["/".join(part or "-" for part in target) for target in targets]


def _of(some: Sequence[str], total: int) -> str:
    verb = "runs" if len(some) == 1 else "run"
    return f"{len(some)} of {total} live replicas ({', '.join(some)}) {verb}"
