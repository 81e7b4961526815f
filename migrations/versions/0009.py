"""Attachments of reviews, and precedents; both go when their texts do.

Revision ID: 0009
Revises: 0008
"""

from alembic import op
from sqlalchemy import text

from eligibility.storage.roles import role_names

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TABLES = (
    """
    CREATE TABLE review_attachment (
        record uuid NOT NULL,
        decision uuid NOT NULL,
        media_type text NOT NULL,
        size integer NOT NULL,
        content bytea NOT NULL,
        CONSTRAINT review_attachment_pkey PRIMARY KEY (record),
        CONSTRAINT review_attachment_size_check CHECK (
            octet_length(content) BETWEEN 1 AND 10485760
        )
    )
    """,
    """
    CREATE TABLE precedent (
        record uuid NOT NULL,
        decision uuid NOT NULL,
        generation text NOT NULL,
        pattern bytea NOT NULL,
        outcome text NOT NULL,
        expires_at timestamptz NOT NULL,
        ended_by uuid,
        CONSTRAINT precedent_pkey PRIMARY KEY (record)
    )
    """,
    "CREATE INDEX precedent_generation_expires_at_idx ON precedent (generation, expires_at)",
)

# The digest of what is attached is a private text, like the name of the file: it could be guessed from.
ATTACHED = """
CREATE FUNCTION refuse_unannounced_attachment() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    said jsonb := (SELECT convert_from(body, 'UTF8')::jsonb FROM public.record WHERE id = NEW.record);
    texts jsonb := (
        SELECT convert_from(content, 'UTF8')::jsonb FROM public.private WHERE record = NEW.record);
BEGIN
    IF said IS NULL OR NOT said @> jsonb_build_object('kind', 'review.attach', 'facts', jsonb_build_object(
            'subject', NEW.decision, 'media_type', NEW.media_type, 'size', NEW.size))
        OR texts ->> 'sha256' IS DISTINCT FROM encode(sha256(NEW.content), 'hex') THEN
        RAISE EXCEPTION 'no record announces this row of "%" as it is', TG_TABLE_NAME
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END
$$
"""
# Whatever takes the texts of a record takes what is attached to it.
DETACH = """
CREATE FUNCTION detach() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM public.review_attachment WHERE record = OLD.record;
    RETURN NULL;
END
$$
"""
REQUIRE_ERASED = """
CREATE FUNCTION require_erased_text() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM public.private WHERE record = OLD.record) THEN
        RAISE EXCEPTION 'the log is append-only: an attachment lives as long as the text of its record'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
END
$$
"""

# A precedent is made from an override in force, of cells of that decision; and ends once.
KEEP = """
CREATE FUNCTION keep_precedent() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    pattern jsonb := convert_from(NEW.pattern, 'UTF8')::jsonb;
    cells jsonb;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.ended_by IS NOT NULL OR NEW.ended_by IS NULL
            OR to_jsonb(NEW) - 'ended_by' <> to_jsonb(OLD) - 'ended_by' THEN
            RAISE EXCEPTION 'the log is append-only: a precedent can end once, and nothing else'
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF NOT EXISTS (
        SELECT FROM public.review_case c WHERE c.decision = NEW.decision AND c.generation = NEW.generation
        AND c.outcome_in_force = NEW.outcome AND c.outcome <> NEW.outcome FOR SHARE
    ) THEN
        RAISE EXCEPTION 'a precedent is made from an override that is in force' USING ERRCODE = 'EL001';
    END IF;
    cells := (SELECT convert_from(e.cells, 'UTF8')::jsonb FROM public.record r
              JOIN public.evaluation e ON e.key = r.evaluation_key WHERE r.id = NEW.decision);
    IF cells IS NULL OR NOT pattern ? 'model.generation' OR EXISTS (
        SELECT FROM jsonb_each(pattern) p WHERE cells -> p.key IS DISTINCT FROM p.value
    ) THEN
        RAISE EXCEPTION 'a precedent has the generation and other cells of its decision'
            USING ERRCODE = 'EL001';
    END IF;
    IF NEW.ended_by IS NOT NULL OR NEW.expires_at <= now() OR NEW.expires_at > now() + interval '2 years' THEN
        RAISE EXCEPTION 'a precedent expires within two years' USING ERRCODE = 'EL001';
    END IF;
    RETURN NEW;
END
$$
"""
ANNOUNCED = """
CREATE FUNCTION refuse_unannounced_precedent() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    said jsonb := (SELECT convert_from(body, 'UTF8')::jsonb FROM public.record
                   WHERE id = CASE TG_OP WHEN 'INSERT' THEN NEW.record ELSE NEW.ended_by END);
    wanted jsonb;
BEGIN
    IF TG_OP = 'INSERT' THEN
        wanted := jsonb_build_object('kind', 'precedent.made', 'facts', jsonb_build_object(
            'subject', NEW.decision, 'outcome', NEW.outcome));
        IF (said #>> '{facts,expires}')::timestamptz IS DISTINCT FROM NEW.expires_at
            OR said #> '{facts,pattern}' IS DISTINCT FROM convert_from(NEW.pattern, 'UTF8')::jsonb
            OR NOT said ? 'private' THEN
            said := NULL;
        END IF;
    ELSE
        wanted := jsonb_build_object('kind', 'precedent.ended',
                                     'facts', jsonb_build_object('subject', NEW.record));
    END IF;
    IF said IS NULL OR NOT said @> wanted OR NOT EXISTS (
        SELECT FROM public.principal p WHERE p.id::text = said ->> 'actor' AND p.kind = 'person'
    ) THEN
        RAISE EXCEPTION 'no record of a person announces this row of "%" as it is', TG_TABLE_NAME
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END
$$
"""

