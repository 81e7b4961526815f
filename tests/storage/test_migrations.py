from uuid import UUID

import orjson
import psycopg
import pytest
import uuid_utils.compat
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine

from eligibility.errors import StorageUnavailable
from eligibility.storage import migrate
from eligibility.storage.embedded import EmbeddedPostgres
from eligibility.storage.roles import create_roles_sql, role_names
from eligibility.storage.tables import metadata
from eligibility.storage.urls import sqlalchemy_url
from tests.conftest import FreshDatabase

SHAPE = """
    SELECT 'column', table_name, column_name,
           data_type || ' ' || is_nullable || ' ' || coalesce(column_default, '')
    FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version'
    AND table_name NOT LIKE 'procrastinate%'
    UNION ALL
    SELECT 'index', tablename, indexname, indexdef FROM pg_indexes
    WHERE schemaname = 'public' AND tablename <> 'alembic_version' AND tablename NOT LIKE 'procrastinate%'
    UNION ALL
    SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND contype NOT IN ('n', 't')
    AND conrelid::regclass::text <> 'alembic_version' AND conrelid::regclass::text NOT LIKE 'procrastinate%'
    UNION ALL
    SELECT 'partitioning', partrelid::regclass::text, '', pg_get_partkeydef(partrelid)
    FROM pg_partitioned_table
    ORDER BY 1, 2, 3, 4
"""


def shape(url: str) -> list[tuple[str, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(SHAPE).fetchall()


def test_the_tables_are_those_of_the_migrations(database: FreshDatabase) -> None:
    engine = create_engine(sqlalchemy_url(database.owner_url))
    with engine.connect() as connection:
        opts = {"compare_server_default": True, "include_name": migrate.is_ours}
        context = MigrationContext.configure(connection, opts=opts)
        differences = compare_metadata(context, metadata)
    engine.dispose()
    assert differences == []


def test_migrated_equals_fresh(database: FreshDatabase, postgres: EmbeddedPostgres) -> None:
    with psycopg.connect(postgres.url("postgres", "postgres"), autocommit=True) as admin:
        admin.execute("CREATE DATABASE test_made_from_metadata OWNER eligibility_owner")
    url = postgres.url("eligibility_owner", "test_made_from_metadata")
    engine = create_engine(sqlalchemy_url(url))
    metadata.create_all(engine)
    engine.dispose()
    assert shape(url) == shape(database.owner_url)


def test_migrating_twice_changes_nothing(database: FreshDatabase) -> None:
    before = shape(database.owner_url)
    migrate.upgrade(database.owner_url)
    assert shape(database.owner_url) == before
    assert migrate.is_current(database.service_url)
    assert migrate.current(database.service_url) == migrate.newest_revision()


def test_what_was_loaded_before_there_were_steps_has_them(postgres: EmbeddedPostgres) -> None:
    with psycopg.connect(postgres.url("postgres", "postgres"), autocommit=True) as admin:
        admin.execute("CREATE DATABASE eligibility_3 OWNER eligibility_owner")
        admin.execute("CREATE ROLE eligibility_3_service")
    url = postgres.url("eligibility_owner", "eligibility_3")
    migrate.upgrade(url, "0002")
    records = [
        (kind, uuid_utils.compat.uuid7()) for kind in ("ruleset.activated", "remark", "ruleset.loaded")
    ]
    hash_ = b"h" * 32
    with psycopg.connect(url) as owner:
        owner.execute("SELECT make_partitions(now()::date, %s)", (records[0][1],))
        owner.execute("INSERT INTO ruleset VALUES (%s, '', '', now(), '')", (hash_,))
        for kind, record in records:
            body = orjson.dumps({"kind": kind, "ruleset": f"sha256:{hash_.hex()}"})
            owner.execute(
                "INSERT INTO record (id, block, position, kind, at, actor, channel, body, leaf) "
                "VALUES (%s, %s, 0, %s, now(), %s, 'system', %s, %s)",
                (record, record, kind, UUID(int=0), body, hash_),
            )
    migrate.upgrade(url)
    with psycopg.connect(url) as owner:
        steps = owner.execute("SELECT record, ruleset, step FROM ruleset_step ORDER BY number").fetchall()
    assert steps == [(records[0][1], hash_, "activated"), (records[2][1], hash_, "loaded")]


def test_a_database_without_the_services_role_is_refused_with_the_remedy(postgres: EmbeddedPostgres) -> None:
    with psycopg.connect(postgres.url("postgres", "postgres"), autocommit=True) as admin:
        admin.execute("CREATE DATABASE test_without_role OWNER eligibility_owner")
    url = postgres.url("eligibility_owner", "test_without_role")
    with pytest.raises(StorageUnavailable, match='CREATE ROLE "test_without_role_service" LOGIN'):
        migrate.upgrade(url)
    assert migrate.current(url) is None


def test_the_statements_for_another_cluster_work(postgres: EmbeddedPostgres) -> None:
    statements = create_roles_sql("test_elsewhere", owner_password="it's", service_password="s")
    with psycopg.connect(postgres.url("postgres", "postgres"), autocommit=True) as admin:
        for statement in statements:
            admin.execute(statement.encode())
    owner, service = role_names("test_elsewhere")
    place = f"127.0.0.1:{postgres.port}/test_elsewhere"
    migrate.upgrade(f"postgresql://{owner}:it%27s@{place}")
    assert migrate.is_current(f"postgresql://{service}:s@{place}")


def test_a_locked_table_stops_a_migration_soon_and_wholly(postgres: EmbeddedPostgres) -> None:
    with psycopg.connect(postgres.url("postgres", "postgres"), autocommit=True) as admin:
        admin.execute("CREATE DATABASE eligibility_2 OWNER eligibility_owner")
        admin.execute("CREATE ROLE eligibility_2_service")
    url = postgres.url("eligibility_owner", "eligibility_2")
    with psycopg.connect(url) as other:
        other.execute("CREATE TABLE record (id uuid)")  # uncommitted: its name is taken until we know
        with pytest.raises(StorageUnavailable):
            migrate.upgrade(url)
        other.rollback()
    migrate.upgrade(url)
    assert migrate.is_current(url)
