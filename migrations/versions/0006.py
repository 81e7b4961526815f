"""Backlogs: batches, their slices, and the parts of uploads that wait to be decided.

Revision ID: 0006
Revises: 0005
"""

from alembic import op
from sqlalchemy import text

from eligibility.storage.roles import role_names

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES = (
    """
    CREATE TABLE batch (
        id uuid NOT NULL,
        actor uuid NOT NULL,
        ruleset bytea NOT NULL,
        format text NOT NULL,
        state text NOT NULL,
        rows bigint,
        problem text,
        ended_by uuid,
        CONSTRAINT batch_pkey PRIMARY KEY (id),
        CONSTRAINT batch_ruleset_fkey FOREIGN KEY (ruleset) REFERENCES ruleset (digest),
        CONSTRAINT batch_format_check CHECK (format IN ('jsonl', 'csv', 'parquet')),
        CONSTRAINT batch_state_check CHECK (state IN ('running', 'done', 'cancelled', 'failed')),
        CONSTRAINT batch_rows_check CHECK (rows >= 0)
    )
    """,
    "CREATE INDEX batch_actor_id_idx ON batch (actor, id)",
    """
    CREATE TABLE batch_slice (
        batch uuid NOT NULL,
        number integer NOT NULL,
        record uuid NOT NULL,
        first bigint NOT NULL,
        line bigint NOT NULL,
        rows integer NOT NULL,
        refused integer NOT NULL,
        permitted integer NOT NULL,
        prohibited integer NOT NULL,
        contact_meta integer NOT NULL,
        source bytea NOT NULL,
        CONSTRAINT batch_slice_pkey PRIMARY KEY (batch, number),
        CONSTRAINT batch_slice_record_key UNIQUE (record),
        CONSTRAINT batch_slice_batch_fkey FOREIGN KEY (batch) REFERENCES batch (id),
        CONSTRAINT batch_slice_rows_check CHECK (rows BETWEEN 0 AND 4095),
        CONSTRAINT batch_slice_source_check CHECK (octet_length(source) = 32)
    )
    """,
    """
    CREATE TABLE batch_part (
        batch uuid NOT NULL,
        number integer NOT NULL,
        first bigint NOT NULL,
        rows integer NOT NULL,
        content bytea NOT NULL,
        CONSTRAINT batch_part_pkey PRIMARY KEY (batch, number)
    )
    """,
)

# A batch begins, and ends once, in one of three ways; when it has, nothing more is recorded in it.
KEEP_BATCH = """
CREATE FUNCTION keep_batch() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'running' OR NEW.ended_by IS NOT NULL OR NEW.problem IS NOT NULL THEN
            RAISE EXCEPTION 'a batch begins as one that is running' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    ELSIF TG_OP = 'DELETE' OR NEW.state = 'running' OR NEW.ended_by IS NULL
        OR (NEW.problem IS NOT NULL) <> (NEW.state = 'failed')
        OR (NEW.id, NEW.actor, NEW.ruleset, NEW.format) <> (OLD.id, OLD.actor, OLD.ruleset, OLD.format) THEN
        RAISE EXCEPTION 'the log is append-only: a batch can end once, and nothing else'
            USING ERRCODE = 'restrict_violation';
    ELSIF OLD.state <> 'running' THEN
        RAISE EXCEPTION 'the batch has ended already' USING ERRCODE = 'EL001';
    ELSIF NEW.state = 'done' AND EXISTS (
        SELECT FROM public.batch_slice s WHERE s.batch = NEW.id
        HAVING coalesce(sum(s.rows), 0) IS DISTINCT FROM NEW.rows
            OR coalesce(max(s.first + s.rows), 0) IS DISTINCT FROM NEW.rows
            OR coalesce(max(s.number) + 1, 0) <> count(*)
    ) THEN
        RAISE EXCEPTION 'not all rows of the batch are recorded' USING ERRCODE = 'EL001';
    END IF;
    RETURN NEW;
END
$$
"""

# After the row is there, so that a slice that was recorded is found to be so, however the batch ended. The
# lock lets the batch end only when the slice is committed, or is not.
ACCEPT_SLICE = """
CREATE FUNCTION accept_slice() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found text;
BEGIN
    SELECT b.state INTO found FROM public.batch b WHERE b.id = NEW.batch FOR SHARE;
    IF found <> 'running' THEN
        RAISE EXCEPTION 'the batch has ended: nothing more is recorded in it' USING ERRCODE = 'EL001';
    ELSIF NEW.rows <> NEW.refused + NEW.permitted + NEW.prohibited + NEW.contact_meta
        OR least(NEW.refused, NEW.permitted, NEW.prohibited, NEW.contact_meta) < 0 THEN
        RAISE EXCEPTION 'the rows of a slice are those refused and those decided'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$
"""

