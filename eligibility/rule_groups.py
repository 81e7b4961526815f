"""What the rule engine fired, remembered for groups of rules that read nothing in common.

A rule matches on nothing but what it reads. So the rules of a level fall into groups, of which each fires by
what its own rules read, whatever the others see. There are few ways in which that can be, and where much is
decided the engine has soon been asked about them all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from eligibility.compiler import Alternative, Key, Level
from eligibility.errors import EngineFailure

FIRED: Final = 16_384
"""States of groups that are remembered, at some 100 bytes each."""


class Groups:
    """The groups of a level's alternatives. The *state* of a group is which of the things it reads hold.

    It is an `int`, with a bit for each of these things.
    """

    def __init__(self, level: Level) -> None:
        """Put alternatives into one group where they read something in common, by others between them too."""
        members: list[tuple[set[Key], list[Alternative]]] = []
        for _, alternative in level.alternatives:
            read, together = {key for key, _ in alternative.literals}, [alternative]
            apart = []
            for keys, others in members:
                if read.isdisjoint(keys):
                    apart.append((keys, others))
                else:
                    read, together = read | keys, others + together
            members = [*apart, (read, together)]
        self._nothing = [0] * len(members)
        self._bits = {
            key: (group, 1 << bit) for group, (keys, _) in enumerate(members) for bit, key in enumerate(keys)
        }
        self.of = {alternative: group for group, (_, within) in enumerate(members) for alternative in within}
        """The group of each alternative."""

    def __len__(self) -> int:
        """How many there are."""
        return len(self._nothing)

    def states(self, holding: Iterable[Key]) -> list[int]:
        """The state of each group where these hold."""
        states = self._nothing.copy()
        for key in holding:
            at = self._bits.get(key)
            if at is not None:
                group, bit = at
                states[group] |= bit
        return states


class Fired:
    """What groups fired in their states. Belongs to one thread."""

    def __init__(self, most: int = FIRED) -> None:
        """Remember so many states; when there are more, begin anew."""
        self._most = most
        self._count = 0
        self._known: dict[Groups, list[dict[int, tuple[Alternative, ...]]]] = {}

    def get(self, groups: Groups, states: Sequence[int]) -> list[Alternative] | None:
        """What a level fires where its groups are in these states; None where that is not known of each."""
        known = self._known.get(groups)
        if known is None:
            return None
        found: list[Alternative] = []
        for fired, state in zip(known, states, strict=True):
            ways = fired.get(state)
            if ways is None:
                return None
            if ways:
                found += ways
        return found

    def learn(self, groups: Groups, states: Sequence[int], fired: Iterable[Alternative]) -> None:
        """Remember what a level fired in these states.

        Raises EngineFailure where a group fired otherwise in the same state before: then the engine fires by
        more than its rules read, and nothing that it says can be relied on.
        """
        if self._count > self._most:
            self._known.clear()
            self._count = 0
        known = self._known.setdefault(groups, [{} for _ in states])
        parts: list[list[Alternative]] = [[] for _ in states]
        for alternative in fired:
            parts[groups.of[alternative]].append(alternative)
        for before, state, part in zip(known, states, parts, strict=True):
            if state not in before:
                before[state] = tuple(part)
                self._count += 1
            elif set(before[state]) != set(part):
                raise EngineFailure("the rule engine fired rules otherwise than before, for the same facts")
