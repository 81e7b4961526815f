"""The queue of slices that wait to be decided: procrastinate's, in the same database as the log.

A job says no more than which slice of which batch. Everything else stands in our own tables, so a job that
is lost, or done twice, can do no harm.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ConnectorException
from psycopg import Error
from sqlalchemy import text

from eligibility.errors import StorageUnavailable
from eligibility.storage.database import CONNECT_ARGUMENTS, Database
from eligibility.storage.entries import Statement
from eligibility.storage.failures import translated
from eligibility.storage.urls import libpq_url

QUEUE: Final = "batches"
SLICE: Final = "batches:slice"
"""The task that decides and records one slice; arguments `batch` and `number`."""

HEARTBEAT_SECONDS: Final = 2.0
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
    except (ConnectorException, Error) as error:
        raise StorageUnavailable("the queue of backlogs is lost: the database does not answer") from error


async def give_back(app: App) -> int:
    """Let others begin what was left by workers that are not heard of any more; how many jobs.

    Raises StorageUnavailable.
    """
    try:
        left = await app.job_manager.get_stalled_jobs(queue=QUEUE, seconds_since_heartbeat=SILENT_SECONDS)
    except ConnectorException as error:
        raise StorageUnavailable("the queue of backlogs cannot be read: try again shortly") from error
    given = 0
    for job in left:
        with suppress(ConnectorException):  # another worker was faster
            await app.job_manager.retry_job(job, retry_at=datetime.now(UTC))
            given += 1
    return given
