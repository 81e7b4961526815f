"""How far a backlog is: rows, rate, time left and outcomes so far, on a terminal."""

from __future__ import annotations

import time
from types import TracebackType
from typing import BinaryIO, Final, Self

from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from eligibility.backlog.tally import Tally
from eligibility.commands.output import console

_QUIET_SECONDS: Final = 2.0


class Counted:
    """A file that knows how much of it was read."""

    def __init__(self, file: BinaryIO, size: int | None) -> None:
        """`size` is None where nobody knows it."""
        self._file = file
        self._size = size
        self._most = 0

    @property
    def share(self) -> float | None:
        """How much was read of all, from 0 to 1."""
        return None if not self._size else min(self._most / self._size, 1.0)

    def read(self, size: int = -1) -> bytes:
        """Read, as from any file."""
        data = self._file.read(size)
        self._most = max(self._most, self.tell()) if self.seekable() else self._most + len(data)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """The place it is at."""
        return self._file.tell()

    def seekable(self) -> bool:
        """Whether one can go to a place."""
        return self._file.seekable()

    def readable(self) -> bool:
        """It is."""
        return True

    def writable(self) -> bool:
        """It is not."""
        return False

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return self._file.closed


class Progress:
    """A bar on a terminal, once a run takes long. Elsewhere nothing is shown."""

    def __init__(self, source: Counted) -> None:
        """Show how much of this file was read."""
        self._source = source
        self._began = time.monotonic()
        out = console(stderr=True)
        self._bar = Bar(
            TextColumn("deciding"),
            BarColumn(),
            TextColumn("{task.fields[said]}"),
            TimeRemainingColumn(),
            console=out,
            transient=True,
            disable=not out.is_terminal,
        )
        self._task = self._bar.add_task("", total=None, said="", visible=False)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    @property
    def seconds(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._began

    def show(self, tally: Tally) -> None:
        """Show what was decided so far."""
        outcomes = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in tally.outcomes.items())
        refused = f", {tally.refused:,} refused" if tally.refused else ""
        said = f"{tally.rows:,} rows, {tally.rows / max(self.seconds, 0.001):,.0f} a second: {outcomes}{refused}"
        share = self._source.share
        self._bar.update(
            self._task,
            total=None if share is None else 1.0,
            completed=share or 0.0,
            said=said,
            visible=self.seconds > _QUIET_SECONDS,
        )

    def say(self, words: str) -> None:
        """Tell something that may concern whoever watches."""
        self._bar.console.print(words)
