"""Log what a transaction did once it is committed, and not if it is rolled back."""

import structlog
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session


def log_committed(
    session: AsyncSession, log: structlog.stdlib.BoundLogger, what: str, **fields: object
) -> None:
    """Write a line at INFO as the transaction commits, with what is bound to the task now."""
    line = {**structlog.contextvars.get_contextvars(), **fields}

    def committed(_session: Session) -> None:
        log.info(what, **line)

    event.listen(session.sync_session, "after_commit", committed, once=True)
