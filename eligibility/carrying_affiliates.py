"""Affiliates, carried over to another ruleset: recorded are only those that could have a bearing."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, combinations, product
from typing import Any as Anything

from eligibility.atoms import COUNTRY_MEMBER, INVOLVED_MEMBER, Pair, Questions
from eligibility.codes import COUNTRIES
from eligibility.domains import FACTS, MEMBER
from eligibility.fields import known_first


class Affiliates:
    """Every sort of affiliate, as two rulesets see it."""

    def __init__(self, old: Questions, new: Questions) -> None:
        """Read each under both."""
        self._pairs: dict[Pair, set[Pair | None]] = {}
        self._has_hidden = False
        for affiliate in _affiliates(old, new):
            before, after = old.pair(affiliate), new.pair(affiliate)
            matters = new.can_matter(after)
            if old.can_matter(before):
                self._pairs.setdefault(before, set()).add(after if matters else None)
            elif matters:
                self._has_hidden = True

    def carried(self, pairs: tuple[Pair, ...]) -> tuple[Pair, ...] | None:
        """The pairs under the other ruleset; None where the recorded ones do not say.

        An affiliate that had no bearing was not recorded: where one could have a bearing now, nobody knows.
        """
        found = [self._pairs.get(pair, set()) for pair in pairs]
        if self._has_hidden or any(len(each) != 1 for each in found):
            return None
        return tuple(sorted({pair for each in found for pair in each if pair is not None}))


def _affiliates(old: Questions, new: Questions) -> Iterator[dict[str, Anything]]:
    """Affiliates of every sort that either ruleset tells apart, their members given or not."""
    countries: dict[tuple[int, int], str] = {}
    for country in known_first(COUNTRIES):
        countries.setdefault((old.country.read(country), new.country.read(country)), country)
    codes = FACTS[INVOLVED_MEMBER].values
    lists = chain.from_iterable(combinations(codes, size) for size in range(len(codes) + 1))
    listed: tuple[tuple[str, ...] | None, ...] = (None, *lists)
    for involved, place in product(listed, (None, *countries.values())):
        members: dict[str, Anything] = {COUNTRY_MEMBER: place, INVOLVED_MEMBER: involved}
        yield {fact.removeprefix(MEMBER): value for fact, value in members.items() if value is not None}
