"""What all tables share: how types are stored, and the columns that workers claim rows by."""

from datetime import datetime
from typing import Any, cast

from sqlalchemy import JSON, MetaData, Table, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from bot.db.clock import Moment


class Base(DeclarativeBase):
    """Declares how Python types are stored and constraints are named."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's way to declare it
        datetime: Moment,
        str: Text,
        dict[str, Any]: JSON,
        list[str]: JSON,
    }


def table_of(model: type[Base]) -> Table:
    """The table of a model, for statements that need nothing of the ORM."""
    return cast("Table", model.__table__)


def storage(*, fillfactor: int, vacuum_at: float) -> dict[str, Any]:
    """How PostgreSQL keeps a table whose rows are written again and again.

    Every write leaves the row's last version behind. By default those are tidied up once they are
    a fifth of the table, far too late for the few rows that are written every few seconds, and for
    a table in which nearly all rows rest for ever.

    Args:
        fillfactor: Percent of a page that new rows fill; the rest is for their next versions, which
            need no new index entries there as long as no indexed column changes.
        vacuum_at: The part of the table that is left behind when it is tidied up.
    """
    return {
        "postgresql_with": {"fillfactor": fillfactor, "autovacuum_vacuum_scale_factor": vacuum_at}
    }


class Claimable:
    """Columns of a row that workers claim."""

    due_at: Mapped[datetime | None] = mapped_column(index=True)
    fencing_token: Mapped[int] = mapped_column(default=0)
    # Someone works on it now; and meanwhile there came more to do.
    claimed: Mapped[bool] = mapped_column(default=False)
    due_again: Mapped[bool] = mapped_column(default=False)
