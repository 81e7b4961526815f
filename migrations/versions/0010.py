"""Who is signed in to the dashboard, and the views of its lists that people keep.

Revision ID: 0010
Revises: 0009
"""

from alembic import op
from sqlalchemy import text

from eligibility.storage.roles import role_names

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TABLES = (
    """
    CREATE TABLE session (
        token_mac bytea NOT NULL,
        key uuid NOT NULL,
        means text NOT NULL,
        began_at timestamptz NOT NULL,
        seen_at timestamptz NOT NULL,
        ends_at timestamptz NOT NULL,
        CONSTRAINT session_pkey PRIMARY KEY (token_mac)
    )
    """,
    "CREATE INDEX session_ends_at_idx ON session (ends_at)",
    "CREATE INDEX session_key_idx ON session (key)",
    """
    CREATE TABLE saved_view (
        id uuid NOT NULL,
        page text NOT NULL,
        name text NOT NULL,
        query text NOT NULL,
        owner uuid NOT NULL,
        saved_at timestamptz NOT NULL,
        CONSTRAINT saved_view_pkey PRIMARY KEY (id),
        CONSTRAINT saved_view_page_key UNIQUE (page, name)
    )
    """,
)


def upgrade() -> None:
    """Make the tables; neither is a part of the log, so the service may take rows away."""
    for statement in TABLES:
        op.execute(statement)
    _, service = role_names(str(op.get_bind().scalar(text("SELECT current_database()"))))
    op.execute(f'GRANT SELECT, INSERT, DELETE ON session, saved_view TO "{service}"')
    op.execute(f'GRANT UPDATE (seen_at) ON session TO "{service}"')
    op.execute(f'GRANT UPDATE (query, owner, saved_at) ON saved_view TO "{service}"')


def downgrade() -> None:
    """Refuse: a log that only grows is not taken back."""
    message = "the log is append-only: restore a backup instead of downgrading"
    raise RuntimeError(message)
