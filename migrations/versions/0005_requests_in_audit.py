"""The one-use id of a command in its audit entry, so that a replay of it does nothing."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("audit", sa.Column("request_id", sa.Text(), nullable=True))
    op.create_index("uq_audit_request_id", "audit", ["request_id"], unique=True)


def downgrade() -> None:
    op.drop_index("uq_audit_request_id", "audit")
    op.drop_column("audit", "request_id")