# Each row must be what the record that is committed with it says, so that the log proves the row.
ANNOUNCED = """
CREATE FUNCTION refuse_unannounced_batch() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    made jsonb := to_jsonb(NEW);
    said jsonb := (
        SELECT convert_from(body, 'UTF8')::jsonb FROM public.record
        WHERE id = (made ->> CASE WHEN TG_TABLE_NAME = 'batch_slice' THEN 'record'
                                  WHEN TG_OP = 'INSERT' THEN 'id' ELSE 'ended_by' END)::uuid);
    wanted jsonb;
BEGIN
    IF TG_TABLE_NAME = 'batch_slice' THEN
        wanted := jsonb_build_object(
            'kind', 'batch.slice',
            'ruleset', (SELECT 'sha256:' || encode(b.ruleset, 'hex')
                        FROM public.batch b WHERE b.id = NEW.batch),
            'facts', jsonb_build_object(
                'subject', NEW.batch, 'number', NEW.number, 'first', NEW.first, 'line', NEW.line,
                'rows', NEW.rows, 'refused', NEW.refused, 'input', 'sha256:' || encode(NEW.source, 'hex'),
                'outcomes', jsonb_build_object('permitted', NEW.permitted, 'prohibited', NEW.prohibited,
                                               'contact_meta', NEW.contact_meta)));
    ELSIF TG_OP = 'INSERT' THEN
        wanted := jsonb_build_object(
            'kind', 'batch.started', 'ruleset', 'sha256:' || encode(NEW.ruleset, 'hex'),
            'actor', CASE NEW.actor WHEN '00000000-0000-0000-0000-000000000000' THEN 'system'
                                    ELSE NEW.actor::text END,
            'facts', jsonb_strip_nulls(jsonb_build_object('format', NEW.format, 'rows', NEW.rows)));
    ELSE
        wanted := jsonb_build_object(
            'kind', CASE NEW.state WHEN 'done' THEN 'batch.finished' ELSE 'batch.' || NEW.state END,
            'facts', jsonb_strip_nulls(jsonb_build_object(
                'subject', NEW.id, 'rows', NEW.rows, 'problem', NEW.problem)));
    END IF;
    IF said IS NULL OR NOT said @> wanted
        OR (TG_TABLE_NAME = 'batch' AND (said #>> '{facts,rows}')::bigint IS DISTINCT FROM
            (made ->> 'rows')::bigint) THEN
        RAISE EXCEPTION 'no record announces this row of "%" as it is', TG_TABLE_NAME
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END
$$
"""

TRIGGERS = (
    """
    CREATE TRIGGER keep_batch BEFORE INSERT OR UPDATE OR DELETE ON batch
    FOR EACH ROW EXECUTE FUNCTION keep_batch()
    """,
    """
    CREATE TRIGGER accept_slice AFTER INSERT ON batch_slice
    FOR EACH ROW EXECUTE FUNCTION accept_slice()
    """,
    """
    CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON batch_slice
    FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
    *(
        f"CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        for table in ("batch", "batch_slice")
    ),
    *(
        f"CREATE CONSTRAINT TRIGGER refuse_unannounced AFTER {events} ON {table} DEFERRABLE "
        "INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_unannounced_batch()"
        for table, events in (("batch", "INSERT OR UPDATE"), ("batch_slice", "INSERT"))
    ),
)

# As before, and of backlogs the texts that quote them: lines that were refused, names of files, parts.
RETAIN = """
CREATE OR REPLACE FUNCTION retain(month date, class text, announced_by uuid) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
    first_day date := date_trunc('month', month::timestamp);
    kinds text[] := CASE class
        WHEN 'texts' THEN ARRAY['decision', 'batch.started', 'batch.slice']
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
    RETURN going;
END
$$
"""


def upgrade() -> None:
    """Make the tables, and let the service do what it must."""
    for statement in (*TABLES, KEEP_BATCH, ACCEPT_SLICE, ANNOUNCED, *TRIGGERS, RETAIN):
        op.execute(statement)
    _, service = role_names(str(op.get_bind().scalar(text("SELECT current_database()"))))
    for statement in (
        f'GRANT SELECT, INSERT ON batch, batch_slice, batch_part TO "{service}"',
        f'GRANT UPDATE (state, rows, problem, ended_by) ON batch TO "{service}"',
        f'GRANT DELETE ON batch_part TO "{service}"',
    ):
        op.execute(statement)


def downgrade() -> None:
    """Refuse: a log that only grows is not taken back."""
    message = "the log is append-only: restore a backup instead of downgrading"
    raise RuntimeError(message)
