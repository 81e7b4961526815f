"""The log's own acts, and who looked at what."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final, NamedTuple, cast
from uuid import UUID

from litestar import Request, Response, route

from api.answers import answer
from api.dashboard.audit_page import AUDIT
from api.dashboard.filtering import a_text, address, given, since, until
from api.dashboard.lists import CSV, begun, csv_answer
from api.dashboard.pages import page
from api.filters import Wrong, one_of, read_values
from api.incoming import parameter_fault
from api.service import service_of
from eligibility.errors import Fault, UnacceptableRequest
from eligibility.exported import json_text
from eligibility.refusals import shown
from eligibility.storage.acts import ACCESSES, Act, acts, kinds_of_acts
from eligibility.storage.database import Database
from eligibility.storage.keys import principal_named

NAMES: Final = ("kind", "who", "from", "to", "cursor", "format")
LIMIT: Final = 50
_AT_ONCE: Final = 500
_COLUMNS: Final = ("id", "at", "kind", "actor", "by", "channel", "subject", "ruleset", "facts", "texts")


class _List(NamedTuple):
    """One of the two lists: its address, and what it is called."""

    path: str
    title: str
    name: str
    is_of_accesses: bool


ACTS: Final = _List(f"{AUDIT}/acts", "What was done", "acts", is_of_accesses=False)
LOOKS: Final = _List(f"{AUDIT}/accesses", "Who looked at what", "accesses", is_of_accesses=True)


@route(ACTS.path, http_method=["GET", "HEAD"], status_code=HTTPStatus.OK)
async def list_acts(request: Request[Any, Any, Any]) -> Response[Any]:
    """Acts: all records but decisions and looks."""
    return await _list(request, ACTS)


@route(LOOKS.path, http_method=["GET", "HEAD"], status_code=HTTPStatus.OK)
async def list_accesses(request: Request[Any, Any, Any]) -> Response[Any]:
    """Looks at decisions of others, and exports."""
    return await _list(request, LOOKS)


async def _list(request: Request[Any, Any, Any], which: _List) -> Response[Any]:
    filters, database = given(request, NAMES), service_of(request).database
    known = await kinds_of_acts(database)
    kinds = [kind for kind in known if (kind in ACCESSES) is which.is_of_accesses]
    found: tuple[Act, ...] = ()
    faults: Sequence[Fault] = ()
    try:
        wanted = await _wanted(database, filters, kinds)
        if "format" in filters:
            return await _taken_away(request, which, wanted)
        found = await acts(database, **wanted, limit=LIMIT + 1)
    except UnacceptableRequest as error:
        faults = error.problems
    rest = {name: value for name, value in filters.items() if name not in {"cursor", "format"}}
    more = len(found) > LIMIT
    return page(
        request,
        "acts.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if faults else HTTPStatus.OK,
        faults=tuple(faults),
        which=which,
        kinds=kinds,
        given={name: rest.get(name, "") for name in NAMES},
        is_filtered=bool(rest),
        acts=found[:LIMIT],
        after=address(which.path, rest, cursor=str(found[LIMIT - 1].id)) if more else None,
        first=address(which.path, rest) if "cursor" in filters else None,
        csv=address(which.path, rest, format="csv"),
    )


async def _wanted(database: Database, filters: Mapping[str, str], kinds: Sequence[str]) -> dict[str, Any]:
    """What `acts` is asked for. Raises UnacceptableRequest, StorageUnavailable."""
    values = read_values(
        filters,
        {
            "kind": lambda value: one_of(value, kinds),
            "who": a_text,
            "from": since,
            "to": until,
            "cursor": _id,
            "format": lambda value: one_of(value, ("csv",)),
        },
    )
    actor = None
    if "who" in values:
        actor = await principal_named(database, str(values["who"]))
        if actor is None:
            detail = f"nobody here is called {shown(str(values['who']))}: give a whole name, or `system`"
            raise UnacceptableRequest([parameter_fault("who", detail)])
    return {
        "kinds": [values["kind"]] if "kind" in values else kinds,
        "actor": actor,
        "since": cast("datetime | None", values.get("from")),
        "until": cast("datetime | None", values.get("to")),
        "before": cast("UUID | None", values.get("cursor")),
    }


def _id(value: str) -> UUID:
    try:
        return UUID(value)
    except ValueError:
        raise Wrong(f"{shown(value)} is no cursor: follow the link of the page before") from None


async def _taken_away(request: Request[Any, Any, Any], which: _List, wanted: dict[str, Any]) -> Response[Any]:
    if request.method == "HEAD":
        return answer(b"", media_type=CSV)
    return csv_answer(which.name, _COLUMNS, await begun(_rows(service_of(request).database, wanted)))


async def _rows(database: Database, wanted: dict[str, Any]) -> AsyncIterator[list[list[object]]]:
    while found := await acts(database, **wanted, limit=_AT_ONCE):
        yield [[_cell(getattr(act, column)) for column in _COLUMNS] for act in found]
        wanted = {**wanted, "before": found[-1].id}


def _cell(value: object) -> object:
    if isinstance(value, Mapping):
        return json_text(dict(value)) if value else None
    return value


HANDLERS: Final = (list_acts, list_accesses)
