"""Filters of lists, which stand in the address of a page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from litestar import Request

from api.filters import Wrong, moment
from api.incoming import parameters
from eligibility.refusals import shown
from eligibility.scalars import LONGEST_TEXT

_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")


def given(request: Request[Any, Any, Any], names: Iterable[str]) -> dict[str, str]:
    """The filters that were filled in. Raises Refusal, UnacceptableRequest, as `parameters` does."""
    return {name: value.strip() for name, value in parameters(request, names).items() if value.strip()}


def address(path: str, filters: Mapping[str, str], **changes: str | None) -> str:
    """The address of a list with these filters, of which some are changed, or left out where None."""
    kept = {name: value for name, value in {**filters, **changes}.items() if value is not None}
    return f"{path}?{urlencode(kept)}" if kept else path


def since(value: str) -> datetime:
    """From when on: a day in UTC, from its beginning, or a time. Raises Wrong."""
    return _day(value) if _DAY.fullmatch(value) else moment(value)


def until(value: str) -> datetime:
    """Until when: a day in UTC, to its end, or before a time. Raises Wrong."""
    return _day(value) + timedelta(days=1) if _DAY.fullmatch(value) else moment(value)


def a_text(value: str) -> str:
    """Any text that can be looked for. Raises Wrong."""
    if len(value) > LONGEST_TEXT or "\0" in value:
        raise Wrong(f"{shown(value)} cannot be looked for: give a text of 1 to {LONGEST_TEXT} characters")
    return value


def _day(value: str) -> datetime:
    try:
        day = datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC)
        day + timedelta(days=1)
    except (ValueError, OverflowError):
        raise Wrong(f"{shown(value)} is no day: give one as in `2026-11-24`") from None
    return day
