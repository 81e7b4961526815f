"""People and systems, with the keys that let them in: made, shown once, and revoked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import groupby
from typing import Any, Final, cast, get_args
from uuid import UUID

from litestar import Request, Response, post, route

from api.answers import Answer
from api.dashboard.filtering import until
from api.dashboard.lists import csv_answer
from api.dashboard.pages import page, see_other
from api.dashboard.posted import Posted, posted
from api.dashboard.rules import given_of, is_csv, pieces
from api.dashboard.sessions import PATH, actor_of, caller_of
from api.filters import Wrong, one_of
from api.problems import Refusal
from api.service import Service, service_of
from eligibility.errors import Fault, NotFound, RecordRefused, UnacceptableRequest
from eligibility.scalars import LONGEST_TEXT
from eligibility.storage.keys import Key, Kind, Role
from eligibility.storage.review_queue import held_by_person

PEOPLE: Final = f"{PATH}/people"
ONE: Final = f"{PEOPLE}/keys/{{identifier:str}}"
NOTICES: Final = {"revoked": "The key is revoked, and its sessions have ended."}
_FIELDS: Final = ("name", "kind", "role", "label", "expires")
_COLUMNS: Final = ("key", "name", "kind", "role", "label", "made", "expires", "revoked", "cases held")
_KINDS: Final = get_args(Kind)
_ROLES: Final = get_args(Role)


@dataclass(frozen=True)
class Principal:
    """Somebody with keys, newest first, and how many cases they hold."""

    name: str
    kind: Kind
    keys: tuple[Key, ...]
    cases: int


@route(PEOPLE, http_method=["GET", "HEAD"], status_code=HTTPStatus.OK)
async def list_people(request: Request[Any, Any, Any]) -> Response[Any]:
    """Everybody with their keys, and the form to make one; as CSV a line for each key."""
    if is_csv(given_of(request, ("format",))):
        people = await _people(service_of(request))
        rows = [[*_line(key), principal.cases] for principal in people for key in principal.keys]
        return csv_answer("keys", _COLUMNS, pieces(rows))
    return await _page(request)


def _line(key: Key) -> list[object]:
    times = [key.created_at, key.expires_at, key.revoked_at]
    return [key.id, key.name, key.kind, key.role, key.label, *times]


@post(f"{PEOPLE}/keys", status_code=HTTPStatus.OK)
async def make_key(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Make a key. This answer shows it, and nothing does so again."""
    form, service = await posted(request, _FIELDS), service_of(request)
    try:
        wanted = _wanted(form)
        actor = actor_of(request)
        key, secret = await service.keys.create(
            service.log, **wanted, actor=actor.principal, channel=actor.channel
        )
    except UnacceptableRequest as error:
        return await _page(request, faults=tuple(error.problems), typed=form)
    except RecordRefused as error:
        return await _page(request, faults=(Fault("/name", str(error)),), typed=form)
    return await _page(request, made=(key, secret))


@route(ONE, http_method=["GET", "HEAD"], status_code=HTTPStatus.OK)
async def ask_to_revoke(request: Request[Any, Any, Any]) -> Response[bytes]:
    """A key, and what revoking it does."""
    return await _key_page(request, await _key(request))


@post(f"{ONE}/revocation", status_code=HTTPStatus.SEE_OTHER)
async def revoke(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Revoke a key, and end the sessions that were begun with it."""
    form, key = await posted(request, ("understood",)), await _key(request)
    service, actor = service_of(request), actor_of(request)
    if key.id == caller_of(request).id and "understood" not in form:
        words = "this is the key that you are signed in with: say that you know it will sign you out"
        return await _key_page(request, key, (Fault("/understood", words),))
    try:
        await service.keys.revoke(service.log, key.id, actor=actor.principal, channel=actor.channel)
    except NotFound:
        return await _key_page(request, key, (Fault("", "this key is revoked already"),))
    await service.sessions.end_all(key.id)
    return see_other(PEOPLE, said="revoked")


async def _page(
    request: Request[Any, Any, Any],
    *,
    faults: tuple[Fault, ...] = (),
    typed: Posted | None = None,
    made: tuple[Key, str] | None = None,
) -> Answer:
    service = service_of(request)
    return page(
        request,
        "people.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if faults else HTTPStatus.OK,
        notices=NOTICES,
        faults=faults,
        typed={name: typed.text(name) if typed else "" for name in _FIELDS},
        people=await _people(service),
        sessions=await service.sessions.open_by_key(),
        now=datetime.now(UTC),
        made=made,
        kinds=_KINDS,
        roles=_ROLES,
    )


async def _people(service: Service) -> list[Principal]:
    """People first, then systems, by name. Raises StorageUnavailable."""
    keys = await service.keys.list()
    held: Mapping[UUID, int] = await held_by_person(service.database)
    ordered = sorted(keys, key=lambda key: (key.kind, key.name, -key.created_at.timestamp()))
    return [
        Principal(name, kind, tuple(some := list(each)), held.get(some[0].principal, 0))
        for (kind, name), each in groupby(ordered, key=lambda key: (key.kind, key.name))
    ]


async def _key_page(request: Request[Any, Any, Any], key: Key, faults: tuple[Fault, ...] = ()) -> Answer:
    service = service_of(request)
    return page(
        request,
        "key.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if faults else HTTPStatus.OK,
        faults=faults,
        key=key,
        works=key.works(datetime.now(UTC)),
        sessions=(await service.sessions.open_by_key()).get(key.id, 0),
        cases=(await held_by_person(service.database)).get(key.principal, 0),
        others=sum(
            each.principal == key.principal and each.id != key.id and each.works(datetime.now(UTC))
            for each in await service.keys.list()
        ),
        is_mine=key.id == caller_of(request).id,
    )


async def _key(request: Request[Any, Any, Any]) -> Key:
    """The key that the path names. Raises Refusal, StorageUnavailable."""
    wanted: str = request.path_params["identifier"]
    found = [key for key in await service_of(request).keys.list() if str(key.id) == wanted]
    if not found:
        raise Refusal("not-found", "there is no key with this id")
    return found[0]


def _wanted(form: Posted) -> dict[str, Any]:
    """What the form says of a key. Raises UnacceptableRequest."""
    faults = []
    found: dict[str, Any] = {"label": form.text("label"), "expires": None}
    name = form.get("name")
    if name is None or len(name) > LONGEST_TEXT or not name.isprintable():
        faults.append(Fault("/name", f"give a name of 1 to {LONGEST_TEXT} printable characters"))
    found["name"] = name
    if len(found["label"]) > LONGEST_TEXT:
        faults.append(Fault("/label", f"give a label of at most {LONGEST_TEXT} characters"))
    for field, allowed in (("kind", _KINDS), ("role", _ROLES)):
        try:
            found[field] = one_of(form.text(field), cast("tuple[str, ...]", allowed))
        except Wrong as wrong:
            faults.append(Fault(f"/{field}", str(wrong)))
    if "expires" in form:
        try:
            found["expires"] = until(form.text("expires"))
            if found["expires"] <= datetime.now(UTC):
                faults.append(Fault("/expires", "that day has passed: give a later one, or none"))
        except Wrong as wrong:
            faults.append(Fault("/expires", str(wrong)))
    if faults:
        raise UnacceptableRequest(faults)
    return found


HANDLERS: Final = (list_people, make_key, ask_to_revoke, revoke)
