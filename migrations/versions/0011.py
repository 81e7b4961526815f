"""Who looked at a decision is found by an index: on the records of looks alone, which name what was seen.

Revision ID: 0011
Revises: 0010
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# Bodies of looks are canonical JSON, stored as it is, and the ids in them hold nothing that is escaped. What
# names no decisions gives null; nothing can fail, since then the look could not be recorded.
LOOKS = r"""
    CREATE INDEX record_looks_idx ON record USING gin (
        string_to_array(
            translate("substring"(encode(body, 'escape'), '"decisions":\[([^]]*)\]'), '"', ''), ','
        )
    ) WITH (gin_pending_list_limit = 256) WHERE kind = 'access'
"""


def upgrade() -> None:
    """Make the index; records of other kinds pass it by."""
    op.execute(LOOKS)


def downgrade() -> None:
    """Refuse: a log that only grows is not taken back."""
    message = "the log is append-only: restore a backup instead of downgrading"
    raise RuntimeError(message)
