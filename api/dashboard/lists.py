"""Lists as CSV: all that match, streamed piece by piece, with no cell that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Final

from litestar.response import Stream

from api.answers import HEADERS
from eligibility.canonical import timestamp
from eligibility.defusing import defused

CSV: Final = "text/csv; charset=utf-8"


def csv_answer(name: str, columns: Sequence[str], rows: AsyncIterator[Sequence[Sequence[object]]]) -> Stream:
    """A list as a file of that name. `rows` come in pieces; None is an empty cell, lists are joined."""
    headers = {**HEADERS, "content-disposition": f'attachment; filename="{name}.csv"'}
    return Stream(_pieces(columns, rows), media_type=CSV, headers=headers)


async def _pieces(
    columns: Sequence[str], rows: AsyncIterator[Sequence[Sequence[object]]]
) -> AsyncIterator[bytes]:
    yield _lines([columns])
    async for piece in rows:
        yield _lines(piece)


def _lines(rows: Sequence[Sequence[object]]) -> bytes:
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerows([_cell(value) for value in row] for row in rows)
    return written.getvalue().encode()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return timestamp(value)
    if isinstance(value, (list, tuple)):
        return defused(";".join(map(str, value)))
    return defused(str(value))
