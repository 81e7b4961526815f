"""Texts can be erased, months of records dropped, and legal holds forbid both.

Revision ID: 0003
Revises: 0002
"""

from alembic import op
from sqlalchemy import text

from eligibility.storage.roles import role_names

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = (
    """
    CREATE TABLE erased (
        record uuid NOT NULL,
        made_by uuid NOT NULL,
        CONSTRAINT erased_pkey PRIMARY KEY (record)
    )
    """,
    """
    CREATE TABLE retention (
        made_by uuid NOT NULL,
        month date NOT NULL,
        class text NOT NULL,
        CONSTRAINT retention_pkey PRIMARY KEY (made_by),
        CONSTRAINT retention_class_check CHECK (class IN ('texts', 'decisions', 'accesses'))
    )
    """,
    """
    CREATE TABLE dropped_leaf (
        block uuid NOT NULL,
        position integer NOT NULL,
        leaf bytea NOT NULL,
        record uuid NOT NULL,
        class text NOT NULL,
        CONSTRAINT dropped_leaf_pkey PRIMARY KEY (block, position),
        CONSTRAINT dropped_leaf_record_key UNIQUE (record),
        CONSTRAINT dropped_leaf_class_check CHECK (class IN ('decisions', 'accesses')),
        CONSTRAINT dropped_leaf_leaf_check CHECK (octet_length(leaf) = 32)
    )
    """,
    """
    CREATE TABLE legal_hold (
        id uuid NOT NULL,
        first_month date NOT NULL,
        last_month date NOT NULL,
        released_by uuid,
        CONSTRAINT legal_hold_pkey PRIMARY KEY (id),
        CONSTRAINT legal_hold_months_check CHECK (
            first_month <= last_month
            AND extract(day FROM first_month) = 1 AND extract(day FROM last_month) = 1
        )
    )
    """,
)

# At commit, the named column must lead to a record of the named kind (any, where none is named) that tells
# the columns named after it. Not a foreign key: what one refers to cannot be detached, even for a moment.
REQUIRE_ANNOUNCEMENT = """
CREATE FUNCTION require_announcement() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    made jsonb := to_jsonb(NEW);
    announced_by uuid := made ->> TG_ARGV[0];
    told text;
BEGIN
    IF announced_by IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT convert_from(body, 'UTF8') INTO told FROM public.record
    WHERE id = announced_by AND (TG_NARGS = 1 OR kind = TG_ARGV[1]);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no record of the kind it needs announces this change of "%"', TG_TABLE_NAME
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    FOR n IN 2 .. TG_NARGS - 1 LOOP
        IF strpos(told, '"' || (made ->> TG_ARGV[n]) || '"') = 0 THEN
            RAISE EXCEPTION 'the record that announces this change of "%" tells another', TG_TABLE_NAME
                USING ERRCODE = 'foreign_key_violation';
        END IF;
    END LOOP;
    RETURN NULL;
END
$$
"""
ANNOUNCED = (
    ("partition", "INSERT", "'made_by'"),
    ("erased", "INSERT", "'made_by', 'erasure', 'record'"),
    ("retention", "INSERT", "'made_by', 'retention', 'month', 'class'"),
    ("legal_hold", "INSERT", "'id', 'hold.set', 'first_month', 'last_month'"),
    ("legal_hold", "UPDATE", "'released_by', 'hold.released', 'id'"),
)
APPEND_ONLY = ("erased", "retention", "dropped_leaf")

REQUIRE_ERASURE = """
CREATE FUNCTION require_erasure() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM public.erased WHERE record = OLD.record) THEN
        RAISE EXCEPTION 'the log is append-only: texts are erased by erase_private, which says so in the log'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
END
$$
"""
REQUIRE_DROPPED = """
CREATE FUNCTION require_dropped() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (
        SELECT FROM gone WHERE NOT EXISTS (SELECT FROM public.dropped_leaf d WHERE d.record = gone.record)
    ) THEN
        RAISE EXCEPTION 'the log is append-only: an idempotency key lives as long as its decision'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END
$$
"""

# Whoever takes something away holds this lock, shared by erasures; a hold is set while nobody else has it.
HOLDS = """
CREATE FUNCTION keep_hold() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.released_by IS NULL THEN
        PERFORM pg_advisory_xact_lock(7104226013);
    ELSIF TG_OP <> 'UPDATE' OR OLD.released_by IS NOT NULL OR NEW.released_by IS NULL
        OR (NEW.id, NEW.first_month, NEW.last_month) <> (OLD.id, OLD.first_month, OLD.last_month) THEN
        RAISE EXCEPTION 'the log is append-only: a legal hold can be released once, and nothing else'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$
"""
REFUSE_HELD = """
CREATE FUNCTION refuse_held(records uuid[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    hold uuid;
BEGIN
    SELECT h.id INTO hold FROM public.legal_hold h JOIN unnest(records) AS r (id)
        ON r.id >= public.first_of_month(h.first_month)
        AND r.id < public.first_of_month((h.last_month + interval '1 month')::date)
    WHERE h.released_by IS NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the legal hold % keeps these records', hold USING ERRCODE = 'restrict_violation';
    END IF;
END
$$
"""

# Never waits, since decisions may wait in the same group: it does nothing where retention is at work.
ERASE_PRIVATE = """
CREATE FUNCTION erase_private(records uuid[], announced_by uuid) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    gone integer;
BEGIN
    IF NOT pg_try_advisory_xact_lock_shared(7104226013) THEN
        RETURN 0;
    END IF;
    PERFORM public.refuse_held(records);
    INSERT INTO public.erased (record, made_by)
    SELECT p.record, announced_by FROM public.private p WHERE p.record = ANY (records) ORDER BY p.record
    ON CONFLICT DO NOTHING;
    DELETE FROM public.private WHERE record = ANY (records);
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END
$$
"""

