"""Reading the words of what was recorded, all the time, so that searches know where they cannot be.

It takes its time: a log that was just filled is searched without, a little slower, until it is read.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from eligibility.errors import EligibilityError
from eligibility.storage.database import Database
from eligibility.storage.log import AuditLog
from eligibility.storage.search_parts import fill_part

logger = logging.getLogger(__name__)

LOOK_SECONDS: Final = 5.0
"""Between two looks at what was recorded, once all is read."""

BUSY_SECONDS: Final = 0.5
"""How long it waits where much is being recorded, which comes first."""

_MUCH: Final = 100
"""Records a second. While it reads, each of them would wait a little."""

_TIMES_IDLE: Final = 3
"""How long it rests after each part, in times of what the part took."""


@asynccontextmanager
async def reading(database: Database, log: AuditLog) -> AsyncIterator[None]:
    """Read for as long as the context lasts and the log is at rest, whatever becomes of the database."""
    task = asyncio.create_task(_read(database, log), name="words")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _read(database: Database, log: AuditLog) -> None:
    is_lost = False
    pause = LOOK_SECONDS
    while True:
        written = log.written
        await asyncio.sleep(pause)
        if log.written - written > _MUCH * pause:
            pause = BUSY_SECONDS
            continue
        pause = LOOK_SECONDS
        began = time.monotonic()
        try:
            if await fill_part(database):
                pause = _TIMES_IDLE * (time.monotonic() - began)
        except EligibilityError as error:
            if not is_lost:  # once, not every second
                logger.warning("words cannot be read for searches, and will be: %s", error)
            is_lost = True
        except Exception:
            logger.exception("reading words for searches failed")
        else:
            is_lost = False
