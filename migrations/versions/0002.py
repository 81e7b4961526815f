"""Blocks are signed; columns that only repeat the record's body go, and actors become UUIDs.

Revision ID: 0002
Revises: 0001
"""

from alembic import op
from sqlalchemy import text

from eligibility.storage.roles import role_names

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Neither is an update of a row: what is proved of a record stands in its body.
SLIMMER = (
    "ALTER TABLE record DROP COLUMN ruleset, DROP COLUMN evaluation",
    """
    ALTER TABLE record ALTER COLUMN actor TYPE uuid
    USING CASE actor WHEN 'system' THEN '00000000-0000-0000-0000-000000000000' ELSE actor::uuid END
    """,
    """
    ALTER TABLE idempotency ALTER COLUMN principal TYPE uuid
    USING CASE principal WHEN 'system' THEN '00000000-0000-0000-0000-000000000000' ELSE principal::uuid END
    """,
)
SIGNED = (
    "ALTER TABLE head ADD COLUMN key text",
    """
    CREATE TABLE signing_key (
        id text NOT NULL,
        public bytea NOT NULL,
        record uuid NOT NULL,
        CONSTRAINT signing_key_pkey PRIMARY KEY (id),
        CONSTRAINT signing_key_public_check CHECK (octet_length(public) = 32)
    )
    """,
    """
    CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON signing_key
    FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON signing_key
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
)


def upgrade() -> None:
    """Change the tables, and let the service sign."""
    for statement in (*SLIMMER, *SIGNED):
        op.execute(statement)
    _, service = role_names(str(op.get_bind().scalar(text("SELECT current_database()"))))
    op.execute(f'GRANT SELECT, INSERT ON signing_key TO "{service}"')
    op.execute(f'GRANT UPDATE (key) ON head TO "{service}"')


def downgrade() -> None:
    """Refuse: a log that only grows is not taken back."""
    message = "the log is append-only: restore a backup instead of downgrading"
    raise RuntimeError(message)
