"""Ids of a backlog's decisions: each follows from the id of the run and the number of the row.

So a run that goes on after an interruption gives every row the id that it would have had.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final, NamedTuple
from uuid import UUID

_ROW_BITS: Final = 40
_MARKED_BITS: Final = 34
MOST_ROWS: Final = 2**_ROW_BITS
"""So many rows a batch may have: a million millions."""


class Ids(NamedTuple):
    """The ids of the rows of one batch, but for the last five bytes, which are the row's number.

    They are UUIDv7 of the millisecond in which the batch began, so that they ascend by row; and hold 34 bits
    of a hash of the batch's own id, so that batches of one millisecond differ.
    """

    start: bytes
    """Eleven bytes."""

    @property
    def text(self) -> str:
        """The same as it is written: 26 characters, which ten hexadecimal digits of the row follow."""
        return str(UUID(bytes=self.start + bytes(5)))[:26]

    @property
    def first(self) -> UUID:
        """The id of row 0."""
        return self.of(0)

    def of(self, row: int) -> UUID:
        """The id of a row."""
        return UUID(bytes=self.start + row.to_bytes(5))


def ids_of(batch: UUID) -> Ids:
    """The ids of a batch's rows."""
    marked = int.from_bytes(sha256(batch.bytes).digest()) >> (256 - _MARKED_BITS)
    high, low = divmod(marked, 2**22)
    number = batch.int >> 80 << 80 | 7 << 76 | high << 64 | 0b10 << 62 | low << _ROW_BITS
    return Ids(number.to_bytes(16)[:11])


def row_id(batch: UUID, row: int) -> UUID:
    """The id of the decision about a row (from 0) of a batch."""
    return ids_of(batch).of(row)
