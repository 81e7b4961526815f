"""Exports of the log: recorded before anything leaves, then handed on piece by piece."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any as Anything
from typing import NamedTuple

import uuid_utils.compat

from eligibility.canonical import timestamp
from eligibility.export_formats import Format, writer
from eligibility.exported import Line, Lines, columns
from eligibility.recording import moment_of
from eligibility.storage.entries import Entry, Recorded
from eligibility.storage.exporting import Wanted, reading
from eligibility.storage.log import AuditLog

EXPORT = "export"
"""The kind of record that announces an export."""

ALL = "all"
"""What stands for every kind of record."""

_LINES = 500
"""Lines of one piece, so that a large block is handed on in several."""


class Piece(NamedTuple):
    """Bytes of an export, the number of records up to here, and how much of the way is done (0 to 1)."""

    data: bytes
    records: int
    done: float


async def announce(log: AuditLog, wanted: Wanted, form: Format, *, actor: str, channel: str) -> Recorded:
    """Record that somebody is about to export records.

    Raises StorageUnavailable, and then nothing may leave.
    """
    identifier = uuid_utils.compat.uuid7()
    facts: Mapping[str, Anything] = {
        "from": wanted.since and timestamp(wanted.since),
        "to": wanted.until and timestamp(wanted.until),
        "format": form,
        "kind": wanted.kind or ALL,
        "texts": wanted.texts,
        "proofs": wanted.proofs,
    }
    entry = Entry(
        kind=EXPORT, id=identifier, at=moment_of(identifier), actor=actor, channel=channel, facts=facts
    )
    recorded = await log.append(entry)
    if not isinstance(recorded, Recorded):
        raise AssertionError("an entry without an idempotency key was recorded before")  # noqa: TRY004 - no caller's fault
    return recorded


def export(url: str, wanted: Wanted, form: Format, announced: Recorded) -> Generator[Piece]:
    """Export what stands in the log before the record that announces it.

    The first piece is empty and says that the database can be read. One thread takes all pieces; closing the
    iterator closes the connection. Raises StorageUnavailable, NotFound.
    """
    with reading(url, wanted, announced.sequence) as source:
        yield Piece(b"", 0, 0.0)
        out, lines = writer(form, columns(wanted)), Lines(wanted, source.ruleset)
        yield Piece(out.start(), 0, 0.0)
        records = 0
        for chunk in source.chunks():
            for some in _several(line for block in chunk.blocks for line in lines.of(block)):
                records += len(some)
                yield Piece(out.write(some), records, chunk.done)
        summary = {"records": records, "export": str(announced.id), "before": announced.sequence}
        yield Piece(out.end(summary), records, 1.0)


def _several(lines: Iterator[Line]) -> Iterator[Sequence[Line]]:
    while some := list(islice(lines, _LINES)):
        yield some
