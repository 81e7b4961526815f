"""Reviews: cases that follow from the log, and steps that the database enforces.

Revision ID: 0008
Revises: 0007
"""

from alembic import op
from sqlalchemy import text

from eligibility.storage.roles import role_names

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TABLES = (
    """
    CREATE TABLE review_policy (
        record uuid NOT NULL,
        sample_percent integer NOT NULL,
        separate_licence integer NOT NULL,
        case_by_case integer NOT NULL,
        clarification integer NOT NULL,
        disputed integer NOT NULL,
        sampled integer NOT NULL,
        CONSTRAINT review_policy_pkey PRIMARY KEY (record),
        CONSTRAINT review_policy_sample_percent_check CHECK (sample_percent BETWEEN 0 AND 100)
    )
    """,
    """
    CREATE TABLE review_progress (
        singleton boolean NOT NULL,
        block bigint NOT NULL,
        CONSTRAINT review_progress_pkey PRIMARY KEY (singleton),
        CONSTRAINT review_progress_singleton_check CHECK (singleton)
    )
    """,
    "INSERT INTO review_progress VALUES (true, 0)",
    """
    CREATE TABLE review_case (
        decision uuid NOT NULL,
        opened_at timestamptz NOT NULL,
        channel text NOT NULL,
        generation text,
        outcome text NOT NULL,
        causes text[] NOT NULL,
        reasons text[] NOT NULL,
        state text NOT NULL,
        number integer NOT NULL,
        outcome_in_force text NOT NULL,
        due timestamptz,
        paused_at timestamptz,
        proposer uuid,
        proposed_outcome text,
        closed_at timestamptz,
        holder uuid,
        held_until timestamptz,
        CONSTRAINT review_case_pkey PRIMARY KEY (decision),
        CONSTRAINT review_case_state_check CHECK (state IN ('open', 'waiting', 'proposed', 'closed')),
        CONSTRAINT review_case_held_check CHECK ((holder IS NOT NULL) = (held_until IS NOT NULL))
    )
    """,
    "CREATE INDEX review_case_opened_at_decision_idx ON review_case (opened_at, decision)",
    """
    CREATE INDEX review_case_not_closed_idx ON review_case (opened_at, decision) WHERE state <> 'closed'
    """,
    """
    CREATE INDEX review_case_due_decision_idx ON review_case (due, decision) WHERE state <> 'closed'
    """,
    "CREATE INDEX review_case_holder_idx ON review_case (holder) WHERE holder IS NOT NULL",
    """
    CREATE TABLE review_step (
        decision uuid NOT NULL,
        number integer NOT NULL,
        record uuid NOT NULL,
        kind text NOT NULL,
        actor uuid NOT NULL,
        outcome text,
        CONSTRAINT review_step_pkey PRIMARY KEY (decision, number),
        CONSTRAINT review_step_record_key UNIQUE (record)
    )
    """,
)

