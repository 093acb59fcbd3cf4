"""When a thread was told that Friendli doesn't list its endpoint any more."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("deployments", sa.Column("unlisted_at", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("deployments", "unlisted_at")
