"""Lists as CSV: all that match, in pieces, with no cell that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from typing import Final

from litestar.response import Stream

from api.answers import HEADERS
from eligibility.canonical import timestamp
from eligibility.defusing import defused

MEDIA_TYPE: Final = "text/csv"


def csv_answer(name: str, columns: Sequence[str], rows: AsyncIterator[Sequence[Sequence[object]]]) -> Stream:
    """A file of that name, from pieces of rows. Lists are joined by `;`, None is empty, times are in UTC."""
    headers = {**HEADERS, "content-disposition": f'attachment; filename="{name}.csv"'}
    return Stream(_pieces(columns, rows), media_type=MEDIA_TYPE, headers=headers)


async def _pieces(
    columns: Sequence[str], rows: AsyncIterator[Sequence[Sequence[object]]]
) -> AsyncIterator[bytes]:
    yield _written([columns])
    async for piece in rows:
        if piece:
            yield _written(piece)


def _written(rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([defused(_text(value)) for value in row] for row in rows)
    return text.getvalue().encode()


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case datetime():
            return timestamp(value)
        case list() | tuple():
            return ";".join(_text(each) for each in value)
        case _:
            return str(value)
