"""What makes things findable: filters of words in parts of the log, acts by kind and person; verifications.

Revision ID: 0012
Revises: 0011
"""

from alembic import op
from sqlalchemy import text

from eligibility.storage.roles import role_names

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# The filters are looked into at single bytes, so they are neither compressed nor fetched whole.
TABLES = (
    """
    CREATE TABLE search_part (
        first bigint NOT NULL,
        last bigint NOT NULL,
        earliest timestamptz,
        latest timestamptz,
        words bytea,
        CONSTRAINT search_part_pkey PRIMARY KEY (first)
    )
    """,
    "ALTER TABLE search_part ALTER COLUMN words SET STORAGE EXTERNAL",
    "CREATE INDEX search_part_unread_idx ON search_part (first) WHERE words IS NULL",
    """
    CREATE TABLE verification (
        id uuid NOT NULL,
        started_by uuid NOT NULL,
        wanted bytea NOT NULL,
        records bigint NOT NULL,
        done bigint NOT NULL,
        seen_at timestamptz NOT NULL,
        ended_at timestamptz,
        problem text,
        report bytea,
        CONSTRAINT verification_pkey PRIMARY KEY (id)
    )
    """,
)

# Of decisions there are many, and neither index has any. Cases in rare states, or with another outcome in
# force than was decided, are few among all.
INDEXES = (
    "CREATE INDEX record_act_idx ON record (kind, id) WHERE kind <> 'decision'",
    "CREATE INDEX record_actor_act_idx ON record (actor, kind, id) WHERE kind <> 'decision'",
    """
    CREATE INDEX review_case_between_idx ON review_case (state) WHERE state IN ('waiting', 'proposed')
    """,
    """
    CREATE INDEX review_case_overridden_idx ON review_case (outcome_in_force)
    WHERE outcome_in_force <> outcome
    """,
)

# A filter tells of words that are gone now: it is made anew before it is used again.
FORGET = """
CREATE FUNCTION forget_words() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    place bigint;
BEGIN
    IF TG_TABLE_NAME = 'retention' THEN
        UPDATE public.search_part SET words = NULL
        WHERE earliest < NEW.month + interval '1 month 1 day' AND latest >= NEW.month - interval '1 day';
        RETURN NULL;
    END IF;
    place := (SELECT b.first + r.position FROM public.record r JOIN public.block b ON b.id = r.block
              WHERE r.id = OLD.record);
    UPDATE public.search_part SET words = NULL
    WHERE first = (SELECT max(s.first) FROM public.search_part s WHERE s.first <= place)
        AND last >= place AND words IS NOT NULL;
    RETURN NULL;
END
$$
"""
TRIGGERS = (
    "CREATE TRIGGER forget_words AFTER DELETE ON private FOR EACH ROW EXECUTE FUNCTION forget_words()",
    "CREATE TRIGGER forget_words AFTER INSERT ON retention FOR EACH ROW EXECUTE FUNCTION forget_words()",
)


def upgrade() -> None:
    """Make tables and indexes; none of it is a part of the log."""
    for statement in (*TABLES, *INDEXES, FORGET, *TRIGGERS):
        op.execute(statement)
    _, service = role_names(str(op.get_bind().scalar(text("SELECT current_database()"))))
    op.execute(f'GRANT SELECT, INSERT ON search_part, verification TO "{service}"')
    op.execute(f'GRANT UPDATE (earliest, latest, words) ON search_part TO "{service}"')
    op.execute(f'GRANT UPDATE (done, seen_at, ended_at, problem, report) ON verification TO "{service}"')
    op.execute("REVOKE ALL ON FUNCTION forget_words() FROM PUBLIC")


def downgrade() -> None:
    """Refuse: a log that only grows is not taken back."""
    message = "the log is append-only: restore a backup instead of downgrading"
    raise RuntimeError(message)
