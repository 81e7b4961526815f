"""What comes in: bodies, headers and query parameters, read strictly."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from litestar import Request
from litestar.exceptions import InternalServerException

from api.problems import Refusal
from eligibility.errors import Fault, UnacceptableRequest
from eligibility.parsing import near
from eligibility.refusals import one_of, shown

LARGEST_BODY: Final = 256 * 1024
"""Bytes, of a request to decide."""

_JSON_TYPE: Final = re.compile(
    r'application/json[ \t]*(?:;[ \t]*charset[ \t]*=[ \t]*"?utf-?8"?[ \t]*)?;?', re.IGNORECASE
)
_FLAGS: Final = {"true": True, "false": False}
_MOST_PARAMETERS: Final = 50
_LONGEST_KEY: Final = 255


async def json_body(request: Request[Any, Any, Any]) -> bytes:
    """The bytes of a body that says it is JSON. The limit of its size is the route's.

    Raises Refusal.
    """
    headers = request.headers
    if not _JSON_TYPE.fullmatch(headers.get("content-type", "").strip()):
        raise Refusal("wrong-type", "the body must be `application/json`, in UTF-8: say so in `Content-Type`")
    encoding = headers.get("content-encoding")
    if encoding is not None and encoding.strip().lower() not in {"", "identity"}:
        raise Refusal("wrong-type", "compressed bodies are not read: leave `Content-Encoding` out")
    try:
        return await request.body()
    except InternalServerException as error:  # how the framework says that the caller has gone
        raise Refusal("unreadable", "the body ended before it was complete") from error


def idempotency_key(request: Request[Any, Any, Any]) -> str | None:
    """The `Idempotency-Key`, None where none was sent. Raises Refusal."""
    sent = request.headers.getall("idempotency-key", [])
    if not sent:
        return None
    key = sent[0]
    if len(sent) > 1 or not (1 <= len(key) <= _LONGEST_KEY and all("!" <= char <= "~" for char in key)):
        wanted = f"send one, of 1 to {_LONGEST_KEY} visible ASCII characters"
        raise Refusal("unreadable", f"the `Idempotency-Key` cannot be used: {wanted}")
    return key


def parameters(request: Request[Any, Any, Any], known: Iterable[str] = ()) -> Mapping[str, str]:
    """The query parameters, each given once at most and all of them known.

    The pointer of a fault leads into the parameters, seen as one object. Raises Refusal, UnacceptableRequest.
    """
    query: bytes = request.scope["query_string"]
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
