"""The terms that people were shown of an operation that costs money: its price, and its length."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("operations", sa.Column("terms", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("operations", "terms")
