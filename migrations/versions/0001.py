"""The record: log, private texts, evaluations, rulesets, principals and keys.

Revision ID: 0001
Revises: nothing
"""

from alembic import op
from sqlalchemy import Connection, text

from eligibility.errors import StorageUnavailable
from eligibility.storage.roles import create_roles_sql, role_names

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    """
    CREATE TABLE record (
        id uuid NOT NULL,
        block uuid NOT NULL,
        position integer NOT NULL,
        kind text NOT NULL,
        at timestamptz NOT NULL,
        actor text NOT NULL,
        channel text NOT NULL,
        ruleset bytea,
        evaluation bytea,
        evaluation_key bytea,
        outcome text,
        generation text,
        subject uuid,
        body bytea NOT NULL,
        leaf bytea NOT NULL,
        CONSTRAINT record_pkey PRIMARY KEY (id),
        CONSTRAINT record_leaf_check CHECK (octet_length(leaf) = 32)
    ) PARTITION BY RANGE (id)
    """,
    "CREATE INDEX record_block_position_idx ON record (block, position)",
    "CREATE INDEX record_kind_outcome_idx ON record (kind, outcome)",
    "CREATE INDEX record_actor_idx ON record (actor)",
    "CREATE INDEX record_evaluation_key_idx ON record (evaluation_key)",
    "CREATE INDEX record_subject_idx ON record (subject) WHERE subject IS NOT NULL",
    "CREATE INDEX record_generation_idx ON record (generation) WHERE generation IS NOT NULL",
    """
    CREATE TABLE private (
        record uuid NOT NULL,
        salt bytea NOT NULL,
        content bytea NOT NULL,
        entity_reference text,
        CONSTRAINT private_pkey PRIMARY KEY (record),
        CONSTRAINT private_salt_check CHECK (octet_length(salt) = 32)
    ) PARTITION BY RANGE (record)
    """,
    """
    CREATE INDEX private_entity_reference_idx ON private (entity_reference)
    WHERE entity_reference IS NOT NULL
    """,
    """
    CREATE TABLE evaluation (
        key bytea NOT NULL,
        ruleset bytea NOT NULL,
        cells bytea NOT NULL,
        content bytea NOT NULL,
        content_hash bytea NOT NULL,
        outcome text NOT NULL,
        findings text[] NOT NULL,
        CONSTRAINT evaluation_pkey PRIMARY KEY (key),
        CONSTRAINT evaluation_key_check CHECK (octet_length(key) = 32),
        CONSTRAINT evaluation_content_hash_check CHECK (octet_length(content_hash) = 32)
    )
    """,
    "CREATE INDEX evaluation_findings_idx ON evaluation USING gin (findings)",
    """
    CREATE TABLE idempotency (
        principal text NOT NULL,
        key_mac bytea NOT NULL,
        body_mac bytea NOT NULL,
        record uuid NOT NULL,
        CONSTRAINT idempotency_pkey PRIMARY KEY (principal, key_mac)
    )
    """,
    """
    CREATE TABLE block (
        number bigint NOT NULL,
        id uuid NOT NULL,
        first bigint NOT NULL,
        count integer NOT NULL,
        root bytea NOT NULL,
        previous bytea NOT NULL,
        hash bytea NOT NULL,
        at timestamptz NOT NULL,
        key text,
        signature bytea,
        CONSTRAINT block_pkey PRIMARY KEY (number),
        CONSTRAINT block_id_key UNIQUE (id),
        CONSTRAINT block_first_key UNIQUE (first),
        CONSTRAINT block_count_check CHECK (count BETWEEN 1 AND 4096),
        CONSTRAINT block_root_check CHECK (octet_length(root) = 32),
        CONSTRAINT block_previous_check CHECK (octet_length(previous) = 32),
        CONSTRAINT block_hash_check CHECK (octet_length(hash) = 32)
    )
    """,
    """
    CREATE TABLE head (
        singleton boolean NOT NULL,
        block bigint NOT NULL,
        next_sequence bigint NOT NULL,
        hash bytea NOT NULL,
        ruleset bytea,
        CONSTRAINT head_pkey PRIMARY KEY (singleton),
        CONSTRAINT head_singleton_check CHECK (singleton),
        CONSTRAINT head_hash_check CHECK (octet_length(hash) = 32)
    )
    """,
    "INSERT INTO head VALUES (true, 0, 1, decode(repeat('00', 32), 'hex'), NULL)",
    """
    CREATE TABLE ruleset (
        digest bytea NOT NULL,
        version text NOT NULL,
        document bytea NOT NULL,
        loaded_at timestamptz NOT NULL,
        loaded_by text NOT NULL,
        CONSTRAINT ruleset_pkey PRIMARY KEY (digest),
        CONSTRAINT ruleset_digest_check CHECK (octet_length(digest) = 32)
    )
    """,
    """
    CREATE TABLE principal (
        id uuid NOT NULL,
        name text NOT NULL,
        kind text NOT NULL,
        created_at timestamptz NOT NULL,
        CONSTRAINT principal_pkey PRIMARY KEY (id),
        CONSTRAINT principal_name_key UNIQUE (name),
        CONSTRAINT principal_kind_check CHECK (kind IN ('person', 'system'))
    )
    """,
    """
    CREATE TABLE api_key (
        id uuid NOT NULL,
        principal uuid NOT NULL,
        role text NOT NULL,
        label text NOT NULL,
        mac bytea NOT NULL,
        bootstrap boolean NOT NULL DEFAULT false,
        created_at timestamptz NOT NULL,
        expires_at timestamptz,
        revoked_at timestamptz,
        CONSTRAINT api_key_pkey PRIMARY KEY (id),
        CONSTRAINT api_key_principal_fkey FOREIGN KEY (principal) REFERENCES principal (id),
        CONSTRAINT api_key_mac_key UNIQUE (mac),
        CONSTRAINT api_key_role_check
            CHECK (role IN ('portal', 'reviewer', 'approver', 'auditor', 'monitor', 'admin'))
    )
    """,
    "CREATE INDEX api_key_principal_idx ON api_key (principal)",
    """
    CREATE TABLE partition (
        month date NOT NULL,
        made_by uuid NOT NULL,
        CONSTRAINT partition_pkey PRIMARY KEY (month),
        CONSTRAINT partition_made_by_fkey FOREIGN KEY (made_by) REFERENCES record (id)
            DEFERRABLE INITIALLY DEFERRED
    )
    """,
)

