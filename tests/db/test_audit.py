"""The audit is written once: whoever holds the bot's connection can't change it."""

import pytest
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import DBAPIError

from bot.db.acts import AuditEntry, Effect
from bot.db.session import Database
from bot.deployments import audit
from bot.deployments.place import Place

PLACE = Place("", "T1", "C1")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(update(AuditEntry).values(person_id="U2"), id="update"),
        pytest.param(delete(AuditEntry), id="delete"),
    ],
)
async def test_the_database_refuses_to_change_it(database: Database, change: object) -> None:
    """An entry stays as it was written."""
    async with database.write() as session:
        audit.write(session, PLACE, "U1", "endpoint:sleep", Effect.DENIED)
    with pytest.raises(DBAPIError, match="append-only"):
        async with database.write() as session:
            await session.execute(change)  # type: ignore[call-overload] # either statement
    async with database.read() as session:
        assert (await session.scalars(select(AuditEntry.person_id))).all() == ["U1"]


async def test_what_isn_t_committed_leaves_no_trace(database: Database) -> None:
    """An act and its entry are one transaction."""

    async def give_up() -> None:
        async with database.write() as session:
            audit.write(session, PLACE, "U1", "endpoint:sleep", Effect.ACCEPTED)
            await session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await give_up()
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(AuditEntry)) == 0


async def test_pages_and_export_read_the_same(database: Database) -> None:
    """A channel's pages newest first, the export of all channels oldest first."""
    async with database.write() as session:
        for number in range(5):
            audit.write(session, PLACE, "U1", f"test:{number}", Effect.DONE)
        audit.write(session, Place("", "T1", "C2"), "U1", "test:elsewhere", Effect.DONE)
    reader = audit.Audit(database)
    first = await reader.newest(PLACE, 3)
    second = await reader.newest(PLACE, 3, before=first[-1].id)
    assert [one.action for one in [*first, *second]] == [f"test:{n}" for n in (4, 3, 2, 1, 0)]
    exported = [entry.action async for entry in reader.since(None)]
    assert exported == [*(f"test:{n}" for n in range(5)), "test:elsewhere"]
