"""The smallest changes of facts after which functions of a landscape have other values.

Functions are walked field by field. A field that stays as it is may be unknown: then what is left of a
function has to hold for each value that it may have. The search is exact: for every place that can be reached
it works out how many facts have to change from there, and then follows all of the cheapest ways.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any as Anything
from typing import NamedTuple

from eligibility.diagram import FALSE, TRUE
from eligibility.fields import Field
from eligibility.standing import Change, Standing, Values

MOST_STEPS = 100_000
"""Moves that one search looks at; requests made in good faith take a fraction."""

_SOON = 4
"""So many facts are tried before a search looks whether any number of them will do."""

_MORE_FACTS = 3
"""A field with several facts may change more than one of them."""

Functions = tuple[int, ...]
"""What is left of the functions that are walked; at the end of a way each is FALSE or TRUE."""

Changes = tuple[Change, ...]


class TooLong(Exception):
    """The search was given up after MOST_STEPS moves."""


class _At(NamedTuple):
    """A point of the walk: the next field, what is left, whether few users are presumed of the applicant."""

    place: int
    left: Functions
    presumes_users: bool


@dataclass(frozen=True)
class _Step:
    """One way through a field: where it leads, how many facts it changes, and the changes that lead there."""

    to: _At
    cost: int
    changes: tuple[Changes, ...]


class Search:
    """The cheapest ways from where a request stands to values of some functions."""

    def __init__(self, standing: Standing, functions: Functions) -> None:
        """Search from here, for these functions."""
        self._standing = standing
        self._landscape = standing.landscape
        self._space = standing.landscape.space
        self._start = _At(0, functions, presumes_users=False)
        self._within: dict[tuple[_At, int], frozenset[Functions]] = {}
        self._stays: dict[_At, _At] = {}
        self._moves: dict[_At, list[_Step]] = {}
        self._looked_at = 0

    def least(self, goals: Sequence[Functions]) -> int | None:
        """How many facts have to change until one of some goals is reached; None if it never is.

        Raises:
            TooLong: the search was given up.
        """
        most = len(self._landscape.fields) + _MORE_FACTS
        for budget in range(most):
            if budget == _SOON and self._reach(self._start, most).isdisjoint(goals):
                return None
            if not self._reach(self._start, budget).isdisjoint(goals):
                return budget
        return None

    def ways(self, goal: Functions, cost: int) -> Iterator[tuple[tuple[Changes, ...], ...]]:
        """The ways to a goal that change so many facts: for each field, the changes to choose from."""
        return self._follow(self._start, goal, cost)

    def _reach(self, at: _At, budget: int) -> frozenset[Functions]:
        """The values of the functions that can be reached by changing so many facts, or fewer."""
        if all(function in {FALSE, TRUE} for function in at.left):
            return frozenset({at.left})
        budget = min(budget, len(self._landscape.fields) - at.place + _MORE_FACTS)
        if (at, budget) not in self._within:
            found = self._reach(self._stay(at), budget)
            for step in self._moves_from(at) if budget else ():
                if step.cost <= budget:
                    found |= self._reach(step.to, budget - step.cost)
            self._within[at, budget] = found
        return self._within[at, budget]

    def _follow(self, at: _At, goal: Functions, cost: int) -> Iterator[tuple[tuple[Changes, ...], ...]]:
        if goal not in self._reach(at, cost):
            return
        if cost == 0:
            yield ()
            return
        yield from self._follow(self._stay(at), goal, cost)
        for step in self._moves_from(at):
            if step.cost <= cost:
                rest = self._follow(step.to, goal, cost - step.cost)
                yield from ((step.changes, *way) for way in rest)

    def _stay(self, at: _At) -> _At:
        """Where it leads to leave a field as it is, known or not."""
        if at not in self._stays:
            if not self._landscape.fields[at.place].codes:
                here = self._standing.here(at.place, presumes_users=at.presumes_users)
                self._stays[at] = self._arrive(at, here)
            else:
                self._stays[at] = at._replace(place=at.place + 1, left=self._left_as_it_is(at))
        return self._stays[at]

    def _left_as_it_is(self, at: _At) -> Functions:
        named = self._standing.codes(at.place)
        if named is not None:
            return tuple(self._landscape.cofactor(at.place, function, named) for function in at.left)
        numbers = self._landscape.numbers(at.place)
        return tuple(self._space.every(function, numbers) for function in at.left)

    def _moves_from(self, at: _At) -> list[_Step]:
        if at not in self._moves:
            field = self._landscape.fields[at.place]
            found = self._to_codes(at, field) if field.codes else self._to_values(at)
            self._looked_at += sum(len(step.changes) for step in found)
            if self._looked_at > MOST_STEPS:
                raise TooLong
            self._moves[at] = found
        return self._moves[at]

    def _to_values(self, at: _At) -> list[_Step]:
        """Every move to somewhere else; moves of the same facts that lead to the same are one step."""
        stay = self._stay(at)
        found: dict[tuple[_At, tuple[str, ...]], list[Changes]] = {}
        for move in self._standing.moves(at.place, presumes_users=at.presumes_users):
            to = self._arrive(at, move.values)
            if to != stay:
                facts = tuple(fact for fact, _ in move.changes)
                found.setdefault((to, facts), []).append(move.changes)
        return [_Step(to, len(facts), tuple(changes)) for (to, facts), changes in found.items()]

    def _arrive(self, at: _At, values: Values) -> _At:
        """What is left where a field has one of some values, whichever it is."""
        variable = self._landscape.first[at.place]
        left = []
        for function in at.left:
            branches = self._space.branches(function, variable)
            result = TRUE
            for value in values:
                result = self._space.both(result, branches[value])
            left.append(result)
        presumes = at.presumes_users
        if at.place == 1:
            [applicant] = values
            presumes = self._standing.presumes_users(applicant)
        return _At(at.place + 1, tuple(left), presumes)

    def _to_codes(self, at: _At, field: Field) -> list[_Step]:
        """To everything that another list leads to, by the lists that differ least."""
        lists = _Lists(self._landscape, at.place, self._standing.codes(at.place))
        stay = self._stay(at)
        steps = []
        for left, choices in lists.nearest(at.left).items():
            to = at._replace(place=at.place + 1, left=left)
            if to != stay:
                changes = tuple(((field.name, self._listed(field, codes)),) for codes in choices)
                steps.append(_Step(to, 1, changes))
        return steps

    def _listed(self, field: Field, named: Sequence[bool]) -> list[str]:
        """The list that names these of the noticed codes, and of the others those that it named before."""
        given: Sequence[str] = self._standing.facts.get(field.name, ())
        codes = {code for code, is_named in zip(field.codes, named, strict=True) if is_named}
        codes.update(code for code in given if code not in field.codes)
        return sorted(codes or {field.spare or field.codes[-1]})


class _Lists:
    """The lists of codes that a field may have, as ways through the variables of its codes."""

    def __init__(self, landscape: Anything, place: int, named: tuple[bool, ...] | None) -> None:
        field = landscape.fields[place]
        self._space = landscape.space
        self._named = named or (False,) * len(field.codes)
        self.numbers = range(landscape.first[place], landscape.first[place] + len(field.codes))

    def nearest(self, left: Functions) -> dict[Functions, tuple[tuple[bool, ...], ...]]:
        """For everything that can be left: the lists that lead there and differ in fewest codes."""
        return {end: tuple(lists) for end, (_, lists) in self._nearest(left, 0, {}).items()}

    def _nearest(
        self,
        left: Functions,
        index: int,
        known: dict[tuple[Functions, int], dict[Functions, tuple[int, list[tuple[bool, ...]]]]],
    ) -> dict[Functions, tuple[int, list[tuple[bool, ...]]]]:
        if index == len(self.numbers):
            return {left: (0, [()])}
        if (left, index) not in known:
            found: dict[Functions, tuple[int, list[tuple[bool, ...]]]] = {}
            as_it_is = self._after(left, index, named=self._named[index])
            for value in (self._named[index], not self._named[index]):
                to = self._after(left, index, named=value)
                if to == as_it_is and value != self._named[index]:
                    continue  # the code makes no difference here
                for end, (further, lists) in self._nearest(to, index + 1, known).items():
                    cost = further + (value != self._named[index])
                    least, chosen = found.setdefault(end, (cost, []))
                    if cost < least:
                        found[end] = (cost, chosen := [])
                    if cost <= least:
                        chosen.extend((value, *rest) for rest in lists)
            known[left, index] = found
        return known[left, index]

    def _after(self, left: Functions, index: int, *, named: bool) -> Functions:
        number = self.numbers[index]
        return tuple(self._space.branches(function, number)[named] for function in left)