# As before, with texts of reviews among the texts, and cases among what goes with decisions.
RETAIN = """
CREATE OR REPLACE FUNCTION retain(month date, class text, announced_by uuid) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
    first_day date := date_trunc('month', month::timestamp);
    kinds text[] := CASE class
        WHEN 'texts' THEN ARRAY['decision', 'batch.started', 'batch.slice', 'review.confirm',
            'review.override', 'review.agree', 'review.decline', 'review.withdraw', 'review.ask',
            'review.answer', 'review.comment', 'review.attach', 'review.dispute', 'precedent.made']
        WHEN 'decisions' THEN ARRAY['decision']
        WHEN 'accesses' THEN ARRAY['access', 'export']
    END;
    records text := 'record' || to_char(first_day, '_YYYY_MM');
    texts text := 'private' || to_char(first_day, '_YYYY_MM');
    texts_going bigint;
    going bigint;
    parents text[] := '{}';
    parent text;
    child text;
BEGIN
    IF kinds IS NULL THEN
        RAISE EXCEPTION 'there is no class of records "%"', class USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF first_day + interval '2 months' > now() AT TIME ZONE 'UTC' THEN
        RAISE EXCEPTION 'the month of % must stay: it can go when another whole one has passed', first_day
            USING ERRCODE = 'restrict_violation';
    END IF;
    PERFORM pg_advisory_xact_lock(7104226013);
    IF NOT EXISTS (SELECT FROM public.partition p WHERE p.month = first_day) THEN
        RETURN 0;
    END IF;
    PERFORM public.refuse_held(ARRAY[public.first_of_month(first_day)]);
    EXECUTE format('LOCK TABLE public.%I, public.%I IN EXCLUSIVE MODE', records, texts);
    EXECUTE format('SELECT count(*) FROM public.%I r WHERE kind = ANY ($1)', records) INTO going USING kinds;
    EXECUTE format(
        'SELECT count(*) FROM public.%I r JOIN public.%I t ON t.record = r.id WHERE r.kind = ANY ($1)',
        records, texts) INTO texts_going USING kinds;
    IF texts_going > 0 THEN
        parents := ARRAY['private'];
    END IF;
    IF class = 'texts' THEN
        going := texts_going;
    ELSE
        parents := array_prepend('record', parents);
    END IF;
    IF going = 0 THEN
        RETURN 0;
    END IF;

    IF class = 'texts' THEN
        DELETE FROM public.batch_part WHERE batch >= public.first_of_month(first_day)
            AND batch < public.first_of_month((first_day + interval '1 month')::date);
    END IF;
    INSERT INTO public.retention (made_by, month, class) VALUES (announced_by, first_day, retain.class);
    FOREACH parent IN ARRAY parents LOOP
        PERFORM public.make_month(parent, parent || to_char(first_day, '_YYYY_MM_kept'), first_day);
    END LOOP;
    IF class <> 'texts' THEN
        EXECUTE format(
            'INSERT INTO public.dropped_leaf (block, position, leaf, record, class) '
            'SELECT block, position, leaf, id, $2 FROM public.%I WHERE kind = ANY ($1)', records)
            USING kinds, class;
        EXECUTE format(
            'INSERT INTO public.%I SELECT * FROM public.%I WHERE kind <> ALL ($1)',
            records || '_kept', records) USING kinds;
        EXECUTE format(
            'DELETE FROM public.idempotency i USING public.%I r WHERE r.id = i.record AND r.kind = ANY ($1)',
            records) USING kinds;
    END IF;
    IF texts_going > 0 THEN
        EXECUTE format(
            'INSERT INTO public.%I SELECT t.* FROM public.%I t WHERE NOT EXISTS '
            '(SELECT FROM public.%I r WHERE r.id = t.record AND r.kind = ANY ($1))',
            texts || '_kept', texts, records) USING kinds;
    END IF;

    FOREACH parent IN ARRAY parents LOOP
        child := parent || to_char(first_day, '_YYYY_MM');
        EXECUTE format('ALTER TABLE public.%I DETACH PARTITION public.%I', parent, child);
        PERFORM public.attach_month(parent, child || '_kept', first_day);
        EXECUTE format('DROP TABLE public.%I', child);
        EXECUTE format('ALTER TABLE public.%I RENAME TO %I', child || '_kept', child);
    END LOOP;
    IF class = 'texts' THEN
        DELETE FROM public.review_attachment a WHERE a.record >= public.first_of_month(first_day)
            AND a.record < public.first_of_month((first_day + interval '1 month')::date)
            AND NOT EXISTS (SELECT FROM public.private p WHERE p.record = a.record);
    ELSIF class = 'decisions' THEN
        DELETE FROM public.review_case c WHERE c.decision >= public.first_of_month(first_day)
            AND c.decision < public.first_of_month((first_day + interval '1 month')::date);
    END IF;
    RETURN going;
END
$$
"""

