"""Bytes → JSON, read exactly → a request in good form."""

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NoReturn

import orjson
from pydantic import ValidationError

from eligibility.contradictions import contradictions
from eligibility.errors import Fault, UnacceptableRequest, UnreadableRequest
from eligibility.facts import BacklogLine, EligibilityRequest, RequestBody, Vocabulary
from eligibility.quick_form import is_surely_good
from eligibility.refusals import faults_of, pointer, shown

DEEPEST: Final = 64
"""Levels of lists and objects; the form of a request needs five."""

_DIGITS_OF_INT: Final = 18
_BRACKETS: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|([\[{])|([\]}])', re.DOTALL)
_FRACTION: Final = re.compile(rb"\d[.e][-+0-9e]*[,\]}]")
_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_WIDE: Final = (b"\xff\xfe", b"\xfe\xff", b"\x00")


def read_request(
    body: bytes, vocabulary: Vocabulary, *, member_allowed_request_id: bool = False
) -> EligibilityRequest:
    """Read a body that holds one request.

    Raises:
        UnreadableRequest: it is no JSON.
        UnacceptableRequest: it is no request in good form, or contradicts itself.
    """
    form = BacklogLine if member_allowed_request_id else RequestBody
    read = _as_written(body)
    if read is not None and isinstance(read[0], dict) and is_surely_good(read[0], form, vocabulary):
        return _request(read[0], vocabulary)  # no fraction is, nor what is nested deep
    return request_from(parse_json(body), vocabulary, member_allowed_request_id=member_allowed_request_id)


def request_from(
    value: object, vocabulary: Vocabulary, *, member_allowed_request_id: bool = False
) -> EligibilityRequest:
    """Check a JSON value that was parsed already: every fault of form, then every contradiction.

    Raises:
        UnacceptableRequest: it is no request in good form, or contradicts itself.
    """
    if not isinstance(value, dict):
        raise UnacceptableRequest([Fault("", f"a request must be an object, not {shown(value)}")])
    form = BacklogLine if member_allowed_request_id else RequestBody
    if not is_surely_good(value, form, vocabulary):
        try:
            form.__pydantic_validator__.validate_python(value, context=vocabulary)
        except ValidationError as error:
            raise UnacceptableRequest(faults_of(error, vocabulary)) from None
    return _request(value, vocabulary)


def _request(value: Mapping[str, Any], vocabulary: Vocabulary) -> EligibilityRequest:
    """The request that an object in good form holds. Raises UnacceptableRequest."""
    facts: dict[str, Any] = {}
    document = _given(value, "", facts)
    request_id: str | None = document.pop("request_id", None)
    facts.pop("request_id", None)
    faults = contradictions(facts, vocabulary)
    if faults:
        raise UnacceptableRequest(faults)
    return EligibilityRequest(document, facts, request_id)


def parse_json(body: bytes) -> object:
    """Parse one JSON value exactly.

    Whole numbers of up to 18 digits are int. All others are Decimal, never rounded; where the exponent is
    beyond what Decimal holds, infinite (great) or NaN (a fraction).

    Raises:
        UnreadableRequest: not UTF-8, not JSON, a member repeated, NaN, too deep, half a surrogate pair.
    """
    return _exactly(body) if (value := _quickly(body)) is None else value


def _quickly(body: bytes) -> object:
    """Parse the usual body in a fraction of the time; None where it could be read otherwise.

    That is an object which, written again, is the same but for white space. Fractions are left to those who
    keep them exactly.
    """
    read = _as_written(body)
    if read is None:
        return None
    value, again = read
    is_deep = again.count(b"[") + again.count(b"{") > DEEPEST
    return value if isinstance(value, dict) and not is_deep and not _FRACTION.search(again) else None


def _as_written(body: bytes) -> tuple[object, bytes] | None:
    """The value that, written again, is the body but for white space, and how it is written then.

    So no member was repeated, and no number rounded but for fractions. None where it is another.
    """
    try:
        value: object = orjson.loads(body)
        again = orjson.dumps(value, option=orjson.OPT_STRICT_INTEGER)
    except (orjson.JSONDecodeError, TypeError):
        return None
    is_same = again == body or b"".join(again.split()) == b"".join(body.split())
    return (value, again) if is_same else None


def _exactly(body: bytes) -> object:
    text = _decoded(body)
    if body.count(b"[") + body.count(b"{") > DEEPEST and _depth(body) > DEEPEST:
        raise _unreadable(f"nested too deep: at most {DEEPEST} levels are read")
    try:
        value: object = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise _unreadable(f"not JSON: {error.msg[:1].lower()}{error.msg[1:]} at {place}") from None
    except RecursionError:
        raise _unreadable("nested too deep") from None
    if _SURROGATE.search(body):
        _refuse_surrogates(value)
    return value


