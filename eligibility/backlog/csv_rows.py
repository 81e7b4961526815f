"""Rows of CSV: where they end, whatever line breaks their cells hold, and what the header says.

A quote begins a quoted cell only where a cell begins. A line ends a row where its quotes are even in number,
or where a quoted cell is not open at its end. So one broken row never draws in many others: a cell that is
not closed within the bounds of a row ends with its line.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from eligibility.backlog.columns import faults_in
from eligibility.backlog.lines import LONGEST
from eligibility.errors import BacklogRefused, Fault


class Header(NamedTuple):
    """The separator of cells, and the columns' names in their order."""

    separator: str
    names: tuple[str, ...]


def header_of(line: bytes) -> Header:
    """Read the first line of a file. Raises BacklogRefused where its columns are wrong.

    Cells may be separated by commas, semicolons (as spreadsheets of many countries write) or tabs. Where they
    are by semicolons, lists must be quoted, which spreadsheets do.
    """
    if b"\r" in line.removesuffix(b"\r"):
        detail = "lines end with a carriage return alone: save the file with line feeds (LF or CRLF)"
        raise BacklogRefused([Fault("", detail)])
    try:
        text = line.decode()
        separator = next((one for one in ",;\t" if one in text), ",")
        [names] = csv.reader([text], delimiter=separator, strict=True)
    except (csv.Error, UnicodeDecodeError):
        detail = "the first line is no header of columns: their names must stand there, such as `entity.kind`"
        raise BacklogRefused([Fault("", detail)]) from None
    header = Header(separator, tuple(name.strip() for name in names))
    faults = faults_in(header.names)
    if faults:
        raise BacklogRefused(faults)
    return header


def rows_of(groups: Iterable[list[bytes]], separator: str) -> Iterator[list[bytes]]:
    """Lines joined to rows, as they stand, some at a time."""
    waiting: list[bytes] = []
    size = 0
    for lines in groups:
        rows: list[bytes] = []
        for line in lines:
            is_odd = line.count(b'"') % 2 == 1
            if not waiting and not (is_odd and _is_open(line, separator.encode())):
                rows.append(line)
                continue
            waiting.append(line)
            size += len(line)
            if len(waiting) > 1 and is_odd:
                rows.append(b"\n".join(waiting))
            elif size > LONGEST:
                rows += waiting
            else:
                continue
            waiting, size = [], 0
        yield rows
    yield waiting


def _is_open(line: bytes, separator: bytes) -> bool:
    """Whether a quoted cell is open where a line ends at whose beginning none was."""
    place = 0
    while True:
        if line[place : place + 1] == b'"':
            place = _closed(line, place + 1)
            if place < 0:
                return True
        place = line.find(separator, place) + 1
        if not place:
            return False


def _closed(line: bytes, place: int) -> int:
    """Where the line goes on after a quoted cell, from some place in it; -1 where it does not end."""
    while (place := line.find(b'"', place) + 1) and line[place : place + 1] == b'"':
        place += 1
    return place or -1
