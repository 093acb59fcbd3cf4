"""SQLite: refuse INSERT OR REPLACE on the audit, which deletes a row without a delete trigger."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# https://sqlite.org/lang_conflict.html: REPLACE runs delete triggers only with recursive triggers
# on. An insert trigger runs before the old row is deleted.
_NO_REPLACE = """
    CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit
    WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id OR request_id = NEW.request_id)
    BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END
"""


def upgrade() -> None:
    # PostgreSQL's trigger of revision 0004 runs for ON CONFLICT DO UPDATE and MERGE, too.
    if op.get_bind().dialect.name == "sqlite":
        op.execute(_NO_REPLACE)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER audit_no_replace")
