"""Copies of the log to take away, from its page: made by what answers exports of programs, too."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

from litestar import Request, Response, post

from api.dashboard.audit_page import AUDIT, audit_page
from api.dashboard.filtering import since, until
from api.dashboard.posted import Posted, posted
from api.dashboard.sessions import CHANNEL, caller_of
from api.exports import asked, check_kind, exported
from api.filters import Wrong
from api.incoming import parameter_fault
from api.problems import Refusal
from api.service import service_of
from eligibility.canonical import timestamp
from eligibility.errors import Fault, UnacceptableRequest

_FIELDS: Final = ("from", "to", "kind", "format", "proofs", "without_texts")


@post(f"{AUDIT}/export", status_code=HTTPStatus.OK)
async def export(request: Request[Any, Any, Any]) -> Response[Any]:
    """The records of a period, streamed, once it is recorded who takes them."""
    form, key = await posted(request, _FIELDS), caller_of(request)
    try:
        wanted, format_ = asked(_given(form))
        check_kind(wanted.kind, key)
    except UnacceptableRequest as error:
        return await _again(request, form, tuple(error.problems))
    except Refusal as refusal:
        return await _again(request, form, (Fault("/kind", refusal.detail),))
    return await exported(service_of(request), wanted, format_, key, channel=CHANNEL)


def _given(form: Posted) -> dict[str, str]:
    """What the form says, as programs say it. Raises UnacceptableRequest."""
    given = {
        "proofs": "false" if form.get("proofs") is None else "true",
        "texts": "true" if form.get("without_texts") is None else "false",
    }
    given |= {name: form.text(name) for name in ("kind", "format") if name in form}
    read: dict[str, Callable[[str], datetime]] = {"from": since, "to": until}
    faults = []
    for name, moment in read.items():
        if name in form:
            try:
                given[name] = timestamp(moment(form.text(name)))
            except Wrong as wrong:
                faults.append(parameter_fault(name, str(wrong)))
    if faults:
        raise UnacceptableRequest(faults)
    return given


async def _again(request: Request[Any, Any, Any], form: Posted, faults: tuple[Fault, ...]) -> Response[Any]:
    return await audit_page(request, faults=faults, typed={name: form.text(name) for name in form.names()})


HANDLERS: Final = (export,)
