"""What comes in: bodies, headers and query parameters, read strictly."""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from litestar import Request
from litestar.exceptions.http_exceptions import RequestEntityTooLarge

from api.answers import JSON
from api.problems import Refusal
from eligibility.errors import Fault, UnacceptableRequest
from eligibility.parsing import near
from eligibility.refusals import one_of, shown

LARGEST_BODY: Final = 256 * 1024
"""Bytes, of a request to decide."""

_JSON_TYPE: Final = re.compile(
    rb'application/json[ \t]*(?:;[ \t]*charset[ \t]*=[ \t]*"?utf-?8"?[ \t]*)?;?', re.IGNORECASE
)
_FLAGS: Final = {"true": True, "false": False}
_MOST_PARAMETERS: Final = 50
_LONGEST_KEY: Final = 255


async def json_body(request: Request[Any, Any, Any]) -> bytes:
    """The bytes of a body that says it is JSON. The limit of its size is the route's.

    Raises Refusal.
    """
    types = header(request, b"content-type")
    if not types or (types[0] != JSON.encode() and not _JSON_TYPE.fullmatch(types[0].strip())):
        raise Refusal("wrong-type", "the body must be `application/json`, in UTF-8: say so in `Content-Type`")
    for encoding in header(request, b"content-encoding")[:1]:
        if encoding.strip().lower() not in {b"", b"identity"}:
            raise Refusal("wrong-type", "compressed bodies are not read: leave `Content-Encoding` out")
    return await _body(request, request.route_handler.resolve_request_max_body_size() or math.inf)


async def _body(request: Request[Any, Any, Any], most: float) -> bytes:
    """The body, of at most that many bytes. The framework's own way to it costs as much as deciding."""
    announced = header(request, b"content-length")
    if announced and int(announced[0]) > most:
        raise RequestEntityTooLarge
    parts, size, more = [], 0, True
    while more:
        event = await request.receive()
        if event["type"] != "http.request":
            raise Refusal("unreadable", "the body ended before it was complete")
        parts.append(event["body"])
        size += len(event["body"])
        if size > most:
            raise RequestEntityTooLarge
        more = event["more_body"]
    return b"".join(parts)


def header(request: Request[Any, Any, Any], name: bytes) -> list[bytes]:
    """What was sent under a header's name, which is lower-case."""
    return [value for sent, value in request.scope["headers"] if sent == name]


def idempotency_key(request: Request[Any, Any, Any]) -> str | None:
    """The `Idempotency-Key`, None where none was sent. Raises Refusal."""
    sent = header(request, b"idempotency-key")
    if not sent:
        return None
    key = sent[0].decode("latin-1")
    if len(sent) > 1 or not (1 <= len(key) <= _LONGEST_KEY and all("!" <= char <= "~" for char in key)):
        wanted = f"send one, of 1 to {_LONGEST_KEY} visible ASCII characters"
        raise Refusal("unreadable", f"the `Idempotency-Key` cannot be used: {wanted}")
    return key


def parameters(request: Request[Any, Any, Any], known: Iterable[str] = ()) -> Mapping[str, str]:
    """The query parameters, each given once at most and all of them known.

    The pointer of a fault leads into the parameters, seen as one object. Raises Refusal, UnacceptableRequest.
    """
    return parameters_of(request.scope["query_string"], known)


def parameters_of(query: bytes, known: Iterable[str] = ()) -> Mapping[str, str]:
    """The parameters of a query, as `parameters` gives those of a request."""
    if not query:
        return {}
    try:
        pairs = parse_qsl(
            query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_PARAMETERS
        )
    except ValueError:
        raise Refusal("unreadable", "the query is not percent-encoded UTF-8, or is far too long") from None
    names, found = tuple(known), dict[str, str]()
    faults = []
    for name, value in pairs:
        if name not in names:
            faults.append(parameter_fault(name, _unknown(name, names)))
        elif name in found:
            faults.append(parameter_fault(name, f"`{name}` is given more than once: give it once"))
        found[name] = value
    if faults:
        raise UnacceptableRequest(faults)
    return found


def parameter_fault(name: str, detail: str) -> Fault:
    """A fault of one query parameter."""
    return Fault("/" + name[:100].replace("~", "~0").replace("/", "~1"), detail)


def flag(name: str, given: Mapping[str, str], faults: list[Fault]) -> bool:
    """A parameter that is `true` or `false`, false where it is not given; any other value adds a fault."""
    value = given.get(name, "false")
    if value not in _FLAGS:
        faults.append(parameter_fault(name, one_of(value, tuple(_FLAGS))))
    return _FLAGS.get(value, False)


def _unknown(name: str, known: tuple[str, ...]) -> str:
    if not known:
        return f"unknown parameter {shown(name)}: this call takes none"
    remedy = near(name[:100], known) or "use " + ", ".join(f"`{each}`" for each in known)
    return f"unknown parameter {shown(name)}: {remedy}"
