"""Numbers that take long to count: counted anew once a minute by each process, and said as of when."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple, TypeVar, cast

from litestar import Request

from api.service import service_of
from eligibility.storage.database import Database

FOR: Final = timedelta(minutes=1)

Found = TypeVar("Found")


class _Kept(NamedTuple):
    found: object
    at: datetime


async def remembered(
    request: Request[Any, Any, Any], find: Callable[[Database], Awaitable[Found]]
) -> tuple[Found, datetime]:
    """What `find` finds in the database, at most a minute old, and when it was found.

    Raises what `find` does.
    """
    kept: dict[object, _Kept] = request.app.state.setdefault("remembered", {})
    now, known = datetime.now(UTC), kept.get(find)
    if known is None or known.at < now - FOR:
        known = kept[find] = _Kept(await find(service_of(request).database), now)
    return cast("Found", known.found), known.at
