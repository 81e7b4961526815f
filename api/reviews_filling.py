"""Opening cases for what is decided, all the time; so that the queue need not do it when it is looked at."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from eligibility.errors import EligibilityError
from eligibility.storage.database import Database
from eligibility.storage.reviews import fill

logger = logging.getLogger(__name__)

LOOK_SECONDS: Final = 1.5
"""Between two looks at what was decided."""


@asynccontextmanager
async def filling(database: Database) -> AsyncIterator[None]:
    """Open cases for as long as the context lasts, whatever becomes of the database."""
    task = asyncio.create_task(_fill(database), name="reviews")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _fill(database: Database) -> None:
    is_lost = False
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            await fill(database)
        except EligibilityError as error:
            if not is_lost:  # once, not every second
                logger.warning("cases cannot be opened, and will be: %s", error)
            is_lost = True
        except Exception:
            logger.exception("opening cases failed")
        else:
            is_lost = False