REFUSE_CHANGE = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'the log is append-only: % of "%" is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$
"""

GROWING = ("record", "private", "evaluation", "idempotency", "block", "ruleset", "principal", "api_key")
APPEND_ONLY = ("record", "evaluation", "idempotency", "block", "ruleset", "partition")

# A UUIDv7 begins with milliseconds since 1970 in 48 bits, so that months are ranges of it. The new tables are
# attached rather than created in place, which keeps readers and writers of other months going. TRUNCATE
# fires no trigger of the parent when it names a partition: each has one of its own.
MAKE_PARTITIONS = """
CREATE FUNCTION make_partitions(for_month date, announced_by uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    first_day timestamp := date_trunc('month', for_month::timestamp);
    bounds text[] := ARRAY(
        SELECT rpad(lpad(to_hex((extract(epoch FROM bound) * 1000)::bigint), 12, '0'), 32, '0')
        FROM unnest(ARRAY[first_day, first_day + interval '1 month']) WITH ORDINALITY AS b (bound, n)
        ORDER BY n
    );
    parent text;
    child text;
BEGIN
    PERFORM pg_advisory_xact_lock(7104226012);
    IF EXISTS (SELECT FROM public.partition WHERE month = first_day::date) THEN
        RETURN false;
    END IF;
    FOREACH parent IN ARRAY ARRAY['record', 'private'] LOOP
        child := parent || to_char(first_day, '_YYYY_MM');
        EXECUTE format('CREATE TABLE public.%I (LIKE public.%I INCLUDING ALL)', child, parent);
        EXECUTE format(
            'CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON public.%I '
            'FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change()', child);
        EXECUTE format(
            'ALTER TABLE public.%I ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
            parent, child, bounds[1]::uuid, bounds[2]::uuid);
    END LOOP;
    INSERT INTO public.partition (month, made_by) VALUES (first_day::date, announced_by);
    RETURN true;
END
$$
"""


def upgrade() -> None:
    """Make everything, and let the service do what it must and no more."""
    connection = op.get_bind()
    _, service = role_names(_database(connection))
    _require_role(connection, service)
    for statement in (*TABLES, REFUSE_CHANGE, MAKE_PARTITIONS):
        op.execute(statement)
    for table in APPEND_ONLY:
        _refuse(table, "UPDATE OR DELETE")
    _refuse("private", "UPDATE")  # erasing is allowed, to the owner's own function
    for statement in _grants(service):
        op.execute(statement)


def _database(connection: Connection) -> str:
    return str(connection.scalar(text("SELECT current_database()")))


def _require_role(connection: Connection, service: str) -> None:
    if connection.scalar(text("SELECT 1 FROM pg_roles WHERE rolname = :name"), {"name": service}):
        return
    statements = create_roles_sql(_database(connection))
    needed = next(statement for statement in statements if f'"{service}"' in statement)
    message = f"the role `{service}`, the service's login, does not exist: run as a superuser `{needed}`"
    raise StorageUnavailable(message)


def _refuse(table: str, changes: str) -> None:
    """Let the database refuse changes of rows, and TRUNCATE, whoever asks."""
    op.execute(
        f"CREATE TRIGGER refuse_change BEFORE {changes} ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        f"CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def _grants(service: str) -> tuple[str, ...]:
    return (
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        f'GRANT USAGE ON SCHEMA public TO "{service}"',
        f'GRANT SELECT, INSERT ON {", ".join(GROWING)} TO "{service}"',
        f'GRANT SELECT ON head, partition, alembic_version TO "{service}"',
        f'GRANT UPDATE (block, next_sequence, hash, ruleset) ON head TO "{service}"',
        f'GRANT UPDATE (revoked_at) ON api_key TO "{service}"',
        "REVOKE ALL ON FUNCTION make_partitions(date, uuid) FROM PUBLIC",
        f'GRANT EXECUTE ON FUNCTION make_partitions(date, uuid) TO "{service}"',
    )


def downgrade() -> None:
    """Refuse: a log that only grows is not taken back."""
    message = "the log is append-only: restore a backup instead of downgrading"
    raise RuntimeError(message)
