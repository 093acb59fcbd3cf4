"""The reference of the request that wrote a row, which its log lines carry."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TABLES = ("deployments", "operations", "messages")


def upgrade() -> None:
    for table in _TABLES:
        op.add_column(table, sa.Column("reference", sa.Text(), nullable=True))


def downgrade() -> None:
    for table in _TABLES:
        op.drop_column(table, "reference")
