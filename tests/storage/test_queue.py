"""The queue of slices: procrastinate's tables as they ship, and what workers leave behind."""

import importlib.metadata
import re
from hashlib import sha256
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
import uuid_utils.compat
from procrastinate import App

from eligibility.errors import StorageUnavailable
from eligibility.storage.database import Database
from eligibility.storage.queue import (
    QUEUE,
    SILENT_SECONDS,
    SLICE,
    Alive,
    deferred,
    give_back,
    queue,
    withdraw,
)
from tests.conftest import FreshDatabase

migration: Any = import_module("migrations.versions.0007")
ROOT = Path(__file__).parent.parent.parent


def test_the_pinned_release_is_the_one_whose_sql_was_run() -> None:
    pinned = re.search(r'"procrastinate==([\d.]+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert pinned is not None
    assert pinned[1] == importlib.metadata.version("procrastinate") == migration.RELEASE
    sql = files("procrastinate").joinpath("sql", "schema.sql").read_bytes()
    assert sha256(sql).hexdigest() == migration.DIGEST


def test_other_sql_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migration, "DIGEST", sha256(b"").hexdigest())
    with pytest.raises(StorageUnavailable, match="install 3"):
        migration.schema()


async def put(database: Database, slices: int) -> UUID:
    """The batch of which so many slices were put into the queue."""
    batch = uuid_utils.compat.uuid7()
    statement = deferred(batch, slices)
    connection = await database.connect_raw()
    await connection.execute(statement.sql.encode(), statement.parameters)
    await connection.close()
    return batch


async def fetched(app: App, worker: int) -> dict[str, Any] | None:
    job = await app.job_manager.fetch_job(queues=[QUEUE], worker_id=worker)
    assert job is None or job.task_name == SLICE
    return None if job is None else {"id": job.id, **job.task_kwargs}


async def test_slices_of_two_batches_take_turns(database: FreshDatabase) -> None:
    opened = Database.open(database.service_url)
    async with queue(database.service_url) as app:
        first, second = await put(opened, 3), await put(opened, 2)
        worker = await app.job_manager.register_worker()
        jobs = [await fetched(app, worker) for _ in range(6)]
    found = [(job["batch"], job["number"]) for job in jobs if job]
    assert found == [(str(batch), number) for number in range(2) for batch in (first, second)] + [
        (str(first), 2)
    ]
    await opened.close()


async def test_only_what_waits_is_withdrawn(database: FreshDatabase) -> None:
    opened = Database.open(database.service_url)
    async with queue(database.service_url) as app:
        batch, other = await put(opened, 3), await put(opened, 1)
        worker = await app.job_manager.register_worker()
        begun = await fetched(app, worker)
        assert begun is not None
        assert await withdraw(opened, batch) == 2
        left = [*await app.job_manager.list_jobs_async(queue=QUEUE)]
        assert {(job.id, job.task_kwargs["batch"]) for job in left} == {
            (begun["id"], str(batch)),
            (left[-1].id, str(other)),
        }
    await opened.close()


async def test_what_a_dead_worker_left_is_given_back_at_once(database: FreshDatabase) -> None:
    opened = Database.open(database.service_url)
    async with queue(database.service_url) as app:
        await put(opened, 2)
        alive, dying = Alive(opened), Alive(opened)
        living, dead = [await app.job_manager.register_worker() for _ in range(2)]
        await alive.show(living)
        await alive.show(living)
        await dying.show(dead)
        kept, lost = await fetched(app, living), await fetched(app, dead)
        assert kept is not None
        assert lost is not None
        assert await give_back(app, opened) == 0

        await dying.aclose()  # as the end of its process does

        while not await give_back(app, opened):  # the server needs a moment to notice
            pass
        again = await fetched(app, living)
        assert again == lost
        assert await give_back(app, opened) == 0
        await alive.aclose()
    await opened.close()


async def test_a_worker_that_is_not_heard_of_loses_its_jobs_and_one_whose_lock_was_lost_takes_it_again(
    database: FreshDatabase,
) -> None:
    opened = Database.open(database.service_url)
    async with queue(database.service_url) as app:
        await put(opened, 1)
        worker, alive = await app.job_manager.register_worker(), Alive(opened)
        await alive.show(worker)
        job = await fetched(app, worker)
        with psycopg.connect(database.superuser_url, autocommit=True) as superuser:
            superuser.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory'"
            )
            await alive.show(worker)
            assert await give_back(app, opened) == 0
            superuser.execute(
                "UPDATE procrastinate_workers SET last_heartbeat = now() - make_interval(secs => %s)",
                (SILENT_SECONDS + 1,),
            )
        assert await give_back(app, opened) == 1
        assert await fetched(app, worker) == job
        await alive.aclose()
    await opened.close()
