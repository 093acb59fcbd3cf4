"""What the API said of single fields when it refused a request, for the form that opens again."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("deployments", "operations"):
        op.add_column(table, sa.Column("refused_fields", sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    for table in ("operations", "deployments"):
        op.drop_column(table, "refused_fields")
