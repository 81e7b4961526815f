"""How far a backlog is: rows, rate, time left and outcomes so far, on a terminal."""

from __future__ import annotations

import os
import time
from types import TracebackType
from typing import BinaryIO, Final, Self

from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from eligibility.backlog.tally import Tally
from eligibility.commands.output import console

_QUIET_SECONDS: Final = 2.0


class Progress:
    """A bar on a terminal, once a run takes long. Elsewhere nothing is shown."""

    def __init__(self, source: BinaryIO | None, rows: int | None = None) -> None:
        """Show how far this file is read. Of a stream, or None, nobody knows the end, unless by its rows."""
        self._source = source if source is not None and source.seekable() else None
        self._rows = rows
        self._size = 0 if self._source is None else os.fstat(self._source.fileno()).st_size
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
        said = (
            f"{tally.rows:,} rows, {tally.rows / max(self.seconds, 0.001):,.0f} a second: {outcomes}{refused}"
        )
        self._bar.update(
            self._task,
            total=self._rows or self._size or None,
            completed=os.lseek(self._source.fileno(), 0, os.SEEK_CUR) if self._source else tally.rows,
            said=said,
            visible=self.seconds > _QUIET_SECONDS,
        )

    def say(self, words: str) -> None:
        """Tell something that may concern whoever watches."""
        self._bar.console.print(words)
