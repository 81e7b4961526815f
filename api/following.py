"""Following the log: what is in force, and what is due to be put in force, looked at all the time."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from api.service import Service
from eligibility.errors import EligibilityError
from eligibility.ruleset_acts import activate_due

logger = logging.getLogger(__name__)

LOOK_SECONDS: Final = 0.5
"""Between two looks. Together with what a look takes, well below two seconds."""


@asynccontextmanager
async def following(service: Service) -> AsyncIterator[None]:
    """Follow the log for as long as the context lasts, whatever becomes of the database."""
    task = asyncio.create_task(_follow(service), name="following")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _follow(service: Service) -> None:
    is_lost = False
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            await activate_due(service.record)
            await service.in_force.refresh()
        except EligibilityError as error:
            if not is_lost:  # once, not twice a second
                logger.warning("what is in force cannot be seen, and is looked for: %s", error)
            is_lost = True
        except Exception:
            logger.exception("following the log failed")
        else:
            is_lost = False
