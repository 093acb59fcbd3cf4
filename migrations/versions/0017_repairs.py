"""Which failed deployment a deployment repairs, and what the Hub said of its model."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("deployments", sa.Column("repairs", sa.Text(), nullable=True))
    op.add_column("deployments", sa.Column("model_facts", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("deployments", "model_facts")
    op.drop_column("deployments", "repairs")
