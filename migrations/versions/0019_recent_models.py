"""An index of a channel's deployments, for its recent models while a person types."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_deployments_place",
        "deployments",
        ["enterprise_id", "workspace_id", "channel_id", "id"],
    )


def downgrade() -> None:
    op.drop_index("ix_deployments_place", "deployments")
