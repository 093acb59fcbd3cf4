"""Index the messages that need work, and let PostgreSQL tidy up after rows that change often."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_IS_OPEN = sa.text("(delivery IN ('pending', 'sending') OR version > sent_version)")

# By table; why stands at the models.
_STORAGE = {
    "channels": {"fillfactor": 70, "autovacuum_vacuum_scale_factor": 0.01},
    "watched_projects": {"fillfactor": 70, "autovacuum_vacuum_scale_factor": 0.01},
    "deployments": {"fillfactor": 80, "autovacuum_vacuum_scale_factor": 0.02},
    "messages": {"fillfactor": 90, "autovacuum_vacuum_scale_factor": 0.02},
}


def upgrade() -> None:
    op.create_index(
        "ix_messages_open",
        "messages",
        ["channel_row_id", "deployment_id", "id"],
        unique=False,
        sqlite_where=_IS_OPEN,
        postgresql_where=_IS_OPEN,
    )
    op.drop_index("ix_messages_channel_delivery", table_name="messages")
    if op.get_bind().dialect.name == "postgresql":
        for table, parameters in _STORAGE.items():
            values = ", ".join(f"{name} = {value}" for name, value in parameters.items())
            op.execute(f"ALTER TABLE {table} SET ({values})")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table, parameters in _STORAGE.items():
            op.execute(f"ALTER TABLE {table} RESET ({', '.join(parameters)})")
    op.create_index(
        "ix_messages_channel_delivery", "messages", ["channel_row_id", "delivery"], unique=False
    )
    op.drop_index("ix_messages_open", table_name="messages")
