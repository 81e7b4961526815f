"""Rulesets have a life: steps that the database enforces, sources, checks and signatures of impacts.

Revision ID: 0004
Revises: 0003
"""

from alembic import op
from sqlalchemy import text

from eligibility.storage.roles import role_names

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES = (
    """
    CREATE TABLE ruleset_source (
        record uuid NOT NULL,
        ruleset bytea NOT NULL,
        files bytea NOT NULL,
        CONSTRAINT ruleset_source_pkey PRIMARY KEY (record),
        CONSTRAINT ruleset_source_ruleset_fkey FOREIGN KEY (ruleset) REFERENCES ruleset (digest)
    )
    """,
    "CREATE INDEX ruleset_source_ruleset_record_idx ON ruleset_source (ruleset, record)",
    """
    CREATE TABLE ruleset_step (
        number integer NOT NULL,
        record uuid NOT NULL,
        ruleset bytea NOT NULL,
        step text NOT NULL,
        actor uuid NOT NULL,
        due timestamptz,
        CONSTRAINT ruleset_step_pkey PRIMARY KEY (number),
        CONSTRAINT ruleset_step_record_key UNIQUE (record, step),
        CONSTRAINT ruleset_step_ruleset_fkey FOREIGN KEY (ruleset) REFERENCES ruleset (digest),
        CONSTRAINT ruleset_step_step_check CHECK (step IN ('loaded', 'proposed', 'approved', 'withdrawn',
            'scheduled', 'unscheduled', 'activated', 'retired')),
        CONSTRAINT ruleset_step_due_check CHECK ((due IS NOT NULL) = (step = 'scheduled'))
    )
    """,
    "CREATE INDEX ruleset_step_ruleset_number_idx ON ruleset_step (ruleset, number)",
    """
    CREATE TABLE ruleset_check (
        record uuid NOT NULL,
        ruleset bytea NOT NULL,
        kind text NOT NULL,
        against bytea NOT NULL,
        passed boolean NOT NULL,
        report bytea NOT NULL,
        CONSTRAINT ruleset_check_pkey PRIMARY KEY (record),
        CONSTRAINT ruleset_check_ruleset_fkey FOREIGN KEY (ruleset) REFERENCES ruleset (digest),
        CONSTRAINT ruleset_check_kind_check
            CHECK (kind IN ('load', 'tests', 'proof', 'difference', 'impact'))
    )
    """,
    "CREATE INDEX ruleset_check_ruleset_kind_record_idx ON ruleset_check (ruleset, kind, record)",
    """
    CREATE TABLE impact_sign_off (
        record uuid NOT NULL,
        ruleset bytea NOT NULL,
        impact uuid NOT NULL,
        group_id text NOT NULL,
        actor uuid NOT NULL,
        CONSTRAINT impact_sign_off_pkey PRIMARY KEY (record),
        CONSTRAINT impact_sign_off_impact_fkey FOREIGN KEY (impact) REFERENCES ruleset_check (record),
        CONSTRAINT impact_sign_off_impact_key UNIQUE (impact, group_id)
    )
    """,
)

# What was loaded and put in force before there were steps.
EARLIER_STEPS = """
INSERT INTO ruleset_step (number, record, ruleset, step, actor)
SELECT row_number() OVER (ORDER BY id), id, decode(substr(said ->> 'ruleset', 8), 'hex'),
       split_part(kind, '.', 2), actor
FROM record, convert_from(body, 'UTF8') AS words, CAST(words AS jsonb) AS said
WHERE kind IN ('ruleset.loaded', 'ruleset.activated')
"""

