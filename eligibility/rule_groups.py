"""What the rule engine fired, remembered for groups of rules that read little.

A rule matches on nothing but what it reads. So what a group of rules fires follows from what its own rules
read, whatever the others see. There are few ways in which that can be, and where much is decided the engine
has soon been asked about them all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce
from operator import or_
from typing import Final

from eligibility.compiler import Alternative, Key, Level
from eligibility.errors import EngineFailure

FIRED: Final = 16_384
"""States of groups that are remembered, at some 100 bytes each."""

MOST_READ: Final = 6
"""Things that the rules of a group read, unless one of them reads more by itself."""


def bits_of(levels: Iterable[Level]) -> dict[Key, int]:
    """An `int` with one bit for each thing that the alternatives of some levels read."""
    keys = dict.fromkeys(key for level in levels for key, _, _ in level.properties)
    return {key: 1 << place for place, key in enumerate(keys)}


class Groups:
    """The groups of a level's alternatives. The *state* of a group is which of the things it reads hold.

    It is an `int`: of all that holds, the bits of these things.
    """

    def __init__(self, level: Level, bits: Mapping[Key, int]) -> None:
        """Put each alternative into the first group that reads few things with it."""
        members: list[tuple[int, list[Alternative]]] = []
        for _, alternative in level.alternatives:
            read = _union(bits[key] for key, _ in alternative.literals)
            for place, (mask, within) in enumerate(members):
                if (read | mask).bit_count() <= MOST_READ:
                    members[place] = (read | mask, [*within, alternative])
                    break
            else:
                members.append((read, [alternative]))
        self.masks = tuple(mask for mask, _ in members)
        """The bits of what each group reads."""
        self.of = {alternative: group for group, (_, within) in enumerate(members) for alternative in within}
        """The group of each alternative."""


class Fired:
    """What groups fired in their states. Belongs to one thread."""

    def __init__(self, most: int = FIRED) -> None:
        """Remember so many states; when there are more, begin anew."""
        self._most = most
        self._count = 0
        self._known: dict[Groups, list[tuple[int, dict[int, tuple[Alternative, ...]]]]] = {}

    def get(self, groups: Groups, holding: int) -> list[Alternative] | None:
        """What a level fires where these bits hold; None where that is not known of each group."""
        found: list[Alternative] = []
        for mask, fired in self._known.get(groups, _NOTHING):
            ways = fired.get(holding & mask)
            if ways is None:
                return None
            if ways:
                found += ways
        return found

    def learn(self, groups: Groups, holding: int, fired: Iterable[Alternative]) -> None:
        """Remember what a level fired where these bits hold.

        Raises EngineFailure where a group fired otherwise in the same state before: then the engine fires by
        more than its rules read, and nothing that it says can be relied on.
        """
        if self._count > self._most:
            self._known.clear()
            self._count = 0
        known = self._known.setdefault(groups, [(mask, {}) for mask in groups.masks])
        parts: list[list[Alternative]] = [[] for _ in known]
        for alternative in fired:
            parts[groups.of[alternative]].append(alternative)
        for (mask, before), part in zip(known, parts, strict=True):
            state = holding & mask
            if state not in before:
                before[state] = tuple(part)
                self._count += 1
            elif set(before[state]) != set(part):
                raise EngineFailure("the rule engine fired rules otherwise than before, for the same facts")


_NOTHING: Final[list[tuple[int, dict[int, tuple[Alternative, ...]]]]] = [(0, {})]
"""What is known of a level about which nothing was learnt."""


def _union(bits: Iterable[int]) -> int:
    return reduce(or_, bits, 0)
