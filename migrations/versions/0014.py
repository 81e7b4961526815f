"""Looks at a decision are found by their own index, however few looks the database believes there are.

Revision ID: 0014
Revises: 0013
"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# The database counts on what it counted last. Where looks have become many since, it thought it cheaper to go
# through them all by the index of acts, and to look into each body, which takes long. What is asked for now
# is a condition that no other index answers: the kind joined to nothing.
LOOKS = r"""
    CREATE INDEX record_looks_idx ON record USING gin (
        string_to_array(
            translate("substring"(encode(body, 'escape'), '"decisions":\[([^]]*)\]'), '"', ''), ','
        )
    ) WITH (gin_pending_list_limit = 256) WHERE (kind || '') = 'access'
"""


def upgrade() -> None:
    """Make the index anew."""
    op.execute("DROP INDEX record_looks_idx")
    op.execute(LOOKS)


def downgrade() -> None:
    """Refuse: a log that only grows is not taken back."""
    message = "the log is append-only: restore a backup instead of downgrading"
    raise RuntimeError(message)
