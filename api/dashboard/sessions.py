"""Who looks at a page: the session that a cookie stands for, and that a request comes from a page of ours."""

from __future__ import annotations

import hmac
import secrets
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final
from urllib.parse import urlsplit

from litestar import Request
from litestar.connection import ASGIConnection

from api.problems import Refusal
from api.service import service_of
from eligibility.ruleset_life import Actor
from eligibility.storage.keys import Key
from eligibility.storage.sessions import LONGEST, Session

PATH: Final = "/dashboard"
CHANNEL: Final = "dashboard"
"""How what was done on pages stands in the log."""

FORM_FIELD: Final = "form"
"""The field of every form that shows it is ours."""

_COOKIE: Final = "eligibility"
_SAFE: Final = frozenset({"GET", "HEAD"})
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})

Connection = ASGIConnection[Any, Any, Any, Any]


def is_of_dashboard(path: str) -> bool:
    """Whether a path is one of the dashboard's."""
    return path == PATH or path.startswith(f"{PATH}/")


async def signed_in(connection: Connection) -> Key:
    """The key that a person is signed in with; the session is `request.auth` from then on.

    Raises Refusal where nobody is, or where a page of another site asks; StorageUnavailable.
    """
    require_same_origin(connection)
    token = cookie_of(connection)
    session = await service_of(connection).sessions.find(token) if token else None
    if session is None:
        raise Refusal("key-needed", "sign in to see this: you are not, or your session has ended")
    connection.scope["auth"] = session
    return session.key


def actor_of(request: Request[Any, Any, Any]) -> Actor:
    """Who acts on a page, as the log names them."""
    key = caller_of(request)
    return Actor(str(key.principal), key.kind, CHANNEL)


def caller_of(request: Request[Any, Any, Any]) -> Key:
    """The key that whoever came past the guard is signed in with."""
    key: Key = request.user
    return key


def session_of(request: Request[Any, Any, Any]) -> Session | None:
    """The session that a request came in with past the guard; None on pages that are for everyone."""
    session: Session | None = request.scope.get("auth")
    return session


def require_same_origin(connection: Connection) -> None:
    """Refuse what a page of another site asks to have done. Raises Refusal.

    Browsers say where a request to change something comes from; those that say nothing are refused too.
    """
    if str(connection.scope.get("method")) in _SAFE:
        return
    origin, site = connection.headers.get("origin"), connection.headers.get("sec-fetch-site")
    if origin is None and site is None:
        raise Refusal("not-allowed", "the browser did not say from which page this was sent: use a newer one")
    is_same = site in {None, "same-origin"} and (
        origin is None or urlsplit(origin).netloc == connection.headers.get("host")
    )
    if not is_same:
        raise Refusal("not-allowed", "this was sent from a page of another site, so nothing was done")


def require_form_of_ours(request: Request[Any, Any, Any], given: str | None) -> None:
    """Refuse a form that we did not hand out to this browser. Raises Refusal."""
    token = cookie_of(request)
    if token is None:
        raise Refusal(
            "not-allowed",
            "the browser sent no cookie, so nothing was done: allow cookies of this site, and where it is not"
            " on this machine, use its `https` address",
        )
    if given is None or not hmac.compare_digest(given.encode(), form_token(request).encode()):
        raise Refusal("not-allowed", "the form is no longer good, so nothing was done: load the page again")


def form_token(request: Request[Any, Any, Any], token: str | None = None) -> str:
    """What forms carry that are handed to the browser with this token, by default the one that it sent."""
    token = token or cookie_of(request)
    return service_of(request).sessions.form_token(token) if token else ""


def cookie_of(connection: Connection) -> str | None:
    """The token that the browser sent."""
    try:
        found = SimpleCookie(connection.headers.get("cookie", "")).get(_COOKIE)
    except CookieError:
        return None
    return found.value if found is not None and found.value.isascii() else None


def nobodys_token() -> str:
    """A token that signs nobody in, for the form that does."""
    return secrets.token_urlsafe(32)


def new_cookie(connection: Connection, token: str) -> str:
    """The header that hands a token to the browser."""
    return _cookie(connection, token, int(LONGEST.total_seconds()))


def no_cookie(connection: Connection) -> str:
    """The header that takes the token away."""
    return _cookie(connection, "", 0)


def _cookie(connection: Connection, value: str, seconds: int) -> str:
    cookie = f"{_COOKIE}={value}; Path={PATH}; Max-Age={seconds}; HttpOnly; SameSite=Lax"
    return cookie if is_loopback(connection) else f"{cookie}; Secure"


def is_loopback(connection: Connection) -> bool:
    """Whether the browser speaks to this very machine, where there is no need for TLS."""
    return urlsplit(f"//{connection.headers.get('host', '')}").hostname in _LOOPBACK
