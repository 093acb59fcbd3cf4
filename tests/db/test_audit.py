"""The audit is written once: whoever holds the bot's connection can't change it."""

import pytest
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.exc import DBAPIError

from bot.db.operation_tables import AuditEntry
from bot.db.session import Database
from bot.domain.actors import ChannelRef
from bot.domain.audit_effect import Effect
from bot.services import audit

PLACE = ChannelRef("", "T1", "C1")


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


_REPLACING = {
    "sqlite": {
        "by its number": "INSERT OR REPLACE INTO audit SELECT * FROM changed",
        "by its request id": "REPLACE INTO audit SELECT * FROM renumbered",
        "as an upsert": """
            INSERT INTO audit SELECT * FROM changed WHERE true
            ON CONFLICT (id) DO UPDATE SET person_id = 'U2'
        """,
        "all of them": "UPDATE OR REPLACE audit SET person_id = 'U2'",
    },
    "postgresql": {
        "by its number": """
            INSERT INTO audit SELECT * FROM changed
            ON CONFLICT (id) DO UPDATE SET person_id = 'U2'
        """,
        "by its request id": """
            INSERT INTO audit SELECT * FROM renumbered
            ON CONFLICT (request_id) DO UPDATE SET person_id = 'U2'
        """,
        "as an upsert": """
            MERGE INTO audit USING changed ON audit.id = changed.id
            WHEN MATCHED THEN UPDATE SET person_id = 'U2'
        """,
        "all of them": "TRUNCATE audit",
    },
}


async def replace(database: Database, statement: str) -> None:
    """Run a statement that takes rows from copies of the audit: changed, and renumbered."""
    async with database.write() as session:
        for each in (
            "CREATE TEMPORARY TABLE changed AS SELECT * FROM audit",
            "UPDATE changed SET person_id = 'U2'",
            "CREATE TEMPORARY TABLE renumbered AS SELECT * FROM changed",
            "UPDATE renumbered SET id = id + 1",
            statement,
        ):
            await session.execute(text(each))


@pytest.mark.parametrize("how", _REPLACING["sqlite"])
async def test_the_database_refuses_to_replace_an_entry(database: Database, how: str) -> None:
    """An insert can't take the place of an entry either."""
    async with database.write() as session:
        audit.write(session, PLACE, "U1", "endpoint:sleep", Effect.DENIED, request_id="R1")
    with pytest.raises(DBAPIError, match="append-only"):
        await replace(database, _REPLACING[database.engine.dialect.name][how])
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
        audit.write(session, ChannelRef("", "T1", "C2"), "U1", "test:elsewhere", Effect.DONE)
    reader = audit.Audit(database)
    first = await reader.newest(PLACE, 3)
    second = await reader.newest(PLACE, 3, before=first[-1].id)
    assert [one.action for one in [*first, *second]] == [f"test:{n}" for n in (4, 3, 2, 1, 0)]
    exported = [entry.action async for entry in reader.since(None)]
    assert exported == [*(f"test:{n}" for n in range(5)), "test:elsewhere"]
