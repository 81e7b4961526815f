"""What was decided, day by day: counted once in a while for all who look, never while they wait for long."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from eligibility.backlog.charts import share
from eligibility.storage.figures import Days, count_days

if TYPE_CHECKING:
    from eligibility.ruleset import Ruleset
    from eligibility.storage.database import Database

PERIODS: Final = (7, 30, 90)
"""Days that one can look at."""

KEPT_SECONDS: Final = 60.0
"""How long figures are good for."""

WAIT_SECONDS: Final = 1.0
"""How long a page waits for new ones; then it shows the last, or says that they are being counted."""

MOST_RULES: Final = 15


class Fired(NamedTuple):
    """A rule, in how many decisions it made a finding, and their share; `title` is None if it is gone."""

    rule: str
    title: str | None
    number: int
    share: str


@dataclass(frozen=True)
class Counted:
    """Days as they were counted at a time."""

    days: Days
    at: datetime

    def period(self, length: int) -> dict[date, Mapping[str, int]]:
        """Decisions by outcome of each of the last days, today included, in their order."""
        return {day: self.days.outcomes.get(day, {}) for day in _last(length, self.at.date())}

    def fired(self, length: int, ruleset: Ruleset) -> list[Fired]:
        """The rules that made most findings in these days."""
        days = _last(length, self.at.date())
        total = sum((Counter(self.days.rules.get(day)) for day in days), Counter[str]())
        decided = sum(sum(counts.values()) for counts in self.period(length).values())
        titles = {rule.id: rule.title for rule in ruleset.rules}
        return [
            Fired(rule, titles.get(rule), number, share(number, decided))
            for rule, number in sorted(total.items(), key=lambda each: (-each[1], each[0]))[:MOST_RULES]
        ]


def _last(length: int, today: date) -> list[date]:
    return [today - timedelta(days=back) for back in reversed(range(length))]


class Figures:
    """The figures of this process. What was counted is not counted again: only what was recorded since is."""

    def __init__(self) -> None:
        """Nothing is counted before it is asked for."""
        self._counted: Counted | None = None
        self._until = 0.0
        self._counting: asyncio.Task[None] | None = None

    async def current(self, database: Database) -> Counted | None:
        """The figures, as a rule not older than a minute; None while they are counted for the first time.

        All who ask wait for the same counting. Raises StorageUnavailable.
        """
        if time.monotonic() >= self._until:
            if self._counting is None or self._counting.done():
                self._counting = asyncio.create_task(self._count(database), name="figures")
            done, _ = await asyncio.wait([self._counting], timeout=WAIT_SECONDS)
            if done:
                self._counting.result()
        return self._counted

    async def _count(self, database: Database) -> None:
        at = datetime.now(UTC)
        since = _last(PERIODS[-1], at.date())[0]
        days = await count_days(database, since, None if self._counted is None else self._counted.days)
        self._counted, self._until = Counted(days, at), time.monotonic() + KEPT_SECONDS

    def close(self) -> None:
        """Count no more."""
        if self._counting is not None:
            self._counting.cancel()
