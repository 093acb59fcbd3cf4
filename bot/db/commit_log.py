"""Log a transaction's effect once it is committed."""

import structlog
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session


def log_committed(
    session: AsyncSession, log: structlog.stdlib.BoundLogger, what: str, **fields: object
) -> None:
    """Log a line at INFO on commit, with the task's current context."""
    line = {**structlog.contextvars.get_contextvars(), **fields}

    def committed(_session: Session) -> None:
        log.info(what, **line)

    event.listen(session.sync_session, "after_commit", committed, once=True)
