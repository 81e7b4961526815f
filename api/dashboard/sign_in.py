"""Signing in with a personal key, and out again. Another means, such as OpenID Connect, would join here."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any, Final

from litestar import Request, Response, post, route

from api.answers import Answer
from api.dashboard.pages import page, see_other
from api.dashboard.posted import posted
from api.dashboard.problems import SIGN_IN
from api.dashboard.sessions import (
    PATH,
    cookie_of,
    form_token,
    is_of_dashboard,
    new_cookie,
    no_cookie,
    nobodys_token,
    require_same_origin,
)
from api.roles import allowed
from api.service import service_of
from eligibility.errors import Fault
from eligibility.storage.keys import Key

logger = logging.getLogger(__name__)

NOTICES: Final = {"signed-out": "You are signed out."}
_UNKNOWN: Final = (
    "this key does not work: it is unknown, revoked or expired; copy the whole of it, from `elk_` on"
)
_NO_PERSON: Final = (
    "this key belongs to a system, and pages are for persons who answer for what they do: have a key of your"
    ' own made by `eligibility keys create --person --role ROLE "YOUR NAME"`'
)


@route(SIGN_IN, http_method=["GET", "HEAD"], status_code=HTTPStatus.OK)
async def ask(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The page to sign in."""
    return _page(request, _next_of(request.query_params.get("next")))


@post(SIGN_IN, status_code=HTTPStatus.SEE_OTHER)
async def sign_in(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Begin a session with a key, and go where the person wanted to."""
    require_same_origin(request)
    form = await posted(request, ("key", "next"))
    service, wanted = service_of(request), _next_of(form.get("next"))
    key = await service.keys.find(form.text("key"))
    refused = _refusal(key)
    if key is None or refused is not None:
        logger.warning("signing in was refused: %s", "unknown key" if key is None else f"key {key.id}")
        return _page(request, wanted, refused)
    token = await service.sessions.begin(key)
    return see_other(wanted, headers={"set-cookie": new_cookie(request, token)})


@post(f"{PATH}/sign-out", status_code=HTTPStatus.SEE_OTHER)
async def sign_out(request: Request[Any, Any, Any]) -> Response[bytes]:
    """End the session."""
    await posted(request, ())
    token = cookie_of(request)
    if token is not None:
        await service_of(request).sessions.end(token)
    return see_other(SIGN_IN, said="signed-out", headers={"set-cookie": no_cookie(request)})


def _refusal(key: Key | None) -> str | None:
    """Why a key does not sign anybody in."""
    if key is None:
        return _UNKNOWN
    if key.kind != "person":
        return _NO_PERSON
    if key.role not in allowed("GET", PATH):
        return f"the role `{key.role}` has no pages: it is for programs, which send the key with each call"
    return None


def _page(request: Request[Any, Any, Any], wanted: str, refused: str | None = None) -> Answer:
    token = cookie_of(request) or nobodys_token()
    return page(
        request,
        "sign_in.html",
        status=HTTPStatus.OK if refused is None else HTTPStatus.UNPROCESSABLE_ENTITY,
        notices=NOTICES,
        faults=() if refused is None else (Fault("/key", refused),),
        headers={"set-cookie": new_cookie(request, token)},
        form_token=form_token(request, token),
        next=wanted,
    )


def _next_of(given: str | None) -> str:
    """Where to go afterwards: a page of ours, whatever the address says."""
    is_ours = given is not None and given.isascii() and given.isprintable() and "\\" not in given
    path = (given or "").partition("?")[0].partition("#")[0]
    return given if given and is_ours and is_of_dashboard(path) and not path.startswith(SIGN_IN) else PATH


HANDLERS: Final = (ask, sign_in, sign_out)
