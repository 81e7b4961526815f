"""How values are written where bytes matter: canonical JSON, and times."""

from datetime import UTC, datetime
from functools import lru_cache

import orjson

_SCALARS = frozenset({str, int, bool, type(None)})
_OPTIONS = (
    orjson.OPT_SORT_KEYS
    | orjson.OPT_STRICT_INTEGER
    | orjson.OPT_PASSTHROUGH_SUBCLASS
    | orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_DATETIME
)


def canonical(value: object) -> bytes:
    """The canonical JSON of RFC 8785, for values whose keys are ASCII and whose numbers are whole.

    Within these limits orjson's sorted output is the same bytes, at a fiftieth of the time. Raises ValueError
    for anything beyond them: fractions, numbers past 2^53 - 1, lone surrogates, values that are no JSON.
    """
    _check(value)
    return canonical_of_request(value)


def canonical_of_request(value: object) -> bytes:
    """The same, without looking through every value: for what passed the form of a request.

    The form lets through neither keys beyond ASCII nor fractions, which orjson would write otherwise. Raises
    ValueError for what orjson itself refuses.
    """
    try:
        return orjson.dumps(value, option=_OPTIONS)
    except TypeError as error:
        message = f"not to be written as canonical JSON: {error}"
        raise ValueError(message) from error


def _check(value: object) -> None:
    kind = type(value)
    if kind in _SCALARS:
        return
    if kind is dict:
        for key, member in value.items():  # type: ignore[attr-defined]  # narrowed by its exact type
            if type(key) is not str or not key.isascii():
                message = f"not to be written as canonical JSON: the key `{key!r}` is no ASCII text"
                raise ValueError(message)
            if type(member) not in _SCALARS:
                _check(member)
    elif kind is list or kind is tuple:
        for item in value:  # type: ignore[attr-defined]  # narrowed by its exact type
            if type(item) not in _SCALARS:
                _check(item)
    else:
        message = f"not to be written as canonical JSON: `{value!r}` is a {kind.__name__}"
        raise ValueError(message)


@lru_cache(256)  # what is recorded and answered together has one time
def timestamp(at: datetime) -> str:
    """A time in UTC as RFC 3339, always with microseconds and `Z`. Raises ValueError without a time zone."""
    if at.tzinfo is None:
        message = "a time without its time zone cannot be recorded"
        raise ValueError(message)
    text = orjson.dumps(at.astimezone(UTC), option=orjson.OPT_UTC_Z)[1:-1].decode()
    return text if at.microsecond else text[:-1] + ".000000Z"