# Every decision with the case that it opens; most open none, and have no causes. What is asked of reviews
# is what was recorded last in a block before the decision's, so that it never depends on when one looks. Not
# a view, and without settings of its own, so that conditions reach the tables' indexes. Policies are few, and
# looked up once, not for each decision.
OPENINGS = """
CREATE FUNCTION review_openings() RETURNS TABLE (
    decision uuid, block bigint, opened_at timestamptz, channel text, generation text, outcome text,
    causes text[], reasons text[], due timestamptz, disputed_days integer
) LANGUAGE sql STABLE AS $$
WITH policies AS MATERIALIZED (
    SELECT q.*,
           (SELECT k.number FROM public.record t JOIN public.block k ON k.id = t.block WHERE t.id = q.record)
               AS block,
           (SELECT t.position FROM public.record t WHERE t.id = q.record) AS position
    FROM public.review_policy q
)
SELECT r.id, b.number, r.at, r.channel, r.generation, r.outcome, said.causes, said.reasons,
       CASE WHEN r.outcome = 'contact_meta' THEN r.at + pg_catalog.make_interval(hours => 24 * coalesce((
                SELECT min(CASE reason WHEN 'separate_licence' THEN coalesce(p.separate_licence, 10)
                                       WHEN 'case_by_case' THEN coalesce(p.case_by_case, 10)
                                       ELSE coalesce(p.clarification, 5) END)
                FROM unnest(said.reasons) AS reason), p.clarification, 5))
            WHEN said.causes <> '{}'
            THEN r.at + pg_catalog.make_interval(hours => 24 * coalesce(p.sampled, 30))
       END,
       coalesce(p.disputed, 5)
FROM public.record r JOIN public.block b ON b.id = r.block
LEFT JOIN LATERAL (
    SELECT q.* FROM policies q WHERE q.block < b.number ORDER BY q.block DESC, q.position DESC LIMIT 1
) p ON true
CROSS JOIN LATERAL (
    SELECT CASE WHEN r.outcome = 'contact_meta' THEN ARRAY['contact']
                WHEN ((get_byte(h, 0) * 16777216::bigint + get_byte(h, 1) * 65536 + get_byte(h, 2) * 256
                       + get_byte(h, 3)) * 100 < coalesce(p.sample_percent, 1) * 4294967296)
                THEN ARRAY['sampled'] ELSE ARRAY[]::text[] END,
           CASE WHEN r.outcome = 'contact_meta' THEN ARRAY(
                SELECT jsonb_array_elements_text(convert_from(e.content, 'UTF8')::jsonb -> 'contact_reasons')
                FROM public.evaluation e WHERE e.key = r.evaluation_key)
                ELSE ARRAY[]::text[] END
    FROM sha256(uuid_send(r.id)) AS h
    OFFSET 0 -- else it would be worked out for each time that it is asked for above
) AS said (causes, reasons)
WHERE (r.kind = 'decision') IS TRUE -- so that the index of kinds, which nearly all share, is left alone
$$
"""

# Goes on where it stopped, in portions; whoever calls it at the same time waits for the other.
FILL = """
CREATE FUNCTION fill_reviews(most integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    done bigint;
    upto bigint;
    seen integer;
BEGIN
    IF (SELECT h.block FROM public.head h) <= (SELECT p.block FROM public.review_progress p) THEN
        RETURN 0;
    END IF;
    SELECT p.block INTO done FROM public.review_progress p FOR UPDATE;
    SELECT max(b.number), sum(b.count) INTO upto, seen FROM (
        SELECT n.number, n.count, sum(n.count) OVER (ORDER BY n.number) - n.count AS before
        FROM (SELECT k.number, k.count FROM public.block k WHERE k.number > done
              ORDER BY k.number LIMIT 4096) n
    ) b WHERE b.before < most;
    IF upto IS NULL THEN
        RETURN 0;
    END IF;
    INSERT INTO public.review_case (decision, opened_at, channel, generation, outcome, causes, reasons, state,
                                    number, outcome_in_force, due)
    SELECT o.decision, o.opened_at, o.channel, o.generation, o.outcome, o.causes, o.reasons, 'open', 0,
           o.outcome, o.due
    FROM public.review_openings() o WHERE o.block > done AND o.block <= upto AND o.causes <> '{}'
    ON CONFLICT DO NOTHING;
    UPDATE public.review_progress SET block = upto;
    RETURN seen;
END
$$
"""

