"""Cases are opened by way of indexes, also while the database does not know yet how much was recorded.

Revision ID: 0015
Revises: 0014
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let the function find the records of blocks by their index.

    What it does is planned once for each connection. One that was opened while there was little in the log
    kept going through all records, for each block anew, until the database counted them.
    """
    op.execute("ALTER FUNCTION fill_reviews(integer) SET enable_seqscan = off")


def downgrade() -> None:
    """Refuse: a log that only grows is not taken back."""
    message = "the log is append-only: restore a backup instead of downgrading"
    raise RuntimeError(message)
