"""Which models served or ran out of memory, on which GPUs."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "fit_records",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("enterprise_id", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("revision", sa.Text(), nullable=False),
        sa.Column("gpu", sa.Text(), nullable=False),
        sa.Column("gpu_count", sa.Integer(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("deployment_public_id", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_fit_records"),
    )
    op.create_index(
        "ix_fit_records_model", "fit_records", ["enterprise_id", "workspace_id", "model"]
    )
    op.create_index("ix_fit_records_deployment", "fit_records", ["deployment_public_id"])
    op.create_index("ix_fit_records_at", "fit_records", ["at"])


def downgrade() -> None:
    op.drop_table("fit_records")
