"""Create the first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_NAME_IS_TAKEN = sa.text(
    "step IN ('asked', 'sending', 'made', 'doubtful', 'unclear', 'live') AND NOT late"
)


def upgrade() -> None:
    op.create_table(
        "watched_projects",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("api_base", sa.Text(), nullable=False),
        sa.Column("team_id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("key_fingerprint", sa.Text(), nullable=False),
        sa.Column("key_last_four", sa.Text(), nullable=False),
        sa.Column("key_ciphertext", sa.Text(), nullable=True),
        sa.Column("list_pages", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", sa.BigInteger(), nullable=True),
        sa.Column("told", sa.Text(), nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("woken", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_watched_projects"),
        sa.UniqueConstraint(
            "api_base",
            "team_id",
            "project_id",
            "key_fingerprint",
            name="uq_watched_projects_api_base_team_id_project_id_key_fingerprint",
        ),
    )
    op.create_index("ix_watched_projects_due_at", "watched_projects", ["due_at"], unique=False)

    op.create_table(
        "workspaces",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("enterprise_id", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("plan_refused", sa.Boolean(), nullable=False),
        sa.Column("post_after", sa.BigInteger(), nullable=True),
        sa.Column("edit_after", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_workspaces"),
        sa.UniqueConstraint(
            "enterprise_id", "workspace_id", name="uq_workspaces_enterprise_id_workspace_id"
        ),
    )
    op.create_table(
        "channels",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace_row_id", sa.Integer(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("channel_id", sa.Text(), nullable=True),
        sa.Column("stopped_reason", sa.Text(), nullable=True),
        sa.Column("post_after", sa.BigInteger(), nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("woken", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_row_id"], ["workspaces.id"], name="fk_channels_workspace_row_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_channels"),
        sa.UniqueConstraint(
            "workspace_row_id", "address", name="uq_channels_workspace_row_id_address"
        ),
    )
    op.create_index("ix_channels_due_at", "channels", ["due_at"], unique=False)

    op.create_table(
        "targets",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("enterprise_id", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("channel_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("watched_project_id", sa.Integer(), nullable=False),
        sa.Column("connected_by", sa.Text(), nullable=False),
        sa.Column("connected_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["watched_project_id"], ["watched_projects.id"], name="fk_targets_watched_project_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_targets"),
        sa.UniqueConstraint(
            "enterprise_id",
            "workspace_id",
            "channel_id",
            "name",
            name="uq_targets_enterprise_id_workspace_id_channel_id_name",
        ),
    )
    op.create_table(
        "deployments",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("public_id", sa.Text(), nullable=False),
        sa.Column("channel_row_id", sa.Integer(), nullable=False),
        sa.Column("enterprise_id", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("channel_id", sa.Text(), nullable=False),
        sa.Column("requester_id", sa.Text(), nullable=False),
        sa.Column("target_name", sa.Text(), nullable=False),
        sa.Column("watched_project_id", sa.Integer(), nullable=False),
        sa.Column("api_base", sa.Text(), nullable=False),
        sa.Column("friendli_project_id", sa.Text(), nullable=False),
        sa.Column("friendli_team_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("request", sa.JSON(), nullable=False),
        sa.Column("price_per_hour", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("root_ts", sa.Text(), nullable=True),
        sa.Column("ids_before", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("listed_at", sa.BigInteger(), nullable=True),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column("answered_created_at", sa.BigInteger(), nullable=True),
        sa.Column("empty_passes", sa.Integer(), nullable=False),
        sa.Column("empty_seconds", sa.Double(), nullable=False),
        sa.Column("empty_at", sa.BigInteger(), nullable=True),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("candidates", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("endpoint_id", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("phase", sa.Text(), nullable=True),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("acted_at", sa.BigInteger(), nullable=True),
        sa.Column("missing_since", sa.BigInteger(), nullable=True),
        sa.Column("unknown_since", sa.BigInteger(), nullable=True),
        sa.Column("stop_asked_by", sa.Text(), nullable=True),
        sa.Column("stop_done", sa.Boolean(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("woken", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["channel_row_id"], ["channels.id"], name="fk_deployments_channel_row_id"
        ),
        sa.ForeignKeyConstraint(
            ["watched_project_id"],
            ["watched_projects.id"],
            name="fk_deployments_watched_project_id",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_deployments"),
        sa.UniqueConstraint("api_base", "endpoint_id", name="uq_deployments_api_base_endpoint_id"),
        sa.UniqueConstraint("public_id", name="uq_deployments_public_id"),
        sa.UniqueConstraint("request_id", name="uq_deployments_request_id"),
    )
    op.create_index("ix_deployments_due_at", "deployments", ["due_at"], unique=False)
    op.create_index(
        "ix_deployments_watched", "deployments", ["watched_project_id", "step"], unique=False
    )
    op.create_index(
        "ix_deployments_watched_project_id", "deployments", ["watched_project_id"], unique=False
    )
    op.create_index(
        "uq_deployments_live_name",
        "deployments",
        ["api_base", "friendli_project_id", "name"],
        unique=True,
        sqlite_where=_NAME_IS_TAKEN,
        postgresql_where=_NAME_IS_TAKEN,
    )

    op.create_table(
        "messages",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("channel_row_id", sa.Integer(), nullable=False),
        sa.Column("deployment_id", sa.Integer(), nullable=True),
        sa.Column("sequence", sa.Integer(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("broadcast", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sent_version", sa.Integer(), nullable=False),
        sa.Column("delivery", sa.Text(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("ts", sa.Text(), nullable=True),
        sa.Column("sending_since", sa.BigInteger(), nullable=True),
        sa.Column("reads", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("possible_repeat", sa.Boolean(), nullable=False),
        sa.Column("text_only", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["channel_row_id"], ["channels.id"], name="fk_messages_channel_row_id"
        ),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployments.id"], name="fk_messages_deployment_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_messages"),
        sa.UniqueConstraint("deployment_id", "sequence", name="uq_messages_deployment_id_sequence"),
    )
    op.create_index(
        "ix_messages_channel_delivery", "messages", ["channel_row_id", "delivery"], unique=False
    )

    op.create_table(
        "transitions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("deployment_id", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=True),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("api_updated_at", sa.BigInteger(), nullable=True),
        sa.Column("observed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployments.id"], name="fk_transitions_deployment_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_transitions"),
        sa.UniqueConstraint(
            "deployment_id", "sequence", name="uq_transitions_deployment_id_sequence"
        ),
    )


def downgrade() -> None:
    op.drop_table("transitions")
    op.drop_index("ix_messages_channel_delivery", table_name="messages")

    op.drop_table("messages")
    op.drop_index(
        "uq_deployments_live_name",
        table_name="deployments",
        sqlite_where=_NAME_IS_TAKEN,
        postgresql_where=_NAME_IS_TAKEN,
    )
    op.drop_index("ix_deployments_watched_project_id", table_name="deployments")
    op.drop_index("ix_deployments_watched", table_name="deployments")
    op.drop_index("ix_deployments_due_at", table_name="deployments")

    op.drop_table("deployments")
    op.drop_table("targets")
    op.drop_index("ix_channels_due_at", table_name="channels")

    op.drop_table("channels")
    op.drop_table("workspaces")
    op.drop_index("ix_watched_projects_due_at", table_name="watched_projects")

    op.drop_table("watched_projects")
