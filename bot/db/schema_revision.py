"""Whether the tables still have this version's schema revision."""

import structlog
from sqlalchemy import text

from bot.db.migrate import newest_revision

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

REVISION = text("SELECT version_num FROM alembic_version")
"""Alembic's table."""


class Schema:
    """Compares the database's revision with ours.

    While they differ, this process claims no rows and accepts no requests: an older version would
    decide by rules that a newer one has replaced.

    Attributes:
        ours: The revision that this version migrates to.
        found: The database's, as of the last heartbeat.
    """

    def __init__(self) -> None:
        self.ours = newest_revision()
        self.found = self.ours

    def is_current(self) -> bool:
        return self.found == self.ours

    @property
    def reason(self) -> str:
        """What is wrong and what helps; '' if nothing is."""
        if self.is_current():
            return ""
        return (
            f"the database is at schema revision {self.found}, this process needs {self.ours}:"
            " replace it with the version that migrated the database"
        )

    async def check(self) -> bool | str:
        """For `/readyz`: True, or what is wrong."""
        return self.reason or True

    def compare(self, found: str) -> None:
        if found == self.found:
            return
        self.found = found
        if self.is_current():
            log.info("schema revision fits again", revision=found)
        else:
            log.error("schema revision doesn't fit: claiming and accepting stop", why=self.reason)
