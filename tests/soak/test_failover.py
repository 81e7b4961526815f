"""Replicas: what was acknowledged is there after a failover; what would not be is not acknowledged."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from eligibility.errors import LogBehind, StorageUnavailable
from eligibility.storage import migrate
from eligibility.storage.database import Database
from eligibility.storage.entries import Earlier, Entry, Idempotency, Recorded
from eligibility.storage.log import AuditLog
from tests.cli.running import running, until
from tests.properties.sizes import sized
from tests.soak.checking import check
from tests.soak.load import Load
from tests.soak.servers import SERVICE, Server, copy_and_follow, standby_of, stopped_after, url
from tests.storage.conftest import SECRET, SIGNER
from tests.storage.making import PRINCIPAL, remark

NAME = "the_replica"
KEYS = "SELECT record FROM idempotency"
GIVE_UP = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
CONNECTED = f"FROM pg_stat_activity WHERE usename = '{SERVICE}'"
FAILOVERS = sized(1, 20)


@pytest.fixture
def standby(primary: Server, folder: Path) -> Iterator[Server]:
    """A replica that follows the primary; which does not wait for it yet."""
    server = standby_of(primary, folder / "standby", name=NAME)
    with stopped_after(server):
        yield server


@pytest.fixture
async def database(primary: Server, standby: Server) -> AsyncIterator[Database]:
    """Whichever of the two can be written to."""
    opened = Database.open(url(SERVICE, primary.port, standby.port, target_session_attrs="read-write"))
    yield opened
    await opened.close()


def wait_for_replica(primary: Server, name: str) -> None:
    """Let no commit on the primary return before the replica of that name has it."""
    primary.sql(f"ALTER SYSTEM SET synchronous_standby_names = '{name}'", "SELECT pg_reload_conf()")
    until(
        lambda: primary.sql("SELECT pid FROM pg_stat_replication WHERE sync_state = 'sync'"),
        "the replica is synchronous",
    )


def destroy(server: Server) -> None:
    """Let a server end as a machine does that loses power: all of it at once."""
    server.signal_all(signal.SIGKILL)
    assert server.process is not None
    server.process.wait()


def promote(server: Server) -> None:
    """Make a replica the primary, which waits for no other replica."""
    server.sql("SELECT pg_promote()")
    server.sql("ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()")


def test_what_was_acknowledged_survives_failovers_to_a_synchronous_replica(
    folder: Path, primary: Server, standby: Server
) -> None:
    wait_for_replica(primary, NAME)
    first_host = primary
    login = url(SERVICE, primary.port, standby.port, target_session_attrs="read-write")
    with running(folder / "service", ELIGIBILITY_DATABASE_URL=login) as service:
        with Load([service.url], service.admin_key()) as load:
            for round_ in range(FAILOVERS):
                load.goes_on()
                destroy(primary)
                load.is_refused()
                promote(standby)
                load.goes_on()

                primary.start()  # as if nothing had happened
                standby.sql(f"SELECT pg_terminate_backend(pid) {CONNECTED}")  # each has to choose again
                if primary is first_host:  # it is chosen, and lacks what was acknowledged since
                    load.is_refused()
                else:
                    load.goes_on()
                destroy(primary)
                load.goes_on()

                primary, standby = standby, primary
                if round_ + 1 < FAILOVERS:
                    copy_and_follow(standby, primary, NAME)
                    wait_for_replica(primary, NAME)
        assert load.wrong == []
    check(primary.superuser_url, load.acknowledged)


async def test_what_no_replica_has_is_not_acknowledged_not_even_when_asked_again(
    primary: Server, standby: Server, database: Database
) -> None:
    def asked() -> Entry:
        key = Idempotency(PRINCIPAL, "k", b"{}")
        return remark(actor=PRINCIPAL, idempotency=key, private={"idempotency_key": key.key})

    wait_for_replica(primary, NAME)
    async with AuditLog(database, SECRET, SIGNER) as log:
        await log.append(remark())
        standby.stop()
        for _ in range(2):  # the second time it stands on the primary already, and may be seen there
            appended = asyncio.create_task(log.append(asked()))
            await asyncio.to_thread(until, lambda: primary.sql(GIVE_UP), "it waits, and is made to give up")
            with pytest.raises(StorageUnavailable, match="replica"):
                await appended
            assert len(primary.sql(KEYS)) == 1
        standby.start()
        again = await log.append(asked())
        assert isinstance(again, Earlier)
        assert isinstance(await log.append(remark()), Recorded)
    assert standby.sql(KEYS) == [(again.id,)]
    check(primary.superuser_url, {})


async def test_a_promoted_replica_that_lags_is_neither_written_to_nor_read_from(
    primary: Server, standby: Server, database: Database
) -> None:
    async with AuditLog(database, SECRET, SIGNER) as log:
        await log.append(remark())
        await database.ready()
        assert migrate.is_current(database.url)
        standby.stop()
        await log.append(remark())
        destroy(primary)
        standby.start()
        with pytest.raises(StorageUnavailable):  # not promoted yet
            await log.append(remark())
        standby.sql("SELECT pg_promote()")
        for _ in range(2):
            with pytest.raises(LogBehind):
                await log.append(remark())
            with pytest.raises(LogBehind):
                await database.ready()
        check(standby.superuser_url, {})

        standby.stop()
        primary.start()
        await database.ready()
        assert isinstance(await log.append(remark()), Recorded)
    check(primary.superuser_url, {})
