from collections.abc import Iterator

import psycopg
import pytest
import uuid_utils.compat

from tests.conftest import FreshDatabase

LIFE = ("ruleset_source", "ruleset_step", "ruleset_check", "impact_sign_off")
LOG = ("record", "evaluation", "idempotency", "block", "ruleset", "partition", "signing_key", *LIFE)
ALL = (*LOG, "private")


@pytest.fixture
def filled(database: FreshDatabase) -> FreshDatabase:
    """A database with a row in every table of the log, and partitions for it."""
    record = uuid_utils.compat.uuid7()
    with psycopg.connect(database.service_url) as service:
        service.execute("SELECT make_partitions(now()::date, %s)", (record,))
        hash_ = b"h" * 32
        service.execute(
            "INSERT INTO record (id, block, position, kind, at, actor, channel, body, leaf) "
            "VALUES (%s, %s, 0, 'remark', now(), %s, 'cli', '', %s)",
            (record, record, record, hash_),
        )
        service.execute("INSERT INTO private VALUES (%s, %s, '')", (record, hash_))
        service.execute("INSERT INTO evaluation VALUES (%s, '', '', '', %s, '', '{}')", (hash_, hash_))
        service.execute("INSERT INTO idempotency VALUES (%s, %s, %s)", (record, record, record))
        service.execute(
            "INSERT INTO block VALUES (1, %s, 1, 1, %s, %s, %s, now())", (record, hash_, hash_, hash_)
        )
        service.execute("INSERT INTO signing_key VALUES ('', %s, %s)", (hash_, record))
        service.execute("INSERT INTO ruleset VALUES (%s, '', '', now(), '')", (hash_,))
    with psycopg.connect(database.superuser_url) as superuser:
        superuser.execute("SET session_replication_role = replica")  # no record announces these
        superuser.execute("INSERT INTO ruleset_source VALUES (%s, %s, '')", (record, hash_))
        superuser.execute(
            "INSERT INTO ruleset_step VALUES (1, %s, %s, 'loaded', %s)", (record, hash_, record)
        )
        superuser.execute(
            "INSERT INTO ruleset_check VALUES (%s, %s, 'impact', %s, true, '')", (record, hash_, hash_)
        )
        superuser.execute(
            "INSERT INTO impact_sign_off VALUES (%s, %s, %s, '', %s)", (record, hash_, record, record)
        )
    return database


def partitions(owner: psycopg.Connection) -> list[str]:
    rows = owner.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits i JOIN pg_class c ON c.oid = inhrelid "
        "WHERE relkind = 'r'"
    ).fetchall()
    return [row[0] for row in rows]


def changes(table: str) -> Iterator[str]:
    columns = {
        "record": "body",
        "private": "salt",
        "partition": "made_by",
        "block": "hash",
        "idempotency": "record",
        "evaluation": "ruleset",
        "ruleset_step": "step",
        "ruleset_source": "files",
        "ruleset_check": "passed",
        "impact_sign_off": "actor",
        "ruleset": "version",
        "signing_key": "public",
    }
    name = next(column for start, column in columns.items() if table.startswith(start))
    yield f"UPDATE {table} SET {name} = {name}"  # noqa: S608  # names of tables cannot be bound
    yield f"TRUNCATE {table} CASCADE"
    if not table.startswith("private"):
        yield f"DELETE FROM {table}"  # noqa: S608  # as above


def test_the_owner_cannot_change_the_log_nor_any_partition_of_it(filled: FreshDatabase) -> None:
    with psycopg.connect(filled.owner_url, autocommit=True) as owner:
        children = partitions(owner)
        assert sorted(child.split("_")[0] for child in children) == ["private", "record"]
        for table in (*ALL, *children):
            for change in changes(table):
                with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
                    owner.execute(change.encode())


def test_the_service_cannot_change_the_log_nor_any_partition_of_it(filled: FreshDatabase) -> None:
    with psycopg.connect(filled.owner_url) as owner:
        children = partitions(owner)
    with psycopg.connect(filled.service_url, autocommit=True) as service:
        for table in (*ALL, *children):
            for change in (*changes(table), f"DROP TABLE {table}", f"ALTER TABLE {table} ADD x int"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    service.execute(change.encode())


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (n int)",
        "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "ALTER TABLE record DISABLE TRIGGER ALL",
        "DROP TRIGGER refuse_change ON block",
        "UPDATE alembic_version SET version_num = 'x'",
        "INSERT INTO partition VALUES (now()::date, gen_random_uuid())",
        "DELETE FROM head",
        "DELETE FROM private",
        "INSERT INTO head VALUES (true, 0, 1, '', NULL)",
        "UPDATE head SET singleton = true",
        "UPDATE head SET ruleset = NULL",
        "INSERT INTO ruleset_step VALUES (9, gen_random_uuid(), '', 'loaded', gen_random_uuid())",
        "SELECT ruleset_lacks('', '')",
        "UPDATE api_key SET role = 'admin'",
        "UPDATE principal SET name = 'x'",
        "DELETE FROM api_key",
        "UPDATE batch SET actor = gen_random_uuid()",
        "DELETE FROM batch",
        "UPDATE batch_slice SET rows = 0",
        "DELETE FROM batch_slice",
        "UPDATE batch_part SET content = ''",
        "SET ROLE eligibility_owner",
        "CREATE TEMPORARY TABLE record (id uuid)",
    ],
)
def test_the_service_can_do_no_more_than_it_must(filled: FreshDatabase, statement: str) -> None:
    with psycopg.connect(filled.superuser_url, autocommit=True) as admin:
        admin.execute(f"REVOKE TEMPORARY ON DATABASE {filled.name} FROM PUBLIC".encode())
    with (
        psycopg.connect(filled.service_url, autocommit=True) as service,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        service.execute(statement.encode())


def test_a_partition_is_made_once(filled: FreshDatabase) -> None:
    with psycopg.connect(filled.service_url) as service:
        row = service.execute("SELECT make_partitions(now()::date, gen_random_uuid())").fetchone()
        assert row == (False,)


def test_a_partition_that_no_record_announces_is_not_made(database: FreshDatabase) -> None:
    with psycopg.connect(database.service_url) as service:
        service.execute("SELECT make_partitions('2030-05-01', gen_random_uuid())")
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            service.commit()
        assert service.execute("SELECT to_regclass('record_2030_05')").fetchone() == (None,)


def test_a_record_falls_into_the_month_of_its_id(filled: FreshDatabase) -> None:
    with psycopg.connect(filled.service_url) as service:
        record = uuid_utils.compat.uuid7()
        service.execute("SELECT make_partitions('2030-05-15', %s)", (record,))
        for text, fits in (
            ("2030-04-30T23:59:59.999Z", False),
            ("2030-05-01T00:00:00.000Z", True),
            ("2030-05-31T23:59:59.999Z", True),
            ("2030-06-01T00:00:00.000Z", False),
        ):
            insert = (
                "INSERT INTO private (record, salt, content) SELECT (lpad(to_hex((extract(epoch FROM "
                "%s::timestamptz) * 1000)::bigint), 12, '0') || '7fffbfffffffffffffff')::uuid, %s, ''"
            )
            service.execute("SAVEPOINT try")
            if fits:
                service.execute(insert, (text, b"s" * 32))
            else:
                with pytest.raises(psycopg.errors.CheckViolation, match="no partition"):
                    service.execute(insert, (text, b"s" * 32))
                service.execute("ROLLBACK TO try")
        assert service.execute("SELECT count(*) FROM private WHERE record > %s", (record,)).fetchone() == (2,)
        service.rollback()
