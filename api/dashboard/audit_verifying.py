"""Verifying the log from its page: a part of it or all, in a process of its own, one at a time."""

from __future__ import annotations

import logging
from functools import partial
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from litestar import Request, Response, post

from api.dashboard.audit_page import AUDIT, audit_page
from api.dashboard.pages import see_other
from api.dashboard.posted import Posted, posted
from api.dashboard.sessions import CHANNEL, caller_of
from api.recording import record_look
from api.service import Service, service_of
from eligibility.errors import EligibilityError, Fault, SettingsInvalid, UnacceptableRequest
from eligibility.refusals import shown
from eligibility.storage import verifications
from eligibility.storage.records import hash_bytes, hash_text
from eligibility.storage.secret_files import known_service_secret
from eligibility.storage.status import status
from eligibility.verifying.again import contents_elsewhere
from eligibility.verifying.anchors import Anchor, checkpoints_in
from eligibility.verifying.apart import verify_apart
from eligibility.verifying.verification import Wanted

logger = logging.getLogger(__name__)

JOB: Final = "verification"
_FIELDS: Final = ("what", "blocks", "first", "last", "meaning", "checkpoints", "key")
_MOST_DIGITS: Final = 18


@post(f"{AUDIT}/verify", status_code=HTTPStatus.SEE_OTHER)
async def verify(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Begin to verify what the form says."""
    form, service = await posted(request, _FIELDS), service_of(request)
    try:
        wanted, told = await _wanted(service, form)
    except UnacceptableRequest as error:
        typed = {name: form.text(name) for name in form.names()}
        return await audit_page(request, faults=tuple(error.problems), typed=typed)
    by = caller_of(request)
    await record_look(service, by, {"verification": told}, channel=CHANNEL)
    end = (await status(service.database)).next_sequence - 1
    records = max(0, min(end, wanted.last or end) - (wanted.first or 1) + 1)
    identifier = await verifications.begin(service.database, by.principal, told, records)
    service.verifications.start(JOB, partial(_work, service, identifier, wanted))
    return see_other(f"{AUDIT}#verification", said="verifying")


async def _work(service: Service, identifier: UUID, wanted: Wanted) -> None:
    """Verify, and note how far it is and what it came to."""
    database, done = service.database, 0
    try:
        async for told in verify_apart(database.url, wanted):
            if isinstance(told, int):
                done += told
                await verifications.note(database, identifier, done)
            else:
                await verifications.end(database, identifier, report=told)
    except EligibilityError as error:
        await verifications.end(database, identifier, report=None, problem=str(error))
    except Exception:
        await verifications.end(database, identifier, report=None, problem="it failed: see the service's log")
        raise


async def _wanted(service: Service, form: Posted) -> tuple[Wanted, dict[str, Any]]:
    """What to verify, and how that is told. Raises UnacceptableRequest, StorageUnavailable."""
    if service.verifications.goes_on(JOB):
        raise UnacceptableRequest([Fault("", "a verification is under way here: wait for its end")])
    first, last, told = await _range(service, form)
    with_meaning = form.get("meaning") is not None
    anchors, fingerprint = _anchors(form), _fingerprint(form)
    told |= {"meaning": with_meaning, "checkpoints": [anchor.header.number for anchor in anchors]}
    if fingerprint is not None:
        told["key"] = fingerprint
    wanted = Wanted(
        first=first,
        last=last,
        checkpoints=anchors,
        pinned=fingerprint,
        contents=contents_elsewhere if with_meaning else None,
        secret=known_service_secret(service.settings),
    )
    return wanted, told


def _anchors(form: Posted) -> tuple[Anchor, ...]:
    """The checkpoints to hold the log against. Raises UnacceptableRequest."""
    try:
        return tuple(checkpoints_in(form.text("checkpoints").encode(), "what you gave"))
    except SettingsInvalid as error:
        raise UnacceptableRequest([Fault("/checkpoints", str(error))]) from None


def _fingerprint(form: Posted) -> str | None:
    """The fingerprint that the first key must have. Raises UnacceptableRequest."""
    given = form.get("key")
    if given is None:
        return None
    wanted = "give `sha256:` and 64 hexadecimal digits"
    try:
        return hash_text(hash_bytes(given))
    except ValueError:
        fault = Fault("/key", f"{shown(given)} is no fingerprint: {wanted}")
        raise UnacceptableRequest([fault]) from None


async def _range(service: Service, form: Posted) -> tuple[int | None, int | None, dict[str, Any]]:
    """The first and the last record to look at, None for the whole log; and how that is told."""
    what = form.get("what")
    if what == "everything":
        return None, None, {"what": what}
    if what == "last":
        blocks = _number(form, "blocks")
        if blocks is None:
            raise UnacceptableRequest([Fault("/blocks", "say how many of the last blocks to look at")])
        first = await verifications.first_of_last(service.database, blocks)
        return first, None, {"what": what, "blocks": blocks}
    if what == "range":
        begin, end = _number(form, "first"), _number(form, "last")
        if begin is None and end is None:
            raise UnacceptableRequest([Fault("/first", "say from which record on, or up to which")])
        if begin is not None and end is not None and begin > end:
            raise UnacceptableRequest([Fault("/last", "the last record comes before the first")])
        return begin, end, {"what": what, "first": begin, "last": end}
    raise UnacceptableRequest([Fault("/what", "say what to verify: the last blocks, a range, or everything")])


def _number(form: Posted, name: str) -> int | None:
    given = form.get(name)
    if given is None:
        return None
    if not (given.isascii() and given.isdigit() and len(given) <= _MOST_DIGITS and int(given)):
        raise UnacceptableRequest([Fault(f"/{name}", f"{shown(given)} is no number: give one from 1 on")])
    return int(given)


HANDLERS: Final = (verify,)
