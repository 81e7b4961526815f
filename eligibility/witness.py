"""Requests that stand somewhere in a landscape: a row of values, as a document that a caller could send."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any as Anything

from eligibility.atoms import counts_for
from eligibility.documents import document_of
from eligibility.domains import DECLARED_BY, NATURAL_PERSONS, ORGANISATIONS
from eligibility.fields import ABSENT, APPLICANT, MODEL, Field
from eligibility.landscape import Landscape

_PLAIN: Mapping[str, Anything] = {
    "entity.kind": "company",
    "use.capacity": "licensee",
    "entity.can_accept_licence": True,
    "use.assurances.known_dangers_disclosed": True,
}
"""What a fact that makes no difference is shown as, where its first value would lead readers astray."""


def witness(landscape: Landscape, function: int) -> dict[str, Anything]:
    """A request for which a function is true; every fact that counts is given.

    Raises:
        ValueError: there is none.
    """
    return request_at(landscape, landscape.space.witness(function))


def request_at(landscape: Landscape, row: Mapping[int, int]) -> dict[str, Anything]:
    """The request with these values of variables, and plain values of all others."""
    facts: dict[str, Anything] = {}
    for place, field in enumerate(landscape.fields):
        first = landscape.first[place]
        if field.codes:
            named = [code for number, code in enumerate(field.codes, first) if row.get(number)]
            facts[field.name] = named or [field.spare or field.codes[-1]]
        else:
            facts.update(field.values[row.get(first, _plain(field))])
    return document_of((fact, value) for fact, value in facts.items() if _counts(fact, value, facts))


def _plain(field: Field) -> int:
    for value, facts in enumerate(field.values):
        if all(facts.get(fact, plain) == plain for fact, plain in _PLAIN.items()):
            return value
    return 0


def _counts(fact: str, value: Anything, facts: Mapping[str, Anything]) -> bool:
    """Whether a fact is worth giving: it is known, and counts for this applicant and use."""
    kind, behalf = (facts[name] for name in APPLICANT)
    if value is ABSENT or fact in MODEL:
        return value is not ABSENT
    if fact == "use.on_behalf_of":
        return kind not in ORGANISATIONS
    declared = DECLARED_BY.get(fact)
    if declared is not None and declared[1] not in facts.get(declared[0], (declared[1],)):
        return False
    return counts_for(fact, natural=kind in NATURAL_PERSONS, employed=behalf == "employer")