# Each row must be what the record that is committed with it says, so that the log proves the row.
ANNOUNCED = """
CREATE FUNCTION refuse_unannounced() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    said jsonb := (SELECT convert_from(body, 'UTF8')::jsonb FROM public.record WHERE id = NEW.record);
    digest text := 'sha256:' || encode(NEW.ruleset, 'hex');
    who text;
    wanted jsonb;
BEGIN
    IF TG_TABLE_NAME IN ('ruleset_step', 'impact_sign_off') THEN
        who := CASE NEW.actor WHEN '00000000-0000-0000-0000-000000000000' THEN 'system'
                              ELSE NEW.actor::text END;
    END IF;
    IF TG_TABLE_NAME = 'ruleset_source' THEN
        wanted := jsonb_build_object('ruleset', digest, 'facts', jsonb_build_object(
            'source', 'sha256:' || encode(sha256(NEW.files), 'hex')));
    ELSIF TG_TABLE_NAME = 'ruleset_check' THEN
        wanted := jsonb_build_object('kind', 'ruleset.checked', 'ruleset', digest, 'facts',
            jsonb_build_object(
                'check', NEW.kind, 'passed', NEW.passed, 'against', 'sha256:' || encode(NEW.against, 'hex'),
                'report', 'sha256:' || encode(sha256(NEW.report), 'hex')));
    ELSIF TG_TABLE_NAME = 'impact_sign_off' THEN
        wanted := jsonb_build_object('kind', 'ruleset.signed_off', 'ruleset', digest, 'actor', who,
            'facts', jsonb_build_object('impact', NEW.impact::text, 'group', NEW.group_id));
    ELSIF NEW.step = 'retired' THEN
        wanted := jsonb_build_object('kind', 'ruleset.activated', 'actor', who,
            'facts', jsonb_build_object('former', digest));
    ELSE
        wanted := jsonb_build_object('kind', 'ruleset.' || NEW.step, 'ruleset', digest, 'actor', who);
        IF (said #>> '{facts,due}')::timestamptz IS DISTINCT FROM NEW.due THEN
            said := NULL;
        END IF;
    END IF;
    IF said IS NULL OR NOT said @> wanted THEN
        RAISE EXCEPTION 'no record announces this row of "%" as it is', TG_TABLE_NAME
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END
$$
"""

SIGNING_OFF = """
CREATE FUNCTION refuse_sign_off() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM public.principal WHERE id = NEW.actor AND kind = 'person') THEN
        RAISE EXCEPTION 'only a person can sign off what a ruleset changes' USING ERRCODE = 'EL001';
    END IF;
    IF NOT EXISTS (
        SELECT FROM public.ruleset_check c,
            jsonb_array_elements(convert_from(c.report, 'UTF8')::jsonb -> 'groups') AS g
        WHERE c.record = NEW.impact AND c.ruleset = NEW.ruleset AND c.kind = 'impact'
        AND g ->> 'id' = NEW.group_id
    ) THEN
        RAISE EXCEPTION 'the impact of this ruleset has no such group' USING ERRCODE = 'EL001';
    END IF;
    RETURN NEW;
END
$$
"""

LACKING = """
CREATE FUNCTION ruleset_lacks(wanted bytea, in_force bytea) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    newest_source uuid := (
        SELECT s.record FROM public.ruleset_source s WHERE s.ruleset = wanted ORDER BY s.record DESC LIMIT 1);
    name text;
    latest record;
BEGIN
    FOREACH name IN ARRAY ARRAY['load', 'tests', 'proof', 'difference', 'impact'] LOOP
        SELECT c.record, c.against, c.passed, convert_from(c.report, 'UTF8')::jsonb -> 'groups' AS groups
        INTO latest FROM public.ruleset_check c
        WHERE c.ruleset = wanted AND c.kind = name ORDER BY c.record DESC LIMIT 1;
        IF NOT FOUND THEN
            RETURN format('its check `%s` was not made', name);
        ELSIF NOT latest.passed THEN
            RETURN format('its check `%s` was not passed', name);
        ELSIF latest.against IS DISTINCT FROM in_force THEN
            RETURN format('its check `%s` was made against another ruleset than the one in force', name);
        ELSIF name <> 'impact' AND latest.record < newest_source THEN
            RETURN format('its check `%s` is older than its files', name);
        END IF;
    END LOOP;
    IF jsonb_typeof(latest.groups) IS DISTINCT FROM 'array' THEN
        RETURN 'its impact has no groups that could be signed off';
    ELSIF EXISTS (
        SELECT FROM jsonb_array_elements(latest.groups) AS g WHERE NOT EXISTS (
            SELECT FROM public.impact_sign_off s WHERE s.impact = latest.record AND s.group_id = g ->> 'id')
    ) THEN
        RETURN 'its impact is not signed off as a whole';
    END IF;
    RETURN NULL;
END
$$
"""