FIRST_OF_MONTH = """
CREATE FUNCTION first_of_month(month date) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp
RETURN rpad(lpad(to_hex((extract(epoch FROM month::timestamp) * 1000)::bigint), 12, '0'), 32, '0')::uuid
"""
# The constraint spares attaching the table a look at all its rows.
MAKE_MONTH = """
CREATE FUNCTION make_month(parent text, child text, month date) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('CREATE TABLE public.%I (LIKE public.%I INCLUDING ALL)', child, parent);
    EXECUTE format(
        'CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON public.%I '
        'FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change()', child);
    EXECUTE format(
        'ALTER TABLE public.%I ADD CONSTRAINT in_month CHECK (%I >= %L AND %2$I < %4$L)',
        child, CASE parent WHEN 'record' THEN 'id' ELSE 'record' END,
        public.first_of_month(month), public.first_of_month((month + interval '1 month')::date));
END
$$
"""
ATTACH_MONTH = """
CREATE FUNCTION attach_month(parent text, child text, month date) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format(
        'ALTER TABLE public.%I ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)', parent, child,
        public.first_of_month(month), public.first_of_month((month + interval '1 month')::date));
    EXECUTE format('ALTER TABLE public.%I DROP CONSTRAINT in_month', child);
END
$$
"""
MAKE_PARTITIONS = """
CREATE OR REPLACE FUNCTION make_partitions(for_month date, announced_by uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    first_day date := date_trunc('month', for_month::timestamp);
    parent text;
    child text;
BEGIN
    PERFORM pg_advisory_xact_lock(7104226012);
    IF EXISTS (SELECT FROM public.partition WHERE month = first_day) THEN
        RETURN false;
    END IF;
    FOREACH parent IN ARRAY ARRAY['record', 'private'] LOOP
        child := parent || to_char(first_day, '_YYYY_MM');
        PERFORM public.make_month(parent, child, first_day);
        PERFORM public.attach_month(parent, child, first_day);
    END LOOP;
    INSERT INTO public.partition (month, made_by) VALUES (first_day, announced_by);
    RETURN true;
END
$$
"""

# Everything that takes long is done beside the log's tables; these are locked against everybody only for the
# exchange at the end. Nobody queues behind that lock for longer than lock_timeout.
RETAIN = """
CREATE FUNCTION retain(month date, class text, announced_by uuid) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
    first_day date := date_trunc('month', month::timestamp);
    kinds text[] := CASE class
        WHEN 'texts' THEN ARRAY['decision']
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

FUNCTIONS = (
    *(REQUIRE_ANNOUNCEMENT, REQUIRE_ERASURE, REQUIRE_DROPPED, HOLDS, FIRST_OF_MONTH),
    *(REFUSE_HELD, ERASE_PRIVATE, MAKE_MONTH, ATTACH_MONTH, MAKE_PARTITIONS, RETAIN),
)
TRIGGERS = (
    *(
        f"CREATE CONSTRAINT TRIGGER announced_{change.lower()} AFTER {change} ON {table} DEFERRABLE "
        f"INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION require_announcement({arguments})"
        for table, change, arguments in ANNOUNCED
    ),
    *(
        f"CREATE TRIGGER {function} {events} ON {table} FOR EACH {each} EXECUTE FUNCTION {function}()"
        for function, events, table, each in (
            *(("refuse_change", "BEFORE UPDATE OR DELETE", table, "ROW") for table in APPEND_ONLY),
            ("refuse_change", "BEFORE UPDATE", "idempotency", "ROW"),
            ("keep_hold", "BEFORE INSERT OR UPDATE OR DELETE", "legal_hold", "ROW"),
            ("require_erasure", "BEFORE DELETE", "private", "ROW"),
        )
    ),
    *(
        f"CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        for table in (*APPEND_ONLY, "legal_hold")
    ),
    """
    CREATE TRIGGER require_dropped AFTER DELETE ON idempotency REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION require_dropped()
    """,
)
REPLACED = (
    "ALTER TABLE partition DROP CONSTRAINT partition_made_by_fkey",
    "DROP TRIGGER refuse_change ON idempotency",
)
CALLED_BY_THE_SERVICE = ("erase_private(uuid[], uuid)", "retain(date, text, uuid)")
OWN_USE = (
    *("refuse_held(uuid[])", "make_month(text, text, date)", "attach_month(text, text, date)"),
    *("require_announcement()", "require_erasure()", "require_dropped()", "keep_hold()"),
)


def upgrade() -> None:
    """Make the tables and functions, and let the service call two of them."""
    for statement in (*TABLES, *FUNCTIONS, *REPLACED, *TRIGGERS):
        op.execute(statement)
    _, service = role_names(str(op.get_bind().scalar(text("SELECT current_database()"))))
    op.execute(f'GRANT SELECT ON erased, retention, dropped_leaf, legal_hold TO "{service}"')
    op.execute(f'GRANT INSERT, UPDATE (released_by) ON legal_hold TO "{service}"')
    for function in (*CALLED_BY_THE_SERVICE, *OWN_USE):
        op.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
    for function in CALLED_BY_THE_SERVICE:
        op.execute(f'GRANT EXECUTE ON FUNCTION {function} TO "{service}"')


def downgrade() -> None:
    """Refuse: a log that only grows is not taken back."""
    message = "the log is append-only: restore a backup instead of downgrading"
    raise RuntimeError(message)
