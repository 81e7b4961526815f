"""What is wrong with a body, in plain words: pydantic's errors → faults with JSON pointers."""

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from eligibility.codes import UNION, WORLDWIDE, country_meant
from eligibility.errors import Fault
from eligibility.facts import BacklogLine, Vocabulary
from eligibility.scalars import LONGEST_DESCRIPTION, LONGEST_TEXT, MOST_ENTRIES, MOST_USERS

MOST_FAULTS = 1_000
"""More than any body written in good faith can have; bounds the answer to one that was not."""

_MOST_HINTS = 50
_LONGEST_SHOWN = 60
_LONGEST_LISTING = 12
_GROUPED = re.compile("[0-9]{1,3}(?:([,.' _\u00a0\u202f\u2019])[0-9]{3})(?:\\1[0-9]{3}){0,4}")
_NEEDED = {"model": "generation", "entity": "kind"}


def faults_of(error: ValidationError, vocabulary: Vocabulary) -> tuple[Fault, ...]:
    """Return one fault for each error, in the order of the form, the unknown members of an object last."""
    found = error.errors(include_url=False)
    faults = [_fault(each, vocabulary, hint=n < _MOST_HINTS) for n, each in enumerate(found[:MOST_FAULTS])]
    if len(found) > MOST_FAULTS:
        faults.append(Fault("", f"{len(found) - MOST_FAULTS} more faults are not listed"))
    return tuple(faults)


def pointer(parts: Iterable[str | int]) -> str:
    """Return the JSON pointer (RFC 6901) to the member or item that `parts` lead to."""
    return "".join("/" + _printable(str(part)).replace("~", "~0").replace("/", "~1") for part in parts)


def shown(value: object) -> str:
    """Return what the caller wrote in backticks, shortened, or what sort of thing it is."""
    if value is None or isinstance(value, bool):
        return {None: "`null`", True: "`true`", False: "`false`"}[value]
    if isinstance(value, str):
        cut = value if len(value) <= _LONGEST_SHOWN else value[: _LONGEST_SHOWN - 1] + "…"
        return f"`{_printable(cut)}`"
    if isinstance(value, Mapping):
        return "an object"
    return "a list" if isinstance(value, Sequence) else "a number"


def one_of(value: object, allowed: Sequence[str], *, hint: bool = True) -> str:
    """Return a sentence that refuses `value`: it lists what is allowed, or a near name where that is long."""
    if len(allowed) <= _LONGEST_LISTING:
        return f"{shown(value)} is not allowed here: use {_listing(allowed)}"
    near = _near(value, allowed) if hint and isinstance(value, str) else None
    remedy = "" if near is None else f": did you mean `{near}`?"
    return f"{shown(value)} is not one of the {len(allowed)} codes that the policy lists{remedy}"


def _fault(error: ErrorDetails, vocabulary: Vocabulary, *, hint: bool) -> Fault:
    place, value, kind = error["loc"], error["input"], error["type"]
    if kind == "extra_forbidden":
        return Fault(pointer(place), _unknown_member(place, hint=hint))
    if kind == "missing" or (value is None and place and isinstance(place[-1], str)):
        return _missing(place)
    if value is None and place:
        return Fault(pointer(place), "`null` in a list is refused: leave the item out")
    if kind == "generation":
        return Fault(pointer(place), one_of(value, vocabulary.generations, hint=hint))
    if kind == "purpose":
        return Fault(pointer(place), one_of(value, vocabulary.purposes, hint=hint))
    if kind == "literal_error":
        allowed = re.findall(r"'([^']+)'", error["ctx"]["expected"])
        return Fault(pointer(place), one_of(value, allowed, hint=hint))
    say = _WORDS.get(kind)
    return Fault(pointer(place), error["msg"].lower() if say is None else say(value, place))


def _missing(place: tuple[str | int, ...]) -> Fault:
    if len(place) == 1:
        place = (place[0], _NEEDED[str(place[0])])
    return Fault(pointer(place), f"`{place[-1]}` is missing: every request needs it")


def _unknown_member(place: tuple[str | int, ...], *, hint: bool) -> str:
    name = str(place[-1])
    if place == ("request_id",):
        return "`request_id` belongs to the lines of a backlog: leave it out"
    allowed = tuple(_members(place[:-1]))
    near = _near(name, allowed) if hint else None
    if near is not None:
        return f"unknown member {shown(name)}: did you mean `{near}`?"
    return f"unknown member {shown(name)}: the members are {_listing(allowed, last='and')}"


