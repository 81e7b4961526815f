"""How often rules fired lately: counted once a minute for all who look."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from eligibility.storage.database import Database
from eligibility.storage.figures import findings_fired

DAYS: Final = 30

_KEPT_SECONDS: Final = 60.0
_WAIT_SECONDS: Final = 1.0
"""How long a page waits for new figures; then it shows the last, or none."""


@dataclass(frozen=True)
class Fired:
    """In how many decisions each rule made its finding in the last days, as of a time."""

    at: datetime
    decisions: Mapping[str, int]


class Firings:
    """The figures of this process."""

    def __init__(self) -> None:
        """Nothing is counted before it is asked for."""
        self._fired: Fired | None = None
        self._until = 0.0
        self._counting: asyncio.Task[None] | None = None

    async def current(self, database: Database) -> Fired | None:
        """The figures, as a rule not older than a minute; None while they are counted for the first time.

        All who ask wait for the same counting. Raises StorageUnavailable.
        """
        if time.monotonic() >= self._until:
            if self._counting is None or self._counting.done():
                self._counting = asyncio.create_task(self._count(database), name="firings")
            done, _ = await asyncio.wait([self._counting], timeout=_WAIT_SECONDS)
            if done:
                self._counting.result()
        return self._fired

    async def _count(self, database: Database) -> None:
        at = datetime.now(UTC)
        self._fired = Fired(at, await findings_fired(database, at - timedelta(days=DAYS)))
        self._until = time.monotonic() + _KEPT_SECONDS

    def close(self) -> None:
        """Count no more."""
        if self._counting is not None:
            self._counting.cancel()
