"""Operations on endpoints, leases, schedules, permissions and the audit."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_NAME_WAS_TAKEN = sa.text(
    "step IN ('asked', 'sending', 'made', 'doubtful', 'unclear', 'live') AND NOT late"
)
_NAME_IS_TAKEN = sa.text(
    "step IN ('proposed', 'asked', 'sending', 'made', 'doubtful', 'unclear', 'live')"
    " AND NOT late AND spec IS NULL"
)
_IS_UNFINISHED = sa.text("state IN ('proposed', 'asked', 'sending')")

_DEPLOYMENT_COLUMNS = {
    "spec": sa.JSON,
    "first_request": sa.JSON,
    "newest_version": sa.Text,
    "version_elsewhere": sa.Text,
    "expires_at": sa.BigInteger,
    "approved_by": sa.Text,
    "rejected_by": sa.Text,
    "decided_at": sa.BigInteger,
    "lease_seconds": sa.Integer,
    "lease_end": sa.Text,
    "lease_ends_at": sa.BigInteger,
    "lease_warned_at": sa.BigInteger,
    "stuck_at": sa.BigInteger,
}

# Nobody rewrites the audit, not even the bot.
_APPEND_ONLY = {
    "sqlite": [
        f"""
        CREATE TRIGGER audit_no_{verb.lower()} BEFORE {verb} ON audit
        BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END
        """
        for verb in ("UPDATE", "DELETE")
    ],
    "postgresql": [
        """
        CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql
        AS $$ BEGIN RAISE EXCEPTION 'the audit is append-only'; END $$
        """,
        """
        CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
        FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()
        """,
    ],
}


def upgrade() -> None:
    op.add_column("targets", sa.Column("policy", sa.JSON(), nullable=True))
    for name, kind in _DEPLOYMENT_COLUMNS.items():
        op.add_column("deployments", sa.Column(name, kind(), nullable=True))
    _replace_live_name(_NAME_IS_TAKEN)
    op.create_table(
        "operations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("public_id", sa.Text(), nullable=False),
        sa.Column("deployment_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("request", sa.JSON(), nullable=True),
        sa.Column("version_before", sa.Text(), nullable=True),
        sa.Column("version", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployments.id"], name="fk_operations_deployment_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_operations"),
        sa.UniqueConstraint("public_id", name="uq_operations_public_id"),
        sa.UniqueConstraint("request_id", name="uq_operations_request_id"),
    )
    op.create_index("ix_operations_deployment_id", "operations", ["deployment_id"])
    op.create_index(
        "uq_operations_unfinished",
        "operations",
        ["deployment_id", "kind"],
        unique=True,
        sqlite_where=_IS_UNFINISHED,
        postgresql_where=_IS_UNFINISHED,
    )
    op.create_table(
        "schedules",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.Text(), nullable=False),
        sa.Column("deployment_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("days", sa.Text(), nullable=False),
        sa.Column("time_of_day", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("woken", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployments.id"], name="fk_schedules_deployment_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_schedules"),
        sa.UniqueConstraint("public_id", name="uq_schedules_public_id"),
    )
    op.create_index("ix_schedules_deployment_id", "schedules", ["deployment_id"])
    op.create_index("ix_schedules_due_at", "schedules", ["due_at"])
    op.create_table(
        "grants",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("target_id", sa.Integer(), nullable=False),
        sa.Column("permission", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["target_id"], ["targets.id"], name="fk_grants_target_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_grants"),
        sa.UniqueConstraint(
            "target_id",
            "permission",
            "kind",
            "subject_id",
            name="uq_grants_target_id_permission_kind_subject_id",
        ),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("enterprise_id", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("channel_id", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("target_name", sa.Text(), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("effect", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("message_ts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index(
        "ix_audit_place", "audit", ["enterprise_id", "workspace_id", "channel_id", "id"]
    )
    for statement in _APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(statement)
    # Wishes to end an endpoint that were still to be carried out go on as operations.
    op.execute(
        """
        INSERT INTO operations
            (request_id, public_id, deployment_id, kind, state, cause, asked_by, asked_at, attempts)
        SELECT 'stop ' || public_id, 'stop' || public_id, id, 'terminate', 'asked', 'person',
            stop_asked_by, asked_at, 0
        FROM deployments
        WHERE step = 'live' AND stop_asked_by IS NOT NULL AND NOT stop_done
        """
    )
    op.execute("UPDATE deployments SET stop_done = (1 = 1) WHERE step = 'live'")


def downgrade() -> None:
    for table in ("audit", "grants", "schedules", "operations"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_is_append_only()")
    # What waits for approval was never sent, and an older version couldn't go on with it.
    op.execute("UPDATE deployments SET step = 'cancelled' WHERE step IN ('proposed', 'rejected')")
    op.execute("UPDATE deployments SET step = 'ended' WHERE step = 'unwatched'")
    _replace_live_name(_NAME_WAS_TAKEN)
    for name in reversed(_DEPLOYMENT_COLUMNS):
        op.drop_column("deployments", name)
    op.drop_column("targets", "policy")


def _replace_live_name(is_taken: sa.TextClause) -> None:
    op.drop_index("uq_deployments_live_name", "deployments")
    op.create_index(
        "uq_deployments_live_name",
        "deployments",
        ["api_base", "friendli_project_id", "name"],
        unique=True,
        sqlite_where=is_taken,
        postgresql_where=is_taken,
    )
