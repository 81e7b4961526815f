"""The refused lines of a batch, as far as a page shows them."""

from __future__ import annotations

from typing import Final, NamedTuple

from eligibility.errors import Fault
from eligibility.storage.batch_reading import SliceReader, StoredSlice, reading_slices
from eligibility.storage.batches import Batch
from eligibility.storage.database import Database

MOST: Final = 50
"""Refused lines that a page shows."""


class Refused(NamedTuple):
    """A line that was refused: what the file calls the request, what is wrong; None where that was erased."""

    line: int
    request_id: str | None
    faults: tuple[Fault, ...] | None


async def first_refused(database: Database, batch: Batch) -> list[Refused]:
    """The first refused lines of a batch. Raises StorageUnavailable."""
    found: list[Refused] = []
    async with reading_slices(database) as reader:
        start = 0
        while slices := await reader.slices(batch.id, start=start):
            for each in slices:
                found += await _refused_in(reader, each)
                if len(found) >= MOST:
                    return found[:MOST]
            start = slices[-1].number + 1
    return found


async def _refused_in(reader: SliceReader, made: StoredSlice) -> list[Refused]:
    refusals = await reader.refusals(made)
    if refusals is None:  # the texts were erased, and with them which lines it were
        return [Refused(made.line, None, None)] * bool(made.refused)
    return [
        Refused(made.line + row, one["request_id"], _faults(one["error"]))
        for row, one in sorted(refusals.items())
    ]


def _faults(error: dict[str, object]) -> tuple[Fault, ...]:
    listed = error["errors"]
    if isinstance(listed, list) and listed:
        return tuple(Fault(one["pointer"], one["detail"]) for one in listed)
    return (Fault("", str(error["detail"])),)