def _members(place: tuple[str | int, ...]) -> Iterable[str]:
    """Return the names of the members of the object at `place`."""
    form: type[BaseModel] = BacklogLine
    for part in place:
        if isinstance(part, str):
            form = next(_forms(form.model_fields[part].annotation))
    return (name for name in form.model_fields if name != "request_id")


def _forms(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _forms(argument)


def _country(value: object, _place: object) -> str:
    if not isinstance(value, str):
        return f"must be a country code, not {shown(value)}"
    if value in {UNION, WORLDWIDE}:
        return f"`{value}` is no country: it is allowed in `use.distribution_regions` only"
    meant = country_meant(value) if len(value) <= _LONGEST_SHOWN else None
    remedy = "use an upper-case ISO 3166-1 alpha-2 code" if meant is None else f"write `{meant}`"
    return f"{shown(value)} is no country code: {remedy}"


def _region(value: object, place: object) -> str:
    if not isinstance(value, str):
        return f"must be a country code, `{UNION}` or `{WORLDWIDE}`, not {shown(value)}"
    for region in (UNION, WORLDWIDE):
        if value.upper() == region.upper():
            return f"{shown(value)} is no region: write `{region}`"
    return f"{_country(value, place)}, `{UNION}` or `{WORLDWIDE}`"


def _number(value: object, _place: object) -> str:
    if isinstance(value, str):
        grouped = _GROUPED.fullmatch(value)
        remedy = f"write `{re.sub('[^0-9]', '', value)}`" if grouped else "write it without quotes"
        return f"must be a whole number, not the text {shown(value)}: {remedy}"
    return f"must be a whole number, not {shown(value)}"


def _truth(value: object, _place: object) -> str:
    quotes = ": write it without quotes" if isinstance(value, str) and value in {"true", "false"} else ""
    return f"must be `true` or `false`, not {shown(value)}{quotes}"


def _pattern(value: object, place: tuple[str | int, ...]) -> str:
    if "languages" in place:
        return f"{shown(value)} is no well-formed language tag: use one such as `en` or `pt-BR` (BCP 47)"
    return "holds the character NUL: leave it out"


def _empty(_value: object, place: tuple[str | int, ...]) -> str:
    remedy = "say `general`" if place[-1] == "purposes" else "name at least one, or leave the member out"
    return f"an empty list says nothing: {remedy}"


def _long_text(value: Any, place: tuple[str | int, ...]) -> str:
    most = LONGEST_DESCRIPTION if place[-1] == "description" else LONGEST_TEXT
    return f"has {len(value)} characters: at most {most} are allowed"


_WORDS: Mapping[str, Callable[[Any, tuple[str | int, ...]], str]] = {
    "country": _country,
    "region": _region,
    "int_type": _number,
    "not_whole": lambda _value, _place: "must be a whole number: this one has a fraction",
    "greater_than_equal": lambda _value, _place: "must not be negative",
    "less_than_equal": lambda _value, _place: f"must be at most {MOST_USERS}",
    "bool_type": _truth,
    "string_type": lambda value, _place: f"must be a text, not {shown(value)}",
    "string_unicode": lambda _value, _place: (
        "holds half a surrogate pair, which is no character: leave it out"
    ),
    "string_pattern_mismatch": _pattern,
    "string_too_long": _long_text,
    "list_type": lambda value, _place: f"must be a list, not {shown(value)}: write `[…]`",
    "too_long": lambda value, _place: f"has {len(value)} entries: at most {MOST_ENTRIES} are allowed",
    "too_short": _empty,
    "model_type": lambda value, _place: f"must be an object, not {shown(value)}",
}


def _listing(names: Sequence[str], *, last: str = "or") -> str:
    quoted = [f"`{name}`" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} {last} {quoted[-1]}"


def _near(value: str, allowed: Sequence[str]) -> str | None:
    """Return the allowed name most like `value`; none for long texts, whose comparison would be slow."""
    if len(value) > _LONGEST_SHOWN:
        return None
    written = (
        re.sub(r"[\s-]+", "_", value.strip().lower()) if "_" in "".join(allowed) else value.strip().lower()
    )
    return next(iter(difflib.get_close_matches(written, allowed, 1)), None)


def _printable(text: str) -> str:
    """Spell out lone surrogates, which no encoding can carry into an answer."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
