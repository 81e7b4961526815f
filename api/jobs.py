"""Work that goes on after its call was answered: checks and impacts of rulesets, one at a time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from api.problems import Refusal
from eligibility.errors import EligibilityError

logger = logging.getLogger(__name__)

MOST_WAITING: Final = 16
"""Jobs that wait for their turn in one process; with more, callers are told to come back."""


class Jobs:
    """The jobs of one process, each under a name that no two have at once."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._one_at_a_time = asyncio.Lock()

    def start(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Begin a job, unless one of that name goes on already. Raises Refusal where too many wait."""
        if name in self._tasks:
            return
        if len(self._tasks) >= MOST_WAITING:
            detail = "too many checks wait for their turn"
            raise Refusal("unavailable", detail, headers={"retry-after": "30"})
        task = asyncio.create_task(self._run(name, work), name=name)
        self._tasks[name] = task
        task.add_done_callback(lambda _: self._tasks.pop(name, None))

    def goes_on(self, name: str) -> bool:
        """Whether there is a job of that name, at work or waiting."""
        return name in self._tasks

    async def _run(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        async with self._one_at_a_time:
            try:
                await work()
            except EligibilityError as error:
                logger.warning("%s came to nothing: %s", name, error)
            except Exception:
                logger.exception("%s failed", name)

    async def close(self) -> None:
        """End what goes on; what was not recorded is to be started again."""
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
