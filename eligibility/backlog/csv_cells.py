"""What cells of CSV say: texts to values of facts, and to JSON where a column cannot hold them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple

import orjson

from eligibility.defusing import restored

LIST_SEPARATOR: Final = ";"

_LARGEST: Final = 2**63 - 1
_LONGEST_WHOLE: Final = 19
"""Digits of the largest number that a column holds."""

_NUMBER: Final = re.compile(
    r"(?P<sign>[+-]?)(?P<whole>\d+)(?P<fraction>\.\d*)?(?P<exponent>[eE][+-]?\d+)?", re.ASCII
)
_TRUTHS: Final[Mapping[str, bool]] = {"true": True, "false": False}


class Unfit(Exception):
    """A cell holds what its column cannot."""


class Kind(NamedTuple):
    """How cells of facts of a kind are read: to a value (raises Unfit), and to the JSON that they mean."""

    value: Callable[[str], Any]
    json: Callable[[str], str]


def kind_of(kind: str) -> Kind:
    """How cells of a kind of facts are read; None stands for what is not given."""
    return _KINDS.get(kind, _PLAIN)


def _quoted(cell: str) -> str:
    return json.dumps(cell, ensure_ascii=False)


def _truth(cell: str) -> bool | None:
    word = cell.strip().lower()
    if word and word not in _TRUTHS:
        raise Unfit
    return _TRUTHS.get(word)


def _truth_json(cell: str) -> str:
    word = cell.strip().lower()
    return word if word in _TRUTHS else _quoted(cell)


def _whole(cell: str) -> int | None:
    """The whole number that a cell says exactly, also with an exponent; never expanded where it is huge."""
    if not cell.strip():
        return None
    written = _number_json(cell)
    if written.startswith('"'):
        raise Unfit
    try:
        number = Decimal(written)
    except InvalidOperation:  # an exponent that no number can have
        raise Unfit from None
    if number and number.adjusted() >= _LONGEST_WHOLE:
        raise Unfit
    whole = int(number)
    if whole != number or abs(whole) > _LARGEST:
        raise Unfit
    return whole


def _number_json(cell: str) -> str:
    """A number as JSON writes it: spreadsheets also write `1.`, `+5` and `007`."""
    found = _NUMBER.fullmatch(cell.strip())
    if found is None:
        return _quoted(cell)
    sign, whole, fraction, exponent = found.group("sign", "whole", "fraction", "exponent")
    digits = "" if fraction in {None, "."} else fraction
    return f"{sign.removeprefix('+')}{whole.lstrip('0') or '0'}{digits}{exponent or ''}"


def _items(cell: str) -> list[str] | None:
    if not cell.strip():
        return None
    return [] if cell.strip() == "[]" else [item.strip() for item in cell.split(LIST_SEPARATOR)]


def _items_json(cell: str) -> str:
    return json.dumps(_items(cell), ensure_ascii=False)


def _json(cell: str) -> str:
    """JSON as it stands, so that it is read exactly; what is none as a text, which is refused."""
    try:
        orjson.loads(cell)
    except orjson.JSONDecodeError:
        return _quoted(cell)
    return cell


def _text(cell: str) -> str | None:
    return restored(cell) or None


def _text_json(cell: str) -> str:
    return _quoted(restored(cell))


def _code(cell: str) -> str | None:
    return cell or None


_LIST: Final = Kind(_items, _items_json)
_TEXT: Final = Kind(_text, _text_json)
_PLAIN: Final = Kind(_code, _quoted)
_KINDS: Final[Mapping[str, Kind]] = {
    "boolean": Kind(_truth, _truth_json),
    "number": Kind(_whole, _number_json),
    "codes": _LIST,
    "regions": _LIST,
    "languages": _LIST,
    "text": _TEXT,
    "model_name": _TEXT,
    "affiliates": Kind(_code, _json),
}
