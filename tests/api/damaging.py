"""Receipts with one thing altered, for the verifier to refuse."""

import copy
import re
from collections.abc import Iterator
from typing import Any

from tests.properties.sizes import FULL


def paths(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place in a document."""
    yield path
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from paths(inner, (*path, name))
    elif isinstance(value, list):
        for n, inner in enumerate(value):
            yield from paths(inner, (*path, n))


def others(value: Any) -> Iterator[Any]:
    """Values that differ from one, though sometimes only a little."""
    yield None if value is not None else False
    if isinstance(value, bool):
        yield from (not value, int(value))
    elif isinstance(value, int):
        yield from (value + 1, value - 1, -value - 1, value + 2**53, str(value), [value])
    elif isinstance(value, str):
        yield from (
            value + "0",
            value[:-1],
            value.upper() if value != value.upper() else value + "A",
            [value],
        )
        if re.fullmatch("(sha256:)?[0-9a-f]+", value):
            yield value[:-1] + ("0" if value[-1] != "0" else "1")
            yield value[:9] + ("0" if value[9:10] != "0" else "1") + value[10:]
    elif isinstance(value, list):
        yield from ([*value, value[-1] if value else 0], value[1:], value[:-1], value[::-1], {})
    elif isinstance(value, dict):
        yield from ({**value, "another": 0}, {}, [], "")


def damaged(receipt: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The receipt with one thing altered: each member, in several ways, and each left out."""
    for path in paths(receipt):
        if not path:
            continue
        *above, last = path
        original = receipt
        for step in path:
            original = original[step]  # type: ignore[index]  # names for objects, numbers for lists
        # what only its hash is known of needs less trying
        tried = others(original) if FULL or path[0] not in {"evaluation", "texts"} else [None]
        for other in [*tried, ...]:
            if other == original and type(other) is type(original):
                continue
            changed: Any = copy.deepcopy(receipt)
            holder = changed
            for step in above:
                holder = holder[step]
            if other is not ...:
                holder[last] = other
            elif path == ("texts",):
                continue  # without its texts it is a receipt, too
            else:
                del holder[last]
            yield "/".join(map(str, path)), changed
