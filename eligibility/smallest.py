"""The smallest changes of facts after which functions of a landscape have other values.

Functions are walked field by field. A field that stays as it is may be unknown: then what is left of a
function has to hold for each value that it may have. The search is exact: for every place that can be reached
it works out how many facts have to change from there, and then follows all of the cheapest ways.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from eligibility.diagram import FALSE, TRUE
from eligibility.fields import Field
from eligibility.landscape import Landscape
from eligibility.standing import Change, Standing, Values

MOST_STEPS = 20_000
"""Steps that one search takes: about two seconds. The hardest requests that were found take a tenth."""

_SOON = 4
"""So many facts are tried before a search looks whether any number of them will do."""

_MORE_FACTS = 3
"""A field with several facts may change more than one of them."""

Functions = tuple[int, ...]
"""What is left of the functions that are walked; at the end of a way each is FALSE or TRUE."""

Changes = tuple[Change, ...]


class TooLong(Exception):
    """The search was given up after MOST_STEPS."""


class _At(NamedTuple):
    """A point of the walk: the next field, what is left, whether few users are presumed of the applicant."""

    place: int
    left: Functions
    presumes_users: bool


@dataclass(frozen=True)
class _Step:
    """One way through a field: where it leads, how many facts it changes, and what finds the changes."""

    to: _At
    cost: int
    changes: Callable[[], tuple[Changes, ...]]


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
        self._taken = 0

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
                yield from ((step.changes(), *way) for way in rest)

    def _stay(self, at: _At) -> _At:
        """Where it leads to leave a field as it is, known or not."""
        if at not in self._stays:
            if not self._landscape.fields[at.place].codes:
                here = self._standing.here(at.place, presumes_users=at.presumes_users)
                self._stays[at] = self._arrive(at, here)
            else:
                left = self._left_as_it_is(at)
                self._stays[at] = self._next(at.place, left, presumes_users=at.presumes_users)
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
            self._taken += len(found)
            if self._taken > MOST_STEPS:
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
        return [_Step(to, len(facts), partial(tuple, changes)) for (to, facts), changes in found.items()]

    def _arrive(self, at: _At, values: Values) -> _At:
        """What is left where a field has one of some values, whichever it is."""
        variable = self._landscape.first[at.place]
        left = []
        for function in at.left:
            branches = self._space.branches(function, variable)
            left.append(self._space.all_of(branches[value] for value in values))
        presumes = at.presumes_users
        if at.place == 1:
            [applicant] = values
            presumes = self._standing.presumes_users(applicant)
        return self._next(at.place, tuple(left), presumes_users=presumes)

    def _next(self, place: int, left: Functions, *, presumes_users: bool) -> _At:
        """Behind a field; fields on which nothing depends are passed over, but for the applicant's."""
        following = max(place + 1, self._landscape.next_place(left)) if place else 1
        return _At(following, left, presumes_users)

    def _to_codes(self, at: _At, field: Field) -> list[_Step]:
        """To everything that another list leads to, by the lists that differ least."""
        lists = _Lists(self._landscape, at.place, self._standing.codes(at.place))
        stay = self._stay(at)
        steps = []
        for left in lists.ends(at.left):
            to = self._next(at.place, left, presumes_users=at.presumes_users)
            if to != stay:
                steps.append(_Step(to, 1, partial(self._lists, field, lists, at.left, left)))
        return steps

    def _lists(self, field: Field, lists: _Lists, start: Functions, end: Functions) -> tuple[Changes, ...]:
        return tuple(((field.name, self._listed(field, named)),) for named in lists.nearest(start, end))

    def _listed(self, field: Field, named: Mapping[int, bool]) -> list[str]:
        """The list as it was, but that it names these codes, by their places, or does not."""
        given: Sequence[str] = self._standing.facts.get(field.name, ())
        codes = set(given)
        for place, is_named in named.items():
            (codes.add if is_named else codes.discard)(field.codes[place])
        return sorted(codes or {field.spare or field.codes[-1]})


class _Lists:
    """The lists of codes that a field may have, as ways through the variables of its codes."""

    def __init__(self, landscape: Landscape, place: int, named: tuple[bool, ...] | None) -> None:
        self._space = landscape.space
        self._first = landscape.first[place]
        self._count = len(landscape.fields[place].codes)
        self._named = named or (False,) * self._count
        self._known: dict[Functions, Mapping[Functions, int]] = {}

    def ends(self, left: Functions) -> Mapping[Functions, int]:
        """Everything that can be left behind the list, with the fewest codes that have to differ for it."""
        place = self._place(left)
        if place >= self._count:
            return {left: 0}
        if left not in self._known:
            found: dict[Functions, int] = {}
            for value in (False, True):
                for end, further in self.ends(self._after(left, value=value)).items():
                    cost = further + (value != self._named[place])
                    found[end] = min(found.get(end, cost), cost)
            self._known[left] = found
        return self._known[left]

    def nearest(self, left: Functions, end: Functions) -> Iterator[dict[int, bool]]:
        """The lists that lead there and differ in fewest codes: by the places of codes, what differs."""
        place = self._place(left)
        if place >= self._count:
            yield {}
            return
        for value in (False, True):
            to, differs = self._after(left, value=value), value != self._named[place]
            further = self.ends(to).get(end)
            if further is not None and further + differs == self.ends(left)[end]:
                for rest in self.nearest(to, end):
                    yield {place: value, **rest} if differs else rest

    def _place(self, left: Functions) -> int:
        """The place of the first code that makes a difference."""
        return min(map(self._space.first, left)) - self._first

    def _after(self, left: Functions, *, value: bool) -> Functions:
        variable = self._place(left) + self._first
        return tuple(self._space.branches(function, variable)[value] for function in left)