# The one way to move a case. False where it is not at the number that was expected: it has changed meanwhile.
# Times are those of the step's record, which its id begins with, so that the log proves what follows of them.
MOVE = """
CREATE FUNCTION move_review(decision uuid, expected integer, record uuid, kind text, actor uuid, outcome text)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    step text := move_review.kind;
    who uuid := move_review.actor;
    proposed text := move_review.outcome;
    sort text := (SELECT p.kind FROM public.principal p WHERE p.id = who);
    at timestamptz := uuid_extract_timestamp(move_review.record);
    kept public.review_case;
    opening record;
    origins text[] := CASE step
        WHEN 'confirm' THEN ARRAY['open', 'waiting']
        WHEN 'override' THEN ARRAY['open', 'waiting', 'closed']
        WHEN 'agree' THEN ARRAY['proposed']
        WHEN 'decline' THEN ARRAY['proposed']
        WHEN 'withdraw' THEN ARRAY['proposed']
        WHEN 'ask' THEN ARRAY['open']
        WHEN 'answer' THEN ARRAY['waiting']
        ELSE ARRAY['open', 'waiting', 'proposed', 'closed']
    END;
    disputed_until timestamptz;
BEGIN
    SELECT o.* INTO opening FROM public.review_openings() o WHERE o.decision = move_review.decision;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no such decision' USING ERRCODE = 'EL001';
    END IF;
    INSERT INTO public.review_case (decision, opened_at, channel, generation, outcome, causes, reasons, state,
                                    number, outcome_in_force, due, closed_at)
    VALUES (opening.decision, opening.opened_at, opening.channel, opening.generation, opening.outcome,
            opening.causes, opening.reasons, CASE opening.causes WHEN '{}' THEN 'closed' ELSE 'open' END, 0,
            opening.outcome, opening.due, CASE opening.causes WHEN '{}' THEN opening.opened_at END)
    ON CONFLICT DO NOTHING;
    SELECT c.* INTO kept FROM public.review_case c WHERE c.decision = move_review.decision FOR UPDATE;
    IF kept.number IS DISTINCT FROM move_review.expected THEN
        RETURN false;
    END IF;

    IF step IS NULL OR step NOT IN ('confirm', 'override', 'agree', 'decline', 'withdraw', 'ask', 'answer',
                                    'comment', 'attach', 'dispute') THEN
        RAISE EXCEPTION 'there is no such step of a review' USING ERRCODE = 'EL001';
    ELSIF sort IS NULL THEN
        RAISE EXCEPTION 'nobody is known who could do this' USING ERRCODE = 'EL001';
    ELSIF sort <> 'person' AND step <> 'dispute' THEN
        RAISE EXCEPTION 'only a person can review a decision' USING ERRCODE = 'EL001';
    ELSIF at IS NULL OR abs(extract(epoch FROM clock_timestamp() - at)) > 300 THEN
        RAISE EXCEPTION 'the clocks of the service and of the database differ by more than five minutes'
            USING ERRCODE = 'EL001';
    ELSIF NOT kept.state = ANY (origins) THEN
        RAISE EXCEPTION 'a case that is `%` does not take `%`', kept.state, step USING ERRCODE = 'EL001';
    ELSIF kept.held_until > now() AND kept.holder <> who
        AND step NOT IN ('comment', 'attach', 'dispute', 'agree', 'decline') THEN
        RAISE EXCEPTION 'somebody else holds the case' USING ERRCODE = 'EL001';
    ELSIF (step = 'override') <> (proposed IS NOT NULL) THEN
        RAISE EXCEPTION 'an outcome belongs to `override`, and to nothing else' USING ERRCODE = 'EL001';
    ELSIF proposed NOT IN ('permitted', 'prohibited', 'contact_meta')
        OR proposed = kept.outcome_in_force THEN
        RAISE EXCEPTION 'an override needs an outcome other than the one in force' USING ERRCODE = 'EL001';
    ELSIF step IN ('agree', 'decline') AND kept.proposer = who THEN
        RAISE EXCEPTION 'who proposed another outcome can neither agree nor decline' USING ERRCODE = 'EL001';
    ELSIF step = 'withdraw' AND kept.proposer <> who THEN
        RAISE EXCEPTION 'only who proposed another outcome can withdraw it' USING ERRCODE = 'EL001';
    END IF;

    disputed_until := at + make_interval(hours => 24 * opening.disputed_days);
    IF kept.state = 'waiting' AND step IN ('answer', 'override', 'confirm') THEN
        kept.due := kept.due + (at - kept.paused_at);
        kept.paused_at := NULL;
    END IF;
    IF kept.state = 'closed' AND step IN ('override', 'dispute') THEN
        kept.due := disputed_until;
        kept.closed_at := NULL;
        kept.state := 'open';
    END IF;
    CASE step
        WHEN 'confirm', 'agree' THEN
            kept.state := 'closed';
            kept.closed_at := at;
            kept.outcome_in_force := coalesce(kept.proposed_outcome, kept.outcome_in_force);
        WHEN 'override' THEN
            kept.state := 'proposed';
            kept.proposer := who;
            kept.proposed_outcome := proposed;
        WHEN 'decline', 'withdraw', 'answer' THEN
            kept.state := 'open';
        WHEN 'ask' THEN
            kept.state := 'waiting';
            kept.paused_at := at;
        WHEN 'dispute' THEN
            kept.due := least(kept.due, disputed_until);
            IF NOT 'disputed' = ANY (kept.causes) THEN
                kept.causes := kept.causes || 'disputed'::text;
            END IF;
        ELSE NULL;
    END CASE;
    IF kept.state <> 'proposed' THEN
        kept.proposer := NULL;
        kept.proposed_outcome := NULL;
    END IF;
    IF step IN ('confirm', 'override', 'agree') THEN
        kept.holder := NULL;
        kept.held_until := NULL;
    END IF;
    UPDATE public.review_case SET
        (causes, state, number, outcome_in_force, due, paused_at, proposer, proposed_outcome, closed_at,
         holder, held_until)
        = (kept.causes, kept.state, kept.number + 1, kept.outcome_in_force, kept.due, kept.paused_at,
           kept.proposer, kept.proposed_outcome, kept.closed_at, kept.holder, kept.held_until)
    WHERE review_case.decision = move_review.decision;
    INSERT INTO public.review_step (decision, number, record, kind, actor, outcome)
    VALUES (kept.decision, kept.number + 1, move_review.record, step, who, proposed);
    RETURN true;
END
$$
"""

