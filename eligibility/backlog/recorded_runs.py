"""Recorded batches gone through again: compared with one another, and counted."""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID

from eligibility.backlog.committed import Committed, Stored
from eligibility.backlog.comparing import Comparer, Comparison, Earlier
from eligibility.backlog.earlier import ahead, earlier_batch, recorded_slices
from eligibility.backlog.tally import Tally, tally_of
from eligibility.ruleset import Ruleset


class Recorded(NamedTuple):
    """A batch that is recorded, as far as it is, and the ruleset that it pins."""

    batch: UUID
    ruleset: Ruleset


def compared(url: str, before: Recorded, now: Recorded) -> dict[str, Any]:
    """The comparison of two batches over the same rows, as JSON. For a thread of its own.

    Both are read a slice at a time. Raises NotFound where some of either was dropped under retention,
    StorageUnavailable.
    """
    comparer, found = Comparer(before.ruleset, now.ruleset, None), Comparison()
    with ahead(earlier_batch(url, before.batch, before.ruleset)) as sides:
        earlier = Earlier(sides)
        for side in earlier_batch(url, now.batch, now.ruleset):
            for old, new in earlier.beside(side):
                found = found.merged(comparer.compare(old, new).comparison)
        found = found.merged(Comparison(only_before=earlier.left()))
    return found.document(f"batch {before.batch}", comparer.responsible.title)


def counted(url: str, recorded: Recorded) -> Tally:
    """What came of a batch so far, in numbers. For a thread of its own. Raises as `compared`."""
    tally = Tally()
    for found in recorded_slices(url, recorded.batch, recorded.ruleset, _tally):
        tally = tally.merged(found)
    return tally


def _tally(_committed: Committed, _stored: Stored, results: Any) -> Tally:
    return tally_of(results)
