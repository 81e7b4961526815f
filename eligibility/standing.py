"""Where a request stands in a landscape: of each field the values it may have, and the moves to others.

A move gives facts other values, or gives a fact that was unknown one. Taking a fact back is no move.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import accumulate, product
from typing import Any as Anything

from eligibility.atoms import (
    COUNTRY_MEMBER,
    INVOLVED_MEMBER,
    NEVER_UNKNOWN,
    USERS,
)
from eligibility.domains import AFFILIATES, FACTS, MEMBER, NATURAL_PERSONS
from eligibility.fields import (
    ABSENT,
    APPLICANT,
    MODEL,
    Answers,
    Field,
    adds,
    all_codes,
    answers_to,
    nothing,
    possible_affiliates,
    together,
)
from eligibility.landscape import Landscape
from eligibility.scalars import MOST_ENTRIES

Values = frozenset[int]
"""Places of values among those of a field: those that the field may have."""

_MEMBERS = (COUNTRY_MEMBER.removeprefix(MEMBER), INVOLVED_MEMBER.removeprefix(MEMBER))
"""The members of an affiliate that rules ask about."""

Change = tuple[str, Anything]
"""A fact and the value that it gets."""


@dataclass(frozen=True)
class Move:
    """Facts that get other values, and the values that their field may have then."""

    changes: tuple[Change, ...]
    values: Values


class Standing:
    """A request's place in the landscape of its ruleset."""

    def __init__(self, landscape: Landscape, facts: Mapping[str, Anything], *, kind_may_change: bool) -> None:
        """Find where a request with these facts stands; `kind_may_change`: moves may change `entity.kind`."""
        self.landscape = landscape
        self.facts = facts
        self._kind_may_change = kind_may_change
        self._programs = landscape.programs
        self._known_to_add: dict[tuple[Change, ...], frozenset[Answers]] = {}
        self._here: dict[tuple[int, bool], Values] = {}
        self._moves: dict[tuple[int, bool], tuple[Move, ...]] = {}

    def presumes_users(self, applicant: int) -> bool:
        """Whether an applicant of this sort is presumed to have few users where no number is given."""
        kind, behalf = (self.landscape.fields[1].values[applicant][name] for name in APPLICANT)
        return kind in NATURAL_PERSONS and behalf == "self"

    def here(self, place: int, *, presumes_users: bool) -> Values:
        """The values that a field may have as the request is; more than one where it is unknown."""
        key = (place, presumes_users)
        if key not in self._here:
            self._here[key] = self._find_here(self.landscape.fields[place], presumes_users=presumes_users)
        return self._here[key]

    def codes(self, place: int) -> tuple[bool, ...] | None:
        """Of a field that is a list of codes: which of them it names; None where it is unknown."""
        field = self.landscape.fields[place]
        given = self.facts.get(field.name)
        return None if given is None else tuple(code in given for code in field.codes)

    def moves(self, place: int, *, presumes_users: bool) -> tuple[Move, ...]:
        """The moves of a field with one variable to other values than it has."""
        key = (place, presumes_users)
        if key not in self._moves:
            here = self.here(place, presumes_users=presumes_users)
            found = self._find_moves(place, here)
            self._moves[key] = tuple(move for move in found if move.values != here)
        return self._moves[key]

    def _find_here(self, field: Field, *, presumes_users: bool) -> Values:
        if field.facts == MODEL:
            return self.landscape.model_values(self.facts)
        if field.facts == APPLICANT:
            return frozenset({self._applicant(self.facts["entity.kind"], self._behalf())})
        if field.name == AFFILIATES:
            return self._all_of(field, self._add_up(self._contributions()))
        return self._of(field, self._value(field.name, presumes_users=presumes_users))

    def _value(self, fact: str, *, presumes_users: bool) -> Anything:
        """The value of a fact, given or presumed; ABSENT where it is left out for good, None if unknown."""
        given = self.facts.get(fact)
        if given is not None:
            return given
        if fact == USERS:
            return 0 if presumes_users else None
        presumed = self._programs[0].ruleset.presumed.get(fact, ABSENT if fact in NEVER_UNKNOWN else None)
        return tuple(presumed) if isinstance(presumed, list) else presumed

    def _of(self, field: Field, value: Anything) -> Values:
        if value is None:
            return frozenset(range(len(field.values)))
        return self._all_of(field, [answers_to(field.name, value, self._programs)])

    def _all_of(self, field: Field, answers: Iterable[Answers]) -> Values:
        return frozenset(map(field.answers.index, answers))

    def _behalf(self) -> str:
        return str(self.facts.get("use.on_behalf_of", "self"))

    def _applicant(self, kind: str, behalf: str) -> int:
        return self.landscape.fields[1].values.index(dict(zip(APPLICANT, (kind, behalf), strict=True)))

    def _find_moves(self, place: int, here: Values) -> Iterator[Move]:
        field = self.landscape.fields[place]
        if field.facts == MODEL:
            yield from self._model_moves()
        elif field.facts == APPLICANT:
            yield from self._applicant_moves()
        elif field.name == AFFILIATES:
            yield from self._affiliate_moves(field)
        else:
            for fact, value, became in self._other_values(field):
                if here != {value}:
                    yield Move(((fact, became),), frozenset({value}))

    def _other_values(self, field: Field) -> Iterator[tuple[str, int, Anything]]:
        """What a fact can be given: each code, and of other values one of each sort."""
        fact = field.name
        if FACTS[fact].kind == "code":
            for code in all_codes(fact, self._programs):
                yield fact, field.answers.index(answers_to(fact, code, self._programs)), code
            return
        for value, facts in enumerate(field.values):
            if facts[fact] is not ABSENT:
                yield fact, value, self._near(field, value)

    def _near(self, field: Field, value: int) -> Anything:
        """A value as a caller can send it; of a list, one that keeps what need not go."""
        became = field.values[value][field.name]
        if not isinstance(became, tuple):
            return became
        wanted, fact = field.answers[value], field.name
        given = self.facts.get(fact, ())
        kept = [
            entry for entry in given if together(answers_to(fact, (entry,), self._programs), wanted) == wanted
        ]
        enough = answers_to(fact, tuple(kept), self._programs) == wanted
        return kept if enough else sorted({*_with_room(kept, became)})

    def _model_moves(self) -> Iterator[Move]:
        """Other models: of a generation that is named, with a name of each sort, with a modality stated."""
        given = {fact: self.facts.get(fact) for fact in MODEL}
        seen: set[tuple[object, ...]] = set()
        for facts in self.all_models():
            told = {fact: given[fact] if facts.get(fact) is None else facts[fact] for fact in MODEL}
            known = {fact: value for fact, value in told.items() if value is not None}
            changes = tuple((fact, value) for fact, value in known.items() if value != given[fact])
            values = self.landscape.model_values(known)
            key = (values, tuple(fact for fact, _ in changes))
            if values and changes and key not in seen:
                seen.add(key)
                yield Move(changes, values)

    def all_models(self) -> Iterator[dict[str, Anything]]:
        """Everything that can be said about the model, with the name that was given among the names."""
        yield from self.landscape.models
        name = self.facts.get("model.name")
        if name is not None:
            for facts in self.landscape.models:
                yield {**facts, "model.name": name}

    def _applicant_moves(self) -> Iterator[Move]:
        kind, behalf = self.facts["entity.kind"], self._behalf()
        for value, facts in enumerate(self.landscape.fields[1].values):
            other = facts["entity.kind"]
            if other == kind or self._kind_may_change:
                changes = [("entity.kind", other)] if other != kind else []
                if facts["use.on_behalf_of"] != behalf:
                    changes.append(("use.on_behalf_of", facts["use.on_behalf_of"]))
                if changes:
                    yield Move(tuple(changes), frozenset({value}))

    def _contributions(self) -> list[frozenset[Answers]]:
        """What each affiliate may add, over all values that its unknown members could have."""
        return [self._may_add(affiliate) for affiliate in self.facts.get(AFFILIATES, ())]

    def _may_add(self, affiliate: Mapping[str, Anything]) -> frozenset[Answers]:
        known = {name: affiliate[name] for name in _MEMBERS if name in affiliate}
        key = tuple(known.items())
        if key not in self._known_to_add:
            others = possible_affiliates(self._programs)
            self._known_to_add[key] = frozenset(adds({**other, **known}, self._programs) for other in others)
        return self._known_to_add[key]

    def _add_up(self, parts: Sequence[frozenset[Answers]]) -> frozenset[Answers]:
        start = frozenset({nothing(self._programs)})
        return reduce(_unions, parts, start)

    def _affiliate_moves(self, field: Field) -> Iterator[Move]:
        """One member of an affiliate otherwise; or the list, with affiliates dropped or one added."""
        affiliates: Sequence[Mapping[str, Anything]] = self.facts.get(AFFILIATES, ())
        parts = self._contributions()
        start = frozenset({nothing(self._programs)})
        before = list(accumulate(parts, _unions, initial=start))
        after = list(accumulate(reversed(parts), _unions, initial=start))[::-1]
        for index, affiliate in enumerate(affiliates):
            others = _unions(before[index], after[index + 1])
            for member, value in self._other_members(affiliate):
                added = self._may_add({**affiliate, member: value})
                if added != parts[index]:
                    path = f"{AFFILIATES}[{index}].{member}"
                    yield Move(((path, value),), self._all_of(field, _unions(others, added)))
        for wanted, facts in zip(field.answers, field.values, strict=True):
            kept = [affiliates[index] for index in self._kept(parts, wanted)]
            enough = self._add_up([self._may_add(affiliate) for affiliate in kept]) == {wanted}
            listed = kept if enough else _with_room(kept, facts[AFFILIATES])
            yield Move(((AFFILIATES, listed),), self._all_of(field, [wanted]))
        for other in possible_affiliates(self._programs) if len(affiliates) < MOST_ENTRIES else ():
            came = _unions(before[-1], frozenset({adds(other, self._programs)}))
            yield Move(((AFFILIATES, [*affiliates, other]),), self._all_of(field, came))

    def _kept(self, parts: Sequence[frozenset[Answers]], wanted: Answers) -> tuple[int, ...]:
        """The affiliates that add nothing but what is wanted, whatever of them is unknown."""
        return tuple(
            index for index, part in enumerate(parts) if all(together(one, wanted) == wanted for one in part)
        )

    def _other_members(self, affiliate: Mapping[str, Anything]) -> Iterator[tuple[str, Anything]]:
        for member in _MEMBERS:
            values = dict.fromkeys(other[member] for other in possible_affiliates(self._programs))
            yield from ((member, value) for value in values if value != affiliate.get(member))


def _with_room(kept: Sequence[Anything], added: Sequence[Anything]) -> list[Anything]:
    """Entries with others added, of which a list holds only so many."""
    return [*kept[: MOST_ENTRIES - len(added)], *added]


def _unions(left: frozenset[Answers], right: frozenset[Answers]) -> frozenset[Answers]:
    return frozenset(together(one, other) for one, other in product(left, right))
