"""The queue that backlogs are worked through from: the tables and functions of procrastinate.

Revision ID: 0007
Revises: 0006
"""

from hashlib import sha256
from importlib.metadata import version
from importlib.resources import files

from alembic import op
from sqlalchemy import text

from eligibility.errors import StorageUnavailable
from eligibility.storage.roles import role_names

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

RELEASE = "3.10.0"
DIGEST = "c70ec4b400a60ad9592787653aae5ae77ae41bf801d56b5bd2712751a07f2009"
"""The SHA-256 of that release's `sql/schema.sql`, so that every database gets the same."""

TABLES = (
    "procrastinate_jobs",
    "procrastinate_events",
    "procrastinate_workers",
    "procrastinate_periodic_defers",
)
SEQUENCES = (
    "procrastinate_jobs_id_seq",
    "procrastinate_events_id_seq",
    "procrastinate_periodic_defers_id_seq",
)


def upgrade() -> None:
    """Run that SQL as it is, and let the service's role work with what it makes."""
    connection = op.get_bind()
    # several statements, with per cent signs that are no parameters
    connection.exec_driver_sql(schema(), execution_options={"no_parameters": True})
    _, service = role_names(str(connection.scalar(text("SELECT current_database()"))))
    op.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON {", ".join(TABLES)} TO "{service}"')
    op.execute(f'GRANT USAGE ON SEQUENCE {", ".join(SEQUENCES)} TO "{service}"')


def schema() -> str:
    """The SQL that ships with the release. Raises StorageUnavailable where another is installed."""
    sql = files("procrastinate").joinpath("sql", "schema.sql").read_bytes()
    if sha256(sql).hexdigest() != DIGEST:
        raise StorageUnavailable(
            f"this migration runs the SQL of procrastinate {RELEASE}, and {version('procrastinate')} is "
            f"installed: install {RELEASE}, migrate, then go on"
        )
    return sql.decode()


def downgrade() -> None:
    """Refuse: a log that only grows is not taken back."""
    message = "the log is append-only: restore a backup instead of downgrading"
    raise RuntimeError(message)
