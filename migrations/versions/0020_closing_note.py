"""Why a deployment has no endpoint, for its status message."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("deployments", sa.Column("closing_note", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("deployments", "closing_note")
