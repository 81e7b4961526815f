"""Work that only a few may do at a time, while some more wait and the rest are told to come back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from api.problems import Refusal


class Turns:
    """Lets `at_once` work at the same time, and `waiting` more wait for their turn."""

    def __init__(self, what: str, *, at_once: int = 2, waiting: int = 8, retry_after: int = 1) -> None:
        """`retry_after` is how many seconds those beyond are told to wait."""
        self._what = what
        self._free = asyncio.Semaphore(at_once)
        self._most = at_once + waiting
        self._here = 0
        self._retry_after = str(retry_after)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn, and have it. Raises Refusal where too many wait already."""
        if self._here >= self._most:
            detail = f"too many {self._what} are under way: try again later"
            raise Refusal("unavailable", detail, headers={"retry-after": self._retry_after})
        self._here += 1
        try:
            async with self._free:
                yield
        finally:
            self._here -= 1