# Each row must be what the record that is committed with it says, with a coded reason and a text.
ANNOUNCED = """
CREATE FUNCTION refuse_unannounced_review() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    said jsonb := (SELECT convert_from(body, 'UTF8')::jsonb FROM public.record WHERE id = NEW.record);
    wanted jsonb;
BEGIN
    IF TG_TABLE_NAME = 'review_policy' THEN
        wanted := jsonb_build_object('kind', 'reviews.set', 'facts', to_jsonb(NEW) - 'record');
    ELSE
        wanted := jsonb_build_object(
            'kind', 'review.' || NEW.kind, 'actor', NEW.actor,
            'facts', jsonb_strip_nulls(jsonb_build_object(
                'subject', NEW.decision, 'number', NEW.number, 'outcome', NEW.outcome)));
        IF said #>> '{facts,outcome}' IS DISTINCT FROM NEW.outcome
            OR jsonb_typeof(said #> '{facts,reason}') IS DISTINCT FROM 'string' OR NOT said ? 'private' THEN
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

APPEND_ONLY = ("review_policy", "review_step")
TRIGGERS = (
    *(
        f"CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        for table in APPEND_ONLY
    ),
    *(
        f"CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        for table in (*APPEND_ONLY, "review_case")
    ),
    *(
        f"CREATE CONSTRAINT TRIGGER refuse_unannounced AFTER INSERT ON {table} DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION refuse_unannounced_review()"
        for table in APPEND_ONLY
    ),
)
CALLED_BY_THE_SERVICE = ("fill_reviews(integer)", "move_review(uuid, integer, uuid, text, uuid, text)")


def upgrade() -> None:
    """Make tables and functions; the service moves cases by the functions only, and leases by itself."""
    for statement in (*TABLES, OPENINGS, FILL, MOVE, ANNOUNCED, *TRIGGERS):
        op.execute(statement)
    _, service = role_names(str(op.get_bind().scalar(text("SELECT current_database()"))))
    tables = "review_policy, review_progress, review_case, review_step"
    op.execute(f'GRANT SELECT ON {tables} TO "{service}"')
    op.execute(f'GRANT INSERT ON review_policy TO "{service}"')
    op.execute(f'GRANT UPDATE (holder, held_until) ON review_case TO "{service}"')
    for function in CALLED_BY_THE_SERVICE:
        op.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
        op.execute(f'GRANT EXECUTE ON FUNCTION {function} TO "{service}"')


def downgrade() -> None:
    """Refuse: a log that only grows is not taken back."""
    message = "the log is append-only: restore a backup instead of downgrading"
    raise RuntimeError(message)
