"""When each command line was last sent, so that the same one isn't billed twice by mistake."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "command_lines",
        sa.Column("enterprise_id", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("channel_id", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("line_hash", sa.Text(), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "enterprise_id",
            "workspace_id",
            "channel_id",
            "person_id",
            "line_hash",
            name="pk_command_lines",
        ),
    )
    op.create_index("ix_command_lines_sent_at", "command_lines", ["sent_at"])


def downgrade() -> None:
    op.drop_table("command_lines")
