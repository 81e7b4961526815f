"""Lists to take away: all that matches, as CSV, streamed in pieces."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Final

from litestar.response import Stream

from api.answers import HEADERS
from api.dashboard.pages import HEADERS as PAGE_HEADERS
from eligibility.canonical import timestamp
from eligibility.defusing import defused
from eligibility.export_formats import LIST_SEPARATOR

CSV: Final = "text/csv; charset=utf-8"


def csv_answer(name: str, columns: Sequence[str], rows: AsyncIterator[Sequence[Sequence[object]]]) -> Stream:
    """A CSV file as in RFC 4180, made of pieces of `rows` as they come; `name` has no ending.

    Formulas are defused, lists are joined by `;`, what is None is empty, times are in UTC. What goes wrong
    after the first piece cuts the file off: `begun` sees the first piece before anything is sent.
    """
    headers = {"content-disposition": f'attachment; filename="{name}.csv"'}
    return Stream(_pieces(columns, rows), media_type=CSV, headers={**HEADERS, **PAGE_HEADERS, **headers})


async def begun(
    rows: AsyncIterator[Sequence[Sequence[object]]],
) -> AsyncIterator[Sequence[Sequence[object]]]:
    """The same rows, of which the first piece was fetched. Raises what fetching it raises."""
    first = await anext(rows, ())

    async def all_of_them() -> AsyncIterator[Sequence[Sequence[object]]]:
        yield first
        async for piece in rows:
            yield piece

    return all_of_them()


async def _pieces(
    columns: Sequence[str], rows: AsyncIterator[Sequence[Sequence[object]]]
) -> AsyncIterator[bytes]:
    yield _written([columns])
    async for piece in rows:
        yield _written(piece)


def _written(rows: Sequence[Sequence[object]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows([_cell(value) for value in row] for row in rows)
    return out.getvalue().encode()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return timestamp(value)
    if isinstance(value, (list, tuple)):
        return defused(LIST_SEPARATOR.join(_cell(each) for each in value))
    return defused(str(value))
