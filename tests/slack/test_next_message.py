"""Selection of the next message in a channel with a long history."""

from typing import Any

import pytest
from sqlalchemy import event, insert, select, text
from sqlalchemy.engine import Connection

from bot.db.claims import Claim
from bot.db.clock import now
from bot.db.message_tables import Channel, Message, Workspace
from bot.db.session import Database
from bot.domain.delivery import Delivery, MessageKind
from bot.slack.next_message import OutboxJob, next_message

_HISTORY = 3_000


@pytest.fixture
async def claim(database: Database) -> Claim:
    """On a channel with thousands of messages, one pending and one outdated."""
    async with database.write() as session:
        session.add(Workspace(id=1, enterprise_id="", workspace_id="T1"))
        await session.flush()
        session.add(Channel(id=1, workspace_row_id=1, address="C1", channel_id="C1"))
        await session.flush()
        sent: dict[str, Any] = {
            "channel_row_id": 1,
            "kind": MessageKind.DIRECT,
            "body": {"text": "Hello", "blocks": []},
            "delivery": Delivery.SENT,
            "sent_version": 1,
            "ts": "1.000001",
        }
        await session.execute(insert(Message), [sent] * _HISTORY)
        await session.execute(insert(Message), [{**sent, "delivery": Delivery.DROPPED}] * 10)
        await session.execute(insert(Message), [{**sent, "version": 2}])
        await session.execute(insert(Message), [{**sent, "delivery": Delivery.PENDING}])
        if not database.is_sqlite:
            # What autovacuum does by and by.
            await session.execute(text("ANALYZE messages"))
        return Claim(1, 0, (await session.execute(select(now()))).scalar_one())


async def test_a_long_history_is_not_read(database: Database, claim: Claim) -> None:
    """Only the index of open messages is read."""
    plans: list[str] = []

    def explain(
        connection: Connection,
        _cursor: object,
        statement: str,
        parameters: Any,  # noqa: ANN401 - the driver's
        _context: object,
        _many: bool,  # noqa: FBT001 - SQLAlchemy's signature
    ) -> None:
        if "FROM messages" in statement and not statement.startswith("EXPLAIN"):
            verb = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
            rows = connection.exec_driver_sql(verb + statement, parameters)
            plans.extend(str(value) for row in rows for value in row)

    async with database.read() as session:
        event.listen(database.engine.sync_engine, "before_cursor_execute", explain)
        found = await next_message(session, claim, edit_interval=1.0)
        event.remove(database.engine.sync_engine, "before_cursor_execute", explain)
    assert isinstance(found, OutboxJob)
    assert found.message.delivery == Delivery.PENDING
    on_messages = [step for step in plans if "messages" in step]
    assert any("ix_messages_open" in step for step in on_messages)
    whole = ("Seq Scan on messages", "SCAN messages")
    assert not any(step.strip(" ->").startswith(whole) for step in on_messages), plans
