"""Shared by all tables: stored types, and the columns for claims."""

from datetime import datetime
from typing import Any, cast

from sqlalchemy import JSON, MetaData, Table, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from bot.db.clock import Moment


class Base(DeclarativeBase):
    """The declarative base: type map and naming convention."""

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
    """PostgreSQL storage parameters of a hot table: page fill in percent, dead part."""
    return {
        "postgresql_with": {"fillfactor": fillfactor, "autovacuum_vacuum_scale_factor": vacuum_at}
    }


class Claimable:
    """Columns of a row that workers claim."""

    due_at: Mapped[datetime | None] = mapped_column(index=True)
    fencing_token: Mapped[int] = mapped_column(default=0)
    # Claimed now; and made due again meanwhile.
    claimed: Mapped[bool] = mapped_column(default=False)
    due_again: Mapped[bool] = mapped_column(default=False)
