"""Where Parquet files are written to on their way out of the service, in parts."""

from __future__ import annotations

from typing import Any as Anything
from typing import Final

GROUP_ROWS: Final = 50_000
"""Rows of a group in a file, unless they are large."""


class Sink:
    """What Arrow takes for a file, and hands on what was written into it."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._place = 0

    def write(self, part: Anything) -> int:
        """Keep a part until it is taken; give its size in bytes."""
        data = bytes(part)
        self._parts.append(data)
        self._place += len(data)
        return len(data)

    def tell(self) -> int:
        """Bytes that were written in all."""
        return self._place

    def flush(self) -> None:
        """Do nothing: what is written waits to be taken."""

    def close(self) -> None:
        """End the file; what was written can still be taken."""
        self.closed = True

    def taken(self) -> bytes:
        """What was written since the last time."""
        data = b"".join(self._parts)
        self._parts.clear()
        return data
