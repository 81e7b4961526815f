"""One process that decides slices of uploaded backlogs, a child of `eligibility serve` or `worker`.

It works in two threads: in one slices are read and decided, since the rule engine belongs to it; in the other
they are fetched and recorded, and the process says that it lives.
"""

from __future__ import annotations

import asyncio
import logging
import math
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from functools import partial
from typing import Any, Final

from procrastinate import App, JobContext
from procrastinate.worker import Worker

from eligibility.child import adopted, run, when_told_to_stop
from eligibility.errors import SettingsInvalid, StorageUnavailable
from eligibility.jobs import Slices, take_up
from eligibility.settings import Settings
from eligibility.storage.batch_parts import delete_strays
from eligibility.storage.database import Database
from eligibility.storage.log import AuditLog
from eligibility.storage.queue import QUEUE, SILENT_SECONDS, Alive, beat, give_back, queue
from eligibility.storage.secret_files import service_secret
from eligibility.storage.signing_keys import signer

logger = logging.getLogger("eligibility.batch_worker")

GRACE_SECONDS: Final = 20
"""How long slices under way may take to end once the process is told to stop."""

AT_ONCE: Final = 2
"""Slices under way at a time: while one is written, the next is decided."""

_LOOK_SECONDS: Final = 1.0
"""How often it looks for new slices, and shows that it lives."""

_SWEEP_SECONDS: Final = 600.0


def main() -> None:
    """Decide until told to stop; a supervisor starts this."""
    if len(sys.argv) != 2:  # noqa: PLR2004 - the parent
        sys.exit("a worker belongs to a service: run `eligibility worker`")
    settings = adopted(sys.argv[1], "eligibility worker")
    logging.getLogger("psycopg.pool").setLevel(
        logging.ERROR
    )  # each of its many tries to connect is a warning
    run(_work(settings))


async def _work(settings: Settings) -> None:
    """Take jobs from the queue until told to stop.

    Raises SettingsInvalid, and StorageUnavailable where the database is lost.
    """
    if settings.database_url is None:
        raise SettingsInvalid("there is no database: run `eligibility worker`")
    is_stopped = asyncio.Event()
    when_told_to_stop(is_stopped.set, GRACE_SECONDS + 5)
    url = settings.database_url
    async with _slices(url, settings) as slices, queue(url) as app, aclosing(Alive(slices.database)) as alive:
        take_up(app)
        worker = Worker(
            app,
            queues=[QUEUE],
            concurrency=AT_ONCE,
            fetch_job_polling_interval=_LOOK_SECONDS,
            shutdown_graceful_timeout=GRACE_SECONDS,
            delete_jobs="always",
            additional_context={"slices": slices},
            install_signal_handlers=False,
            # what it does aside ends for good where the database goes away for a while, so `_tend` does it
            listen_notify=False,
            update_heartbeat_interval=math.inf,
            stalled_worker_timeout=SILENT_SECONDS,
            worker_middleware=[partial(_shown, alive)],
        )
        working: asyncio.Task[None] = asyncio.create_task(worker.run())  # type: ignore[no-untyped-call] # its result has no type
        ends = [asyncio.create_task(event.wait()) for event in (is_stopped, slices.is_worn)]
        tending = asyncio.create_task(_tend(app, worker, alive, slices.database))
        await asyncio.wait([working, *ends], return_when=asyncio.FIRST_COMPLETED)
        is_lost = working.done()
        worker.stop()  # type: ignore[no-untyped-call] # as above; what is under way ends first
        [ended] = await asyncio.gather(working, return_exceptions=True)
        for task in (tending, *ends):
            task.cancel()
        await asyncio.gather(tending, *ends, return_exceptions=True)
        if isinstance(ended, Exception):
            raise ended
        if is_lost:
            raise StorageUnavailable("the queue of backlogs is lost: the database does not answer")


async def _shown(alive: Alive, do: Callable[[], Awaitable[Any]], _context: JobContext, worker: Worker) -> Any:
    """Show that the worker lives before it does its job."""
    if worker.worker_id is not None:
        with suppress(StorageUnavailable):  # the job will wait for the database, too
            await alive.show(worker.worker_id)
    return await do()


@asynccontextmanager
async def _slices(url: str, settings: Settings) -> AsyncIterator[Slices]:
    """What slices are decided and recorded with. Raises SettingsInvalid, StorageUnavailable."""
    secret, signing = service_secret(settings), signer(settings)
    database = Database.open(url, pool_size=2)
    try:
        await database.check_service_role()
        await database.ready()
        async with AuditLog(database, secret, signing) as log:
            await log.ensure_ready()
            slices = Slices(database, log, signing)
            try:
                yield slices
            finally:
                await slices.close()
    finally:
        await database.close()


async def _tend(app: App, worker: Worker, alive: Alive, database: Database) -> None:
    """Show that the worker lives, give back what dead ones left, take away uploads that came to nothing."""
    loop, is_lost = asyncio.get_running_loop(), False
    next_sweep = loop.time()
    while True:
        try:
            if worker.worker_id is not None:
                await alive.show(worker.worker_id)
                await beat(app, worker.worker_id)
            given = await give_back(app, database)
            if given:
                logger.warning("%d slices of workers that are gone are given to others", given)
            if loop.time() >= next_sweep:
                next_sweep = loop.time() + _SWEEP_SECONDS
                await delete_strays(database)
        except StorageUnavailable as error:
            if not is_lost:  # once, not every second
                logger.warning("the queue of backlogs is out of reach, and looked for: %s", error)
            is_lost = True
        except Exception:
            logger.exception("tending the queue of backlogs failed")
        else:
            is_lost = False
        await asyncio.sleep(_LOOK_SECONDS)


if __name__ == "__main__":
    main()