# The one way to move a ruleset. Whoever calls it holds the head until the end of the transaction, so that
# steps have an order. False where the step was taken already.
MOVE = """
CREATE FUNCTION move_ruleset(ruleset bytea, step text, actor uuid, announced_by uuid, due timestamptz)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    moved bytea := move_ruleset.ruleset;
    wanted text := move_ruleset.step;
    who uuid := move_ruleset.actor;
    is_system boolean := who = '00000000-0000-0000-0000-000000000000';
    kind text := (SELECT p.kind FROM public.principal p WHERE p.id = who);
    in_force bytea := (SELECT h.ruleset FROM public.head h FOR UPDATE);
    last_step text;
    last_due timestamptz;
    proposer uuid;
    approval integer;
    was_in_force boolean;
    next_number integer;
    origins text[];
    lacks text;
BEGIN
    IF NOT EXISTS (SELECT FROM public.ruleset r WHERE r.digest = moved) THEN
        RAISE EXCEPTION 'there is no such ruleset' USING ERRCODE = 'EL001';
    END IF;
    SELECT s.step, s.due INTO last_step, last_due FROM public.ruleset_step s
    WHERE s.ruleset = moved ORDER BY s.number DESC LIMIT 1;
    next_number := (SELECT coalesce(max(s.number), 0) + 1 FROM public.ruleset_step s);
    was_in_force := EXISTS (
        SELECT FROM public.ruleset_step s WHERE s.ruleset = moved AND s.step = 'activated');

    IF wanted = last_step OR (wanted = 'activated' AND moved = in_force)
        OR (wanted = 'loaded' AND (last_step IS NOT NULL OR moved = in_force)) THEN
        RETURN false;
    END IF;
    IF wanted = 'loaded' OR (wanted = 'activated' AND in_force IS NULL AND is_system) THEN
        origins := ARRAY['nothing', 'loaded'];
    ELSE
        origins := CASE wanted
            WHEN 'proposed' THEN ARRAY['loaded', 'withdrawn', 'retired']
            WHEN 'approved' THEN ARRAY['proposed']
            WHEN 'withdrawn' THEN ARRAY['proposed', 'approved', 'scheduled', 'unscheduled']
            WHEN 'scheduled' THEN ARRAY['approved', 'unscheduled']
            WHEN 'unscheduled' THEN ARRAY['scheduled']
            WHEN 'activated' THEN
                CASE WHEN is_system THEN ARRAY['scheduled'] ELSE ARRAY['approved', 'unscheduled'] END
        END;
    END IF;
    IF NOT coalesce(coalesce(last_step, 'nothing') = ANY (origins), false) THEN
        RAISE EXCEPTION 'a ruleset that was last `%` cannot be `%` by `%`', coalesce(last_step, 'nothing'),
            wanted, coalesce(kind, 'system') USING ERRCODE = 'EL001';
    END IF;
    IF wanted IN ('proposed', 'approved') AND kind IS DISTINCT FROM 'person' THEN
        RAISE EXCEPTION 'only a person can propose or approve a ruleset' USING ERRCODE = 'EL001';
    END IF;
    IF wanted NOT IN ('loaded', 'activated', 'unscheduled') AND kind IS NULL
        OR wanted = 'activated' AND kind IS NULL AND NOT is_system THEN
        RAISE EXCEPTION 'nobody is known who could do this' USING ERRCODE = 'EL001';
    END IF;
    IF (wanted = 'scheduled') <> (move_ruleset.due IS NOT NULL) THEN
        RAISE EXCEPTION 'a date belongs to `scheduled`, and to nothing else' USING ERRCODE = 'EL001';
    ELSIF wanted = 'scheduled' AND move_ruleset.due <= now() THEN
        RAISE EXCEPTION 'the date has passed' USING ERRCODE = 'EL001';
    ELSIF wanted = 'activated' AND is_system AND last_due > now() THEN
        RAISE EXCEPTION 'the date has not come' USING ERRCODE = 'EL001';
    END IF;
    IF wanted = 'approved' THEN
        proposer := (SELECT s.actor FROM public.ruleset_step s WHERE s.ruleset = moved AND s.step = 'proposed'
                     ORDER BY s.number DESC LIMIT 1);
        IF proposer = who THEN
            RAISE EXCEPTION 'who proposed a ruleset cannot approve it' USING ERRCODE = 'EL001';
        END IF;
    END IF;
    IF wanted IN ('approved', 'scheduled', 'activated') AND in_force IS NOT NULL THEN
        IF NOT was_in_force THEN
            lacks := public.ruleset_lacks(moved, in_force);
        ELSIF wanted <> 'approved' THEN
            approval := (SELECT max(s.number) FROM public.ruleset_step s
                         WHERE s.ruleset = moved AND s.step = 'approved');
            IF EXISTS (SELECT FROM public.ruleset_step s
                       WHERE s.step = 'activated' AND s.number > approval) THEN
                lacks := 'another ruleset was put in force since it was approved';
            END IF;
        END IF;
        IF lacks IS NOT NULL THEN
            RAISE EXCEPTION 'the ruleset cannot be `%`: %', wanted, lacks USING ERRCODE = 'EL001';
        END IF;
    END IF;

    INSERT INTO public.ruleset_step (number, record, ruleset, step, actor, due)
    VALUES (next_number, announced_by, moved, wanted, who, move_ruleset.due);
    IF wanted = 'activated' THEN
        IF in_force IS NOT NULL THEN
            INSERT INTO public.ruleset_step (number, record, ruleset, step, actor)
            VALUES (next_number + 1, announced_by, in_force, 'retired', who);
        END IF;
        UPDATE public.head SET ruleset = moved;
    END IF;
    RETURN true;
END
$$
"""

