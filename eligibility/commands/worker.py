"""`eligibility worker`: processes that decide uploaded backlogs, beside a service or on another machine."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from eligibility.commands.failures import DONE
from eligibility.commands.opening import check_login
from eligibility.commands.output import console
from eligibility.settings import Settings
from eligibility.storage.embedded import EmbeddedPostgres, start_or_join
from eligibility.supervisor import Supervisor


def worker(settings: Settings) -> int:
    """Run the processes until told to stop; the exit code.

    Raises StorageUnavailable where there is no database to begin with, or none that is migrated.
    """
    out = console(never_fails=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # until the supervisor takes over
    settings = replace(settings, batch_workers=max(1, settings.batch_workers))
    try:
        with _database(settings) as database:
            url = settings.database_url if database is None else database.service_url
            asyncio.run(check_login(str(url)))
            supervisor = Supervisor(
                settings, None, database, say=out.print, is_ready=lambda: True, when_ready=lambda: None
            )
            many = settings.batch_workers
            out.print(f"deciding backlogs in {many} process{'es' * (many > 1)}. Stop with Ctrl-C.")
            code = supervisor.run()
    except KeyboardInterrupt:
        code = DONE
    if code == DONE:
        out.print("stopped")
    return code


@contextmanager
def _database(settings: Settings) -> Iterator[EmbeddedPostgres | None]:
    """The embedded database, unless one is configured."""
    if settings.database_url is not None:
        yield None
        return
    with start_or_join(settings.data_dir, is_supervised=True) as server:
        yield server
