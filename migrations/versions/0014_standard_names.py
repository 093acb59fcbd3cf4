"""Rename columns and stored values to the field's standard terms.

Nothing was released before, so the columns are renamed in one step: a process of the version before
claims nothing and takes no requests while the schema's revision differs from its own.
"""

import json
from collections.abc import Mapping

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_CLAIMABLE = {"fence": "fencing_token", "held": "claimed", "woken": "due_again"}
_COLUMNS: Mapping[str, Mapping[str, str]] = {
    "channels": _CLAIMABLE,
    "schedules": {**_CLAIMABLE, "asked_by": "requested_by", "asked_at": "requested_at"},
    "watched_projects": {**_CLAIMABLE, "told": "reported_failure"},
    "operations": {"asked_by": "requested_by", "asked_at": "requested_at"},
    "deployments": {
        **_CLAIMABLE,
        "asked_at": "requested_at",
        "step": "state",
        "step_before": "state_before",
        "root_ts": "thread_ts",
        "answer_words": "answer_message",
        "search_told": "search_reported",
        "acted_at": "last_operation_at",
        "stop_asked_by": "cancel_requested_by",
        "stop_done": "cancel_done",
        "lease_seconds": "lifetime_seconds",
        "lease_end": "expiry_action",
        "lease_ends_at": "lifetime_ends_at",
        "lease_warned_at": "lifetime_warned_at",
        "over_at": "ended_at",
    },
}
_STATES = {
    "asked": "requested",
    "made": "created",
    "doubtful": "outcome_unknown",
    "unclear": "ambiguous",
    "not_made": "not_created",
}
_VALUES: tuple[tuple[str, str, Mapping[str, str]], ...] = (
    ("deployments", "state", _STATES),
    ("deployments", "state_before", _STATES),
    ("operations", "state", {"asked": "requested"}),
    ("operations", "cause", {"lease": "lifetime"}),
    ("grants", "permission", {"lease:extend": "lifetime:extend"}),
    ("replicas", "role", {"front": "web"}),
)
# Keys of the objects in JSON columns.
_KEYS = {
    "lease_seconds": "lifetime_seconds",
    "lease_end": "expiry_action",
    "lease_hours": "lifetime_hours",
    "loudness": "notification_level",
}
_DOCUMENTS = (
    ("deployments", "request"),
    ("deployments", "first_request"),
    ("operations", "request"),
    ("targets", "policy"),
)
_LIVE_BEFORE = ("proposed", "asked", "sending", "made", "doubtful", "unclear", "live")
_UNFINISHED_BEFORE = ("proposed", "asked", "sending")


def upgrade() -> None:
    _drop_indexes()
    for table, names in _COLUMNS.items():
        for old, new in names.items():
            _rename_column(table, old, new)
    for table, column, values in _VALUES:
        _replace(table, column, values)
    for table, column in _DOCUMENTS:
        _rename_keys(table, column, _KEYS)
    _create_indexes("state", [_STATES.get(state, state) for state in _LIVE_BEFORE], "requested")


def downgrade() -> None:
    _drop_indexes()
    for table, column in _DOCUMENTS:
        _rename_keys(table, column, {new: old for old, new in _KEYS.items()})
    for table, column, values in _VALUES:
        _replace(table, column, {new: old for old, new in values.items()})
    for table, names in _COLUMNS.items():
        for old, new in names.items():
            _rename_column(table, new, old)
    _create_indexes("step", _LIVE_BEFORE, "asked")


def _rename_column(table: str, old: str, new: str) -> None:
    # Both databases know the statement; Alembic's own way would copy the table on SQLite.
    op.execute(f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}")
    connection = op.get_bind()
    if connection.dialect.name != "postgresql":
        return
    # Since PostgreSQL 18 a NOT NULL is a named constraint, which keeps the column's old name.
    before, after = f"{table}_{old}_not_null", f"{table}_{new}_not_null"
    named = sa.text("SELECT 1 FROM pg_constraint WHERE conname = :name")
    if connection.scalar(named, {"name": before}):
        op.execute(f"ALTER TABLE {table} RENAME CONSTRAINT {before} TO {after}")


def _replace(table: str, column: str, values: Mapping[str, str]) -> None:
    for old, new in values.items():
        target = sa.table(table, sa.column(column, sa.Text()))
        op.execute(target.update().where(target.c[column] == old).values({column: new}))


def _rename_keys(table: str, column: str, keys: Mapping[str, str]) -> None:
    target = sa.table(table, sa.column("id", sa.Integer()), sa.column(column, sa.Text()))
    stored = sa.cast(target.c[column], sa.Text())
    connection = op.get_bind()
    rows = connection.execute(sa.select(target.c.id, stored).where(stored.is_not(None))).all()
    typed = sa.table(table, sa.column("id", sa.Integer()), sa.column(column, sa.JSON()))
    for id_, text in rows:
        document = json.loads(text)
        if isinstance(document, dict) and not keys.keys().isdisjoint(document):
            renamed = {keys.get(key, key): value for key, value in document.items()}
            connection.execute(typed.update().where(typed.c.id == id_).values({column: renamed}))


def _drop_indexes() -> None:
    op.drop_index("ix_deployments_watched", "deployments")
    op.drop_index("uq_deployments_live_name", "deployments")
    op.drop_index("uq_operations_unfinished", "operations")


def _create_indexes(column: str, live: list[str] | tuple[str, ...], requested: str) -> None:
    op.create_index("ix_deployments_watched", "deployments", ["watched_project_id", column])
    words = ", ".join(f"'{state}'" for state in live)
    name_is_taken = sa.text(f"{column} IN ({words}) AND NOT late AND spec IS NULL")
    op.create_index(
        "uq_deployments_live_name",
        "deployments",
        ["api_base", "friendli_project_id", "name"],
        unique=True,
        sqlite_where=name_is_taken,
        postgresql_where=name_is_taken,
    )
    unfinished = ", ".join(
        f"'{requested if state == 'asked' else state}'" for state in _UNFINISHED_BEFORE
    )
    op.create_index(
        "uq_operations_unfinished",
        "operations",
        ["deployment_id", "kind"],
        unique=True,
        sqlite_where=sa.text(f"state IN ({unfinished})"),
        postgresql_where=sa.text(f"state IN ({unfinished})"),
    )