def _decoded(body: bytes) -> str:
    if not body.strip():
        raise _unreadable("the body is empty: send a JSON object")
    if body.startswith(b"\xef\xbb\xbf"):
        raise _unreadable("the body starts with a byte order mark: send UTF-8 without one")
    if body.startswith(_WIDE) or body[1:2] == b"\x00":
        raise _unreadable("the body is not UTF-8: it looks like UTF-16 or UTF-32")
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise _unreadable(f"the body is not UTF-8: byte {error.start + 1} is out of place") from None


def _depth(body: bytes) -> int:
    """Return how deep brackets outside of texts are nested; never less than the parser would go."""
    deepest = depth = 0
    for found in _BRACKETS.finditer(body):
        if found.lastindex == 1:
            depth += 1
            deepest = max(deepest, depth)
        elif found.lastindex is not None:
            depth -= 1
    return deepest


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        repeated = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]  # None is meant: it is false
        raise _unreadable(f"the member {shown(repeated)} stands more than once in one object")
    return members


def _whole(text: str) -> int | Decimal:
    return int(text) if len(text) <= _DIGITS_OF_INT else Decimal(text)


def _fraction(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent of more than 18 digits
        coefficient, exponent = text.lower().split("e")
        if not Decimal(coefficient):
            return Decimal(0)
        return Decimal(
            "NaN" if exponent.startswith("-") else "-Infinity" if text.startswith("-") else "Infinity"
        )


def _constant(name: str) -> NoReturn:
    raise _unreadable(f"`{name}` is no JSON number: leave the member out where the number is not known")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_whole, parse_float=_fraction, parse_constant=_constant
)


def _refuse_surrogates(value: object) -> None:
    """Look through everything, since an escape may stand in any text or name of a member."""
    waiting: list[tuple[tuple[str | int, ...], object]] = [((), value)]
    while waiting:
        place, item = waiting.pop()
        if isinstance(item, dict):
            waiting.extend(((*place, name), inner) for name, inner in item.items())
            texts = list(item)
        elif isinstance(item, list):
            waiting.extend(((*place, index), inner) for index, inner in enumerate(item))
            continue
        else:
            texts = [item] if isinstance(item, str) else []
        if any("\ud800" <= char <= "\udfff" for text in texts for char in text):
            raise UnreadableRequest(
                [Fault(pointer(place), "holds half a surrogate pair, which is no character")]
            )


def _unreadable(detail: str) -> UnreadableRequest:
    return UnreadableRequest([Fault("", detail)])


def _given(members: Mapping[str, Any], prefix: str, facts: dict[str, Any]) -> dict[str, Any]:
    """Return what was given of an object in good form, and put it into `facts` by its paths.

    There, a blank text is always a fact of type text.
    """
    given: dict[str, Any] = {}
    for name, value in members.items():
        kind = type(value)  # the parsers make no others than these, of which the usual ones come first
        if kind is str:
            if value and not value.isspace():
                given[name] = facts[prefix + name] = value
        elif kind is dict:
            kept = _given(value, f"{prefix}{name}.", facts)
            if kept:
                given[name] = kept
        elif kind is list:
            given[name] = items = _items(value)
            facts[prefix + name] = _frozen(items)
        elif kind is int or kind is bool:
            given[name] = facts[prefix + name] = value
        elif value is not None:
            given[name] = facts[prefix + name] = int(value)  # of a fraction that is a whole number
    return given


def _items(items: list[Any]) -> list[Any]:
    if len(items) > 1 and isinstance(items[0], str):
        return sorted(set(items))
    return [_given(item, "", {}) if isinstance(item, dict) else item for item in items]


def flatten(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of a request's document by the dotted path of each leaf, lists as tuples."""
    facts: dict[str, Any] = {}
    _flatten(document, "", facts)
    return facts


def _flatten(members: Mapping[str, Any], prefix: str, facts: dict[str, Any]) -> None:
    for name, value in members.items():
        if isinstance(value, dict):
            _flatten(value, f"{prefix}{name}.", facts)
        else:
            facts[prefix + name] = _frozen(value) if isinstance(value, list) else value


def _frozen(items: Sequence[Any]) -> tuple[Any, ...]:
    """Return a list as facts hold it: as a tuple, and so are the lists within its objects."""
    if not items or not isinstance(items[0], dict):
        return tuple(items)
    return tuple(
        {name: tuple(value) if isinstance(value, list) else value for name, value in item.items()}
        for item in items
    )
