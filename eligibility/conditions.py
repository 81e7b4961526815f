"""Conditions of rules: the grammar of `when`, as frozen data.

A condition asks *atoms* (yes/no questions about one fact), names derived facts or findings, and combines
them. Everything that evaluates rules works on these few types and on nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache


@dataclass(frozen=True, eq=False)
class Atom:
    """A yes/no question about the value of one fact. Made by `atom`, so that equal ones are the same object.

    `argument` is the text, number, boolean or tuple that the test compares with. For `some`, the question
    about a list of affiliates, it is a tuple of the atoms that one and the same affiliate must satisfy.
    """

    fact: str
    test: str
    argument: object

    @cached_property
    def id(self) -> str:
        """The atom as it is written into evaluations: stable, readable, unique within a ruleset."""
        return f"{self.fact} {self.phrase}"

    @property
    def parts(self) -> tuple[Atom, ...]:
        """Of `some`: the atoms that one affiliate must satisfy."""
        parts: tuple[Atom, ...] = self.argument  # type: ignore[assignment]  # parsing makes it a tuple of atoms
        return parts

    @cached_property
    def phrase(self) -> str:
        """The question without the fact it is about."""
        return f"{self.test} {_argument_text(self.argument)}"


@lru_cache(maxsize=None, typed=True)
def atom(fact: str, test: str, argument: object) -> Atom:
    """The atom that asks this: always the same object, so that looking it up costs next to nothing."""
    return Atom(fact, test, argument)


def _argument_text(argument: object) -> str:
    if isinstance(argument, tuple):
        if argument and isinstance(argument[0], Atom):
            return " and ".join(part.id for part in argument)
        return "|".join(str(item) for item in argument)
    if isinstance(argument, bool):
        return "true" if argument else "false"
    return str(argument)


@dataclass(frozen=True)
class Ask:
    """An atom is true."""

    atom: Atom


@dataclass(frozen=True)
class Holds:
    """A derived fact or a finding, by its name, was concluded."""

    name: str


@dataclass(frozen=True)
class Effect:
    """Some finding was made that has this effect."""

    effect: str


@dataclass(frozen=True)
class Not:
    """The part does not hold; what it names must be settled by then."""

    part: Condition


@dataclass(frozen=True)
class All:
    """Every part holds; without parts: always."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Any:
    """At least one part holds."""

    parts: tuple[Condition, ...]


Condition = Ask | Holds | Effect | Not | All | Any


def leaves(condition: Condition) -> Iterator[Ask | Holds | Effect]:
    """Every question and name in a condition, in the order in which they are written."""
    match condition:
        case Not(part):
            yield from leaves(part)
        case All(parts) | Any(parts):
            for part in parts:
                yield from leaves(part)
        case leaf:
            yield leaf


def atoms_of(condition: Condition) -> Iterator[Atom]:
    """Every atom that a condition asks, in the order in which they are written."""
    return (leaf.atom for leaf in leaves(condition) if isinstance(leaf, Ask))
