"""Facts by dotted path, back to the nested document that a caller would send."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any as Anything

from eligibility.domains import AFFILIATES


def document_of(facts: Iterable[tuple[str, Anything]]) -> dict[str, Anything]:
    """The document that holds these facts."""
    return with_facts({}, facts)


def with_facts(
    document: Mapping[str, Anything], facts: Iterable[tuple[str, Anything]]
) -> dict[str, Anything]:
    """A copy of a document in which these facts have these values.

    Of an affiliate that is there, a member can be named by its number (`entity.affiliates[0].involved_in`).
    """
    copy = deepcopy(dict(document))
    for fact, value in facts:
        _set(copy, fact, sendable(value))
    return copy


def _set(document: dict[str, Anything], fact: str, value: Anything) -> None:
    if fact.startswith(f"{AFFILIATES}["):
        number, member = fact.removeprefix(f"{AFFILIATES}[").split("].")
        document["entity"]["affiliates"][int(number)][member] = value
        return
    *path, last = fact.split(".")
    for part in path:
        document = document.setdefault(part, {})
    document[last] = value


def sendable(value: Anything) -> Anything:
    """A value as JSON has it: lists for tuples, all the way down."""
    if isinstance(value, (tuple, list)):
        return [sendable(one) for one in value]
    if isinstance(value, Mapping):
        return {name: sendable(one) for name, one in value.items()}
    return value
