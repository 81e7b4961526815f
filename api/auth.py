"""Keys: who calls, and whether the caller may. Closed by default."""

from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from api.dashboard.sessions import is_of_dashboard, signed_in
from api.problems import Refusal
from api.roles import ANYONE, OWN_ONLY, allowed
from api.service import Service, service_of
from eligibility.storage.keys import Key

_SCHEME = "bearer "


async def guard(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
    """Let a request through to its handler, with the caller's key as `request.user`, or refuse it.

    Raises Refusal, StorageUnavailable.
    """
    scope = connection.scope
    method = scope.get("method")
    if method == "OPTIONS":  # says which methods there are, and nothing else
        return
    roles = allowed(str(method), scope["path_template"])
    if roles is ANYONE:
        return
    if not roles:
        raise Refusal("not-allowed", "this route is closed")
    if is_of_dashboard(scope["path_template"]):
        key: Key | None = await signed_in(connection)
    else:
        key = await identified(connection, service_of(connection))
    if key is None:
        raise Refusal(
            "key-needed",
            "this needs a key: send `Authorization: Bearer KEY`",
            headers={"www-authenticate": 'Bearer realm="eligibility"'},
        )
    if key.role not in roles:
        names = ", ".join(f"`{name}`" for name in sorted(roles))
        raise Refusal("not-allowed", f"the role `{key.role}` may not do this: it is for {names}")
    scope["user"] = key


async def identified(connection: ASGIConnection[Any, Any, Any, Any], service: Service) -> Key | None:
    """The caller's key; None where no key was sent.

    Raises Refusal for one that does not work, StorageUnavailable.
    """
    sent = [value for name, value in connection.scope["headers"] if name == b"authorization"]
    if not sent:
        return None
    text = sent[0].decode("utf-8", "replace")
    if len(sent) == 1 and text[: len(_SCHEME)].lower() == _SCHEME:
        key = await service.keys.find(text[len(_SCHEME) :].strip())
        if key is not None:
            return key
    raise Refusal(
        "key-needed",
        "the key that was sent does not work: it is unknown, revoked, expired or not sent as `Bearer KEY`",
        headers={"www-authenticate": 'Bearer realm="eligibility", error="invalid_token"'},
    )


def caller(request: Request[Any, Any, Any]) -> Key:
    """The key with which a request came past the guard."""
    key: Key = request.user
    return key


def own_only(key: Key) -> str | None:
    """The principal whose decisions alone the caller may see; None for one who may see all."""
    return str(key.principal) if key.role in OWN_ONLY else None
