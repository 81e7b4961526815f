"""Sufficient reasons: the smallest sets of facts that alone force the outcome, whatever the others are.

"Whatever" is over every well-formed request in which those facts are as they are here: of any generation and
of any kind of applicant too, where these are not among them. Every part of such a set is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, combinations

from eligibility.atoms import MULTIMODAL, is_applicable, is_presumed, modality
from eligibility.diagram import FALSE, TRUE
from eligibility.facts import EligibilityRequest
from eligibility.fields import APPLICANT, MODEL, Field
from eligibility.landscape import Landscape
from eligibility.standing import Standing, Values

MOST_SETS = 200
"""Sets kept at any point of the search, smaller ones first; requests made in good faith have a few."""

Facts = frozenset[str]


@dataclass(frozen=True)
class Sufficient:
    """The sets of facts, smaller ones first. None, though complete: the outcome rests on unknown facts."""

    sets: tuple[Facts, ...]
    complete: bool


def sufficient_reasons(landscape: Landscape, request: EligibilityRequest, outcome: str) -> Sufficient:
    """The smallest sets of facts that force the outcome that was decided."""
    search = _Reasons(landscape, request)
    sets = search.sets(0, landscape.outcomes[outcome])
    return Sufficient(tuple(sorted(sets, key=_smaller_first)), search.complete)


def holding(landscape: Landscape, request: EligibilityRequest, facts: Facts) -> int:
    """Where, among all requests, these facts are as they are in this one."""
    return _Reasons(landscape, request).holding(facts)


def _smaller_first(facts: Facts) -> tuple[int, list[str]]:
    return len(facts), sorted(facts)


class _Reasons:
    """The walk through a function, field by field: a field's facts are held as they are, or left open."""

    def __init__(self, landscape: Landscape, request: EligibilityRequest) -> None:
        self.complete = True
        self._landscape = landscape
        self._space = landscape.space
        self._facts = request.facts
        self._presumed = landscape.programs[0].ruleset.presumed
        self._standing = Standing(landscape, request.facts, kind_may_change=True)
        [applicant] = self._standing.here(1, presumes_users=False)
        self._presumes_users = self._standing.presumes_users(applicant)
        self._known: dict[tuple[int, int], tuple[Facts, ...]] = {}

    def sets(self, place: int, function: int) -> tuple[Facts, ...]:
        """The smallest sets of facts, from this field on, that make what is left of a function true."""
        if function in {FALSE, TRUE}:
            return (frozenset(),) if function == TRUE else ()
        key = (place, function)
        if key not in self._known:
            found = (
                held | rest
                for held, left in self._held(place, function)
                for rest in self.sets(place + 1, left)
            )
            self._known[key] = self._smallest(found)
        return self._known[key]

    def holding(self, facts: Facts) -> int:
        """Where these facts are as they are here."""
        held = TRUE
        for place, field in enumerate(self._landscape.fields):
            wanted = facts.intersection(field.facts)
            first = self._landscape.first[place]
            if wanted and field.codes:
                for number, is_named in enumerate(self._standing.codes(place) or (), first):
                    held = self._space.both(held, self._space.test(number, {int(is_named)}))
            elif wanted:
                values = next(values for known, values in self._values(place, field) if wanted == {*known})
                held = self._space.both(held, self._space.test(first, values))
        return held

    def _smallest(self, sets: Iterable[Facts]) -> tuple[Facts, ...]:
        kept: list[Facts] = []
        for facts in sorted(set(sets), key=_smaller_first):
            if not any(smaller <= facts for smaller in kept):
                kept.append(facts)
        if len(kept) > MOST_SETS:
            self.complete = False
        return tuple(kept[:MOST_SETS])

    def _held(self, place: int, function: int) -> Iterator[tuple[Facts, int]]:
        """Facts of a field that can be held as they are, and what is left of the function then."""
        field = self._landscape.fields[place]
        numbers = self._landscape.numbers(place)
        everywhere = self._space.every(function, numbers)
        yield frozenset(), everywhere
        if numbers.isdisjoint(self._space.support(function)):
            return
        if field.codes:
            named = self._standing.codes(place)
            if named is not None:
                yield frozenset(field.facts), self._landscape.cofactor(place, function, named)
            return
        for facts, values in self._values(place, field):
            branches = self._space.branches(function, self._landscape.first[place])
            yield frozenset(facts), self._space.all_of(branches[value] for value in values)

    def _values(self, place: int, field: Field) -> Iterator[tuple[tuple[str, ...], Values]]:
        """The sets of a field's facts that have a value, and the values of the field that agree with it."""
        if field.facts == MODEL:
            yield from self._of_model(field)
        elif field.facts == APPLICANT:
            yield from self._of_applicant(field)
        elif self._has_value(field.name):
            yield field.facts, self._standing.here(place, presumes_users=self._presumes_users)

    def _has_value(self, fact: str) -> bool:
        if not is_applicable(fact, self._facts):
            return False
        return fact in self._facts or is_presumed(fact, self._facts, self._presumed)

    def _of_model(self, field: Field) -> Iterator[tuple[tuple[str, ...], Values]]:
        vocabulary = self._landscape.programs[0].ruleset.vocabulary
        said = {
            "model.generation": self._facts["model.generation"],
            "model.name": self._facts.get("model.name"),
            MULTIMODAL: modality(self._facts, vocabulary),
        }
        known = [fact for fact in field.facts if said[fact] is not None]
        for facts in _subsets(known):
            values: set[int] = set()
            for model in self._standing.all_models():
                told = {**model, MULTIMODAL: modality(model, vocabulary)}
                if all(told.get(fact) == said[fact] for fact in facts):
                    values |= self._landscape.model_values(model)
            yield facts, frozenset(values)

    def _of_applicant(self, field: Field) -> Iterator[tuple[tuple[str, ...], Values]]:
        [here] = self._standing.here(1, presumes_users=False)
        said = field.values[here]
        known = [fact for fact in field.facts if fact == "entity.kind" or self._has_value(fact)]
        for facts in _subsets(known):
            yield (
                facts,
                frozenset(
                    value
                    for value, other in enumerate(field.values)
                    if all(other[fact] == said[fact] for fact in facts)
                ),
            )


def _subsets(facts: list[str]) -> Iterator[tuple[str, ...]]:
    return chain.from_iterable(combinations(facts, size) for size in range(1, len(facts) + 1))