OF_LIFE = ("ruleset_source", "ruleset_step", "ruleset_check", "impact_sign_off")


def upgrade() -> None:
    """Make tables and functions, and take the head's ruleset out of the service's hands."""
    for statement in (*TABLES, EARLIER_STEPS, ANNOUNCED, SIGNING_OFF, LACKING, MOVE):
        op.execute(statement)
    for table in OF_LIFE:
        _guard(table)
    op.execute(
        "CREATE TRIGGER refuse_sign_off BEFORE INSERT ON impact_sign_off "
        "FOR EACH ROW EXECUTE FUNCTION refuse_sign_off()"
    )
    _, service = role_names(str(op.get_bind().scalar(text("SELECT current_database()"))))
    move = "move_ruleset(bytea, text, uuid, uuid, timestamptz)"
    for statement in (
        f'REVOKE UPDATE (ruleset) ON head FROM "{service}"',
        f'GRANT SELECT ON {", ".join(OF_LIFE)} TO "{service}"',
        f'GRANT INSERT ON ruleset_source, ruleset_check, impact_sign_off TO "{service}"',
        f"REVOKE ALL ON FUNCTION {move}, ruleset_lacks(bytea, bytea) FROM PUBLIC",
        f'GRANT EXECUTE ON FUNCTION {move} TO "{service}"',
    ):
        op.execute(statement)


def _guard(table: str) -> None:
    """Let a table only grow, and each new row be announced by a record of the same transaction."""
    op.execute(
        f"CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        f"CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        f"CREATE CONSTRAINT TRIGGER refuse_unannounced AFTER INSERT ON {table} "
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_unannounced()"
    )


def downgrade() -> None:
    """Refuse: a log that only grows is not taken back."""
    message = "the log is append-only: restore a backup instead of downgrading"
    raise RuntimeError(message)
