import socket
import time
from collections.abc import AsyncIterator

import psycopg
import pytest

from eligibility.errors import LogBehind, SettingsInvalid, StorageUnavailable
from eligibility.storage.database import Database
from eligibility.storage.embedded import EmbeddedPostgres, start_or_join
from eligibility.storage.entries import Recorded
from eligibility.storage.log import AuditLog
from eligibility.storage.urls import host_count, libpq_url, sqlalchemy_url
from tests.conftest import FreshDatabase
from tests.storage.conftest import SECRET, SIGNER
from tests.storage.making import remark

NOWHERE = "postgresql://eligibility_service:x@127.0.0.1:1/eligibility"


@pytest.fixture
async def nowhere() -> AsyncIterator[Database]:
    database = Database.open(NOWHERE)
    yield database
    await database.close()


async def test_the_services_own_role_may_serve(service: Database) -> None:
    await service.check_service_role()
    await service.ready()


@pytest.mark.parametrize(
    "login, words", [("owner_url", "the owner of the tables"), ("superuser_url", "a superuser")]
)
async def test_one_who_could_rewrite_the_log_may_not_serve(
    database: FreshDatabase, login: str, words: str
) -> None:
    opened = Database.open(getattr(database, login))
    with pytest.raises(SettingsInvalid, match=words):
        await opened.check_service_role()
    await opened.close()


async def test_a_member_of_the_owners_role_may_not_serve(
    database: FreshDatabase, postgres: EmbeddedPostgres
) -> None:
    with psycopg.connect(database.superuser_url, autocommit=True) as admin:
        admin.execute("CREATE ROLE sly LOGIN PASSWORD 'sly' IN ROLE eligibility_owner")
    opened = Database.open(f"postgresql://sly:sly@127.0.0.1:{postgres.port}/{database.name}")
    with pytest.raises(SettingsInvalid, match="`sly`"):
        await opened.check_service_role()
    await opened.close()
    with psycopg.connect(database.superuser_url, autocommit=True) as admin:
        admin.execute("DROP ROLE sly")


async def test_an_empty_database_is_not_ready(database: FreshDatabase, postgres: EmbeddedPostgres) -> None:
    del database
    opened = Database.open(postgres.url("postgres", "postgres"))
    with pytest.raises(StorageUnavailable, match="eligibility db upgrade"):
        await opened.ready()
    await opened.close()


async def test_a_database_at_another_revision_is_not_ready(
    database: FreshDatabase, service: Database
) -> None:
    with psycopg.connect(database.owner_url) as owner:
        owner.execute("UPDATE alembic_version SET version_num = '0000'")
    with pytest.raises(StorageUnavailable, match="`0000`"):
        await service.ready()


async def test_no_database_is_a_quick_refusal(nowhere: Database) -> None:
    begun = time.monotonic()
    with pytest.raises(StorageUnavailable):
        await nowhere.ready()
    async with AuditLog(nowhere, SECRET, SIGNER) as log:
        with pytest.raises(StorageUnavailable):
            await log.append(remark())
    assert time.monotonic() - begun < 5


async def test_a_database_that_takes_connections_and_says_nothing_is_a_refusal_within_seconds() -> None:
    silent = socket.create_server(("127.0.0.1", 0))  # the system takes connections, nobody answers them
    database = Database.open(f"postgresql://u:p@127.0.0.1:{silent.getsockname()[1]}/d")
    begun = time.monotonic()
    async with AuditLog(database, SECRET, SIGNER) as log:
        with pytest.raises(StorageUnavailable):
            await log.append(remark())
        assert time.monotonic() - begun < 8
        with pytest.raises(StorageUnavailable):
            await database.ready()
    await database.close()
    silent.close()


async def test_a_lock_held_by_another_is_a_refusal_within_seconds_and_records_nothing(
    database: FreshDatabase, log: AuditLog
) -> None:
    await log.append(remark())
    with psycopg.connect(database.owner_url) as other:
        other.execute("SELECT * FROM head FOR UPDATE")
        begun = time.monotonic()
        with pytest.raises(StorageUnavailable):
            await log.append(remark())
        assert time.monotonic() - begun < 8
        other.rollback()
        row = other.execute("SELECT count(*) FROM record WHERE kind = 'remark'").fetchone()
        assert row == (1,)
    assert isinstance(await log.append(remark()), Recorded)


async def test_a_connection_that_was_cut_is_made_again(database: FreshDatabase, log: AuditLog) -> None:
    await log.append(remark())
    with psycopg.connect(database.superuser_url, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    answers = [await attempt(log) for _ in range(2)]
    assert isinstance(answers[-1], Recorded)


async def attempt(log: AuditLog) -> object:
    try:
        return await log.append(remark())
    except StorageUnavailable as error:
        return error


async def test_a_server_that_died_and_came_back_is_written_to_again(
    postgres: EmbeddedPostgres, log: AuditLog
) -> None:
    first = await log.append(remark())
    assert isinstance(first, Recorded)
    assert postgres.process is not None
    postgres.process.kill()
    postgres.process.wait()
    begun = time.monotonic()
    with pytest.raises(StorageUnavailable):
        await log.append(remark())
    assert time.monotonic() - begun < 5
    postgres.restart()
    again = await log.append(remark())
    assert isinstance(again, Recorded)
    assert again.sequence == first.sequence + 1


async def test_a_database_that_lost_an_acknowledged_block_is_not_written_to(
    database: FreshDatabase, log: AuditLog
) -> None:
    await log.append(remark())
    with psycopg.connect(database.superuser_url) as admin:
        admin.execute("UPDATE head SET block = block - 1")
    with pytest.raises(LogBehind):
        await log.append(remark())
    another = Database.open(database.service_url)
    async with AuditLog(another, SECRET, SIGNER) as forgetful:
        with pytest.raises(LogBehind):  # it remembers nothing, but the block's number is taken
            await forgetful.append(remark())
    await another.close()


async def test_a_server_without_an_acknowledged_block_is_not_even_read_from(
    database: FreshDatabase, service: Database, log: AuditLog
) -> None:
    await log.append(remark())
    with psycopg.connect(database.superuser_url) as admin:
        admin.execute("SET session_replication_role = replica")  # lets no trigger fire
        admin.execute("UPDATE block SET hash = sha256(hash) WHERE number = (SELECT block FROM head)")
    await service.close()
    with pytest.raises(LogBehind):
        await service.ready()


def test_a_url_may_name_several_hosts() -> None:
    url = "postgresql+psycopg://me:p%40ss@a:1,b:2/name?target_session_attrs=read-write"
    assert libpq_url(url) == url.replace("+psycopg", "")
    assert host_count(url) == 2
    expected = {"host": "a,b", "port": "1,2", "target_session_attrs": "read-write"}
    assert sqlalchemy_url(url).query == expected
    assert sqlalchemy_url(url).password == "p@ss"


@pytest.mark.parametrize(
    "url", ["not a url", "host=a dbname=b", "postgresql://a:secret@h:x/d", "mysql://h/d"]
)
def test_a_url_that_is_none_is_refused(url: str) -> None:
    for read in (sqlalchemy_url, libpq_url):
        with pytest.raises(SettingsInvalid) as refused:
            read(url)
        assert "secret" not in str(refused.value)


def test_start_or_join_is_the_one_that_the_fixture_uses(postgres: EmbeddedPostgres) -> None:
    with start_or_join(postgres.data_dir) as joined:
        assert joined.service_url == postgres.service_url
