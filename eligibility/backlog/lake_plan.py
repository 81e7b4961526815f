"""Parquet files of a folder, and how they are cut: known before any row is read.

So whoever is given a portion finds the same slices in it, whichever machine it is, and however often.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import orjson

from eligibility.backlog import parquet_rows
from eligibility.errors import BacklogRefused, Fault
from eligibility.storage.batch_slices import LARGEST_SLICE

SUFFIX: Final = ".parquet"
MOST_SLICES: Final = 32
"""Slices of a portion at most: some 130,000 rows."""

_PORTIONS_EACH: Final = 4
"""Portions that each worker should get at least, so that none waits long for the last one."""

_HIDDEN: Final = (".", "_")
"""Names that begin so are no data, as lakes have it: `_SUCCESS`, `_delta_log`."""


class File(NamedTuple):
    """A file of the lake. `name` is its path within the folder, `size` in bytes.

    Its rows are cut into slices of `slice_rows`, fewer where rows are large. `first` and `number` are the
    rows and slices of all files before it.
    """

    name: str
    size: int
    rows: int
    slice_rows: int
    first: int
    number: int

    @property
    def slices(self) -> int:
        """How many slices there are of it."""
        return math.ceil(self.rows / self.slice_rows)


class Portion(NamedTuple):
    """Slices of one file that are decided by one worker, one after the other.

    `start` and `end` count the slices of the file, from 0; the last one is not included.
    """

    file: File
    start: int
    end: int

    @property
    def number(self) -> int:
        """The number of its first slice, among those of all files."""
        return self.file.number + self.start

    def __str__(self) -> str:
        first, last = self.start * self.file.slice_rows, self.end * self.file.slice_rows
        return f"rows {first + 1:,} to {min(last, self.file.rows):,} of `{self.file.name}`"


class Plan(NamedTuple):
    """All files of a lake, by name."""

    folder: Path
    files: tuple[File, ...]

    @property
    def rows(self) -> int:
        """The rows of all files."""
        return sum(file.rows for file in self.files)

    @property
    def digest(self) -> str:
        """What tells this lake from another: hexadecimal digits of names, sizes and rows of the files."""
        return hashlib.sha256(orjson.dumps([tuple(file) for file in self.files])).hexdigest()[:16]

    def portions(self, files: Sequence[File], workers: int) -> Iterator[Portion]:
        """Some of the files in portions for so many workers. Slices do not depend on them."""
        fair = math.ceil(sum(file.slices for file in files) / (workers * _PORTIONS_EACH))
        most = max(1, min(MOST_SLICES, fair))
        for file in files:
            for start in range(0, file.slices, most):
                yield Portion(file, start, min(start + most, file.slices))


def plan_of(folder: Path) -> Plan:
    """The Parquet files of a folder and of those in it, each with right columns.

    Raises BacklogRefused, which names every file that is at fault.
    """
    names = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob(f"*{SUFFIX}")
        if path.is_file() and not any(part.startswith(_HIDDEN) for part in path.relative_to(folder).parts)
    )
    if not names:
        raise BacklogRefused([Fault("", f"`{folder}` holds no file that ends in {SUFFIX}")])
    files: list[File] = []
    faults: list[Fault] = []
    first = number = 0
    for name in names:
        try:
            file = _file(folder, name, first, number)
        except BacklogRefused as refused:
            faults += [Fault(fault.pointer, f"`{name}`: {fault.detail}") for fault in refused.problems]
            continue
        files.append(file)
        first, number = first + file.rows, number + file.slices
    if faults:
        raise BacklogRefused(faults)
    return Plan(folder, tuple(files))


def _file(folder: Path, name: str, first: int, number: int) -> File:
    path = folder / name
    try:
        with path.open("rb") as source:
            file = parquet_rows.opened(source).file
            rows, slice_rows = file.metadata.num_rows, parquet_rows.at_once(file, LARGEST_SLICE)
    except OSError as error:
        raise BacklogRefused([Fault("", f"it cannot be read: {error.strerror}")]) from error
    return File(name, path.stat().st_size, rows, slice_rows, first, number)
