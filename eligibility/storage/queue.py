"""The queue of slices that wait to be decided: procrastinate's, in the same database as the log.

A job says no more than which slice of which batch. Everything else stands in our own tables, so a job that
is lost, or done twice, can do no harm.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import psycopg
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ConnectorException
from sqlalchemy import text

from eligibility.errors import StorageUnavailable
from eligibility.storage.database import CONNECT_ARGUMENTS, Database
from eligibility.storage.entries import Statement
from eligibility.storage.failures import translated
from eligibility.storage.urls import libpq_url

QUEUE: Final = "batches"
SLICE: Final = "batches:slice"
"""The task that decides and records one slice; arguments `batch` and `number`."""

SILENT_SECONDS: Final = 10.0
"""A worker that was not heard of for so long is taken for dead, and its slices are given to others."""

_MOST_CONNECTIONS: Final = 4
_DEFER = """
    SELECT procrastinate_defer_jobs_v1(array_agg(
        ROW(%s::varchar, %s::varchar, -number, NULL::text, NULL::text,
            jsonb_build_object('batch', %s::text, 'number', number), NULL::timestamptz
        )::procrastinate_job_to_defer_v1 ORDER BY number))
    FROM generate_series(0, greatest(%s::int, 1) - 1) number
"""
"""Slices of the same number have the same priority, so that a small batch does not wait for a large one. One
without rows has a job too, since the last job ends the batch."""

_ALIVE: Final = 7_104_227
"""Any number: locks of this class say which workers live."""

_DEAD = text(
    """
    SELECT id FROM procrastinate_jobs j
    WHERE status = 'doing' AND queue_name = :queue AND NOT EXISTS (
        SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = :alive AND objsubid = 2 AND granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND objid = j.worker_id % 2147483648
    )
    """
)
_WITHDRAW = text(
    """
    SELECT count(procrastinate_cancel_job_v1(id, false, true)) FROM procrastinate_jobs
    WHERE queue_name = :queue AND status = 'todo' AND args ->> 'batch' = :batch
    """
)


def deferred(batch: UUID, slices: int) -> Statement:
    """The change that puts a job for each slice of a batch into the queue, in their order."""
    return Statement(_DEFER, (QUEUE, SLICE, str(batch), slices), rows=1)


async def withdraw(database: Database, batch: UUID) -> int:
    """Take back the jobs of a batch that nobody has begun; how many. Raises StorageUnavailable."""
    with translated():
        async with database.engine.begin() as connection:
            taken: int = (
                await connection.execute(_WITHDRAW, {"queue": QUEUE, "batch": str(batch)})
            ).scalar_one()
    return taken


@asynccontextmanager
async def queue(url: str) -> AsyncIterator[App]:
    """The queue, for as long as the context lasts, without any tasks yet. Raises StorageUnavailable."""
    connector = PsycopgConnector(
        conninfo=libpq_url(url), kwargs=CONNECT_ARGUMENTS, min_size=1, max_size=_MOST_CONNECTIONS
    )
    app = App(connector=connector)
    try:
        async with app.open_async():
            yield app
    except (ConnectorException, psycopg.Error) as error:
        raise StorageUnavailable("the queue of backlogs is lost: the database does not answer") from error


class Alive:
    """Shows that a worker lives: a lock of a session, which the database lets go when the worker dies.

    It shows so at once, even where a worker is killed; heartbeats show it where a machine is lost.
    """

    def __init__(self, database: Database) -> None:
        """Lock in this database."""
        self._database = database
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._one_at_a_time = asyncio.Lock()

    async def show(self, worker: int) -> None:
        """Hold the lock of a worker, again where the connection was lost. Raises StorageUnavailable."""
        async with self._one_at_a_time:
            connection = self._connection
            with translated():
                if connection is not None and not connection.closed:
                    try:
                        await connection.execute("SELECT 1")
                    except psycopg.Error:
                        await connection.close()
                    else:
                        return
                self._connection = connection = await self._database.connect_raw()
                await connection.execute("SELECT pg_advisory_lock(%s, %s)", (_ALIVE, worker % 2**31))

    async def aclose(self) -> None:
        """Let the lock go."""
        if self._connection is not None:
            await self._connection.close()


async def beat(app: App, worker: int) -> None:
    """Say that a worker is heard of. Raises StorageUnavailable."""
    try:
        await app.job_manager.update_heartbeat(worker)
    except ConnectorException as error:
        raise StorageUnavailable("the queue of backlogs cannot be written: try again shortly") from error


async def give_back(app: App, database: Database) -> int:
    """Let others begin what was left by workers that are dead, or not heard of any more; how many jobs.

    Raises StorageUnavailable.
    """
    with translated():
        async with database.engine.connect() as connection:
            dead = set((await connection.execute(_DEAD, {"queue": QUEUE, "alive": _ALIVE})).scalars())
    try:
        silent = await app.job_manager.get_stalled_jobs(queue=QUEUE, seconds_since_heartbeat=SILENT_SECONDS)
    except ConnectorException as error:
        raise StorageUnavailable("the queue of backlogs cannot be read: try again shortly") from error
    given = 0
    for job in dead.union(job.id for job in silent if job.id is not None):
        with suppress(ConnectorException):  # another worker was faster
            await app.job_manager.retry_job_by_id_async(job, retry_at=datetime.now(UTC))
            given += 1
    return given