TRIGGERS = (
    """
    CREATE TRIGGER detach AFTER DELETE ON private FOR EACH ROW EXECUTE FUNCTION detach()
    """,
    """
    CREATE TRIGGER refuse_change BEFORE UPDATE ON review_attachment
    FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER require_erased_text BEFORE DELETE ON review_attachment
    FOR EACH ROW EXECUTE FUNCTION require_erased_text()
    """,
    """
    CREATE CONSTRAINT TRIGGER refuse_unannounced AFTER INSERT ON review_attachment
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_unannounced_attachment()
    """,
    """
    CREATE TRIGGER keep_precedent BEFORE INSERT OR UPDATE ON precedent
    FOR EACH ROW EXECUTE FUNCTION keep_precedent()
    """,
    "CREATE TRIGGER refuse_change BEFORE DELETE ON precedent FOR EACH ROW EXECUTE FUNCTION refuse_change()",
    """
    CREATE CONSTRAINT TRIGGER refuse_unannounced AFTER INSERT OR UPDATE ON precedent
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_unannounced_precedent()
    """,
    *(
        f"CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        for table in ("review_attachment", "precedent")
    ),
)


def upgrade() -> None:
    """Make the tables, and let the service add to them."""
    for statement in (*TABLES, ATTACHED, DETACH, REQUIRE_ERASED, KEEP, ANNOUNCED, *TRIGGERS, RETAIN):
        op.execute(statement)
    _, service = role_names(str(op.get_bind().scalar(text("SELECT current_database()"))))
    for statement in (
        f'GRANT SELECT, INSERT ON review_attachment, precedent TO "{service}"',
        f'GRANT UPDATE (ended_by) ON precedent TO "{service}"',
        "REVOKE ALL ON FUNCTION detach(), keep_precedent() FROM PUBLIC",
    ):
        op.execute(statement)


def downgrade() -> None:
    """Refuse: a log that only grows is not taken back."""
    message = "the log is append-only: restore a backup instead of downgrading"
    raise RuntimeError(message)
