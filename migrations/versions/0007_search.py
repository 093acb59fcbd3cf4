"""What is known of a create request's outcome, and of the search for what it made."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_DEPLOYMENT_COLUMNS = {
    "answer_status": sa.Integer,
    "answer_words": sa.Text,
    "answered_endpoint_id": sa.Text,
    "candidate_notes": sa.JSON,
    "step_before": sa.Text,
    "search_failing_since": sa.BigInteger,
    "search_told": sa.Text,
    "limited_since": sa.BigInteger,
}


def upgrade() -> None:
    for name, kind in _DEPLOYMENT_COLUMNS.items():
        op.add_column("deployments", sa.Column(name, kind(), nullable=True))
    op.add_column("operations", sa.Column("limited_since", sa.BigInteger(), nullable=True))
    # One that was asked about before this revision was looked for without an answer.
    op.execute("UPDATE deployments SET step_before = 'doubtful' WHERE step = 'unclear'")


def downgrade() -> None:
    op.drop_column("operations", "limited_since")
    for name in reversed(_DEPLOYMENT_COLUMNS):
        op.drop_column("deployments", name)
