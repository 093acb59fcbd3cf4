"""Which database this is, to notice a restored one; and which projects weren't listed since."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "origin",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_origin"),
    )
    op.add_column(
        "watched_projects",
        sa.Column("unreconciled", sa.Boolean(), server_default=sa.false(), nullable=False),
    )


def downgrade() -> None:
    op.drop_column("watched_projects", "unreconciled")
    op.drop_table("origin")
