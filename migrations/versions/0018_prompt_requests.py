"""Prompts of people to endpoints, without their contents."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "prompt_requests",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("public_id", sa.Text(), nullable=False),
        sa.Column("deployment_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("channel_id", sa.Text(), nullable=False),
        sa.Column("thread_ts", sa.Text(), nullable=False),
        sa.Column("question_ts", sa.Text(), nullable=True),
        sa.Column("answer_ts", sa.Text(), nullable=True),
        sa.Column("is_streamed", sa.Boolean(), nullable=False),
        sa.Column("stopped_by", sa.Text(), nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("fencing_token", sa.Integer(), nullable=False),
        sa.Column("claimed", sa.Boolean(), nullable=False),
        sa.Column("due_again", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployments.id"], name="fk_prompt_requests_deployment_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_prompt_requests"),
        sa.UniqueConstraint("public_id", name="uq_prompt_requests_public_id"),
        sa.UniqueConstraint("request_id", name="uq_prompt_requests_request_id"),
    )
    op.create_index(
        "ix_prompt_requests_deployment_id",
        "prompt_requests",
        ["deployment_id", "person_id", "requested_at"],
    )
    op.create_index("ix_prompt_requests_due_at", "prompt_requests", ["due_at"])


def downgrade() -> None:
    op.drop_table("prompt_requests")
