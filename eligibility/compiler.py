"""From the rules of a generation to definitions for the rule engine, as plain dicts.

Everything that crosses into the engine is a property with the value true. Each level of rules has a fact of
its own, with one property for every literal of the level's conditions that holds (absence is a property
too, since a level negates only what is settled), so the engine looks only at rules that could fire. A
condition with alternatives becomes one engine rule for each; a prohibition under review becomes two, one
for each effect.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count, product
from typing import Any as Anything

from eligibility.conditions import All, Any, Ask, Atom, Condition, Effect, Holds, Not
from eligibility.ruleset import Conclusion, Program, Rule
from eligibility.semantics import CASE_BY_CASE

Key = Atom | str
"""What can hold: an atom, the name of a derived fact or finding, or `effect …`."""
Literal = tuple[Key, bool]

NOT = "not "
WIDEST = 200
"""Literals of one engine fact; the engine refuses facts of more than 255 properties."""

MOST_MATCHING = 60
"""Alternatives asked of one engine fact; the engine refuses a fact that more than 64 rules match."""


@dataclass(frozen=True, eq=False)
class Alternative:
    """One way for a rule to fire: all these literals hold.

    The literals are in the order of their texts. `effect` and `reason` are those of the finding made, `place`
    is the place among all alternatives of the program, in the order of the rules.
    """

    rule: Rule
    literals: tuple[Literal, ...]
    effect: str | None
    reason: str | None
    place: int = 0

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """The literals as evaluations write them."""
        return tuple(map(literal_text, self.literals))

    @cached_property
    def concludes(self) -> tuple[str, Anything]:
        """The kind of the conclusion, and what is concluded: a name, or the finding as it is made."""
        then = self.rule.then
        if then.kind == "finding":
            return then.kind, (then.name, self.effect or "", self.reason)
        return then.kind, then.name

    @cached_property
    def settles(self) -> tuple[str, ...]:
        """What the conclusion makes known to the levels that follow."""
        then = self.rule.then
        names = (then.name,) if then.kind in {"derive", "finding"} else ()
        return names if self.effect is None else (*names, f"effect {self.effect}")

    @cached_property
    def absent(self) -> tuple[str, ...]:
        """The names that must not hold."""
        return absent_names(self.literals)


@dataclass(frozen=True)
class Level:
    """Alternatives that the engine matches against one fact, and the fact's possible properties."""

    alternatives: tuple[tuple[str, Alternative], ...]
    properties: tuple[tuple[Key, bool, str], ...]
    marker: str


@dataclass(frozen=True)
class Compiled:
    """The definition for the engine and what its rule names stand for."""

    levels: tuple[Level, ...]
    definition: Mapping[str, Anything]
    failures: Mapping[str, tuple[tuple[Literal, str], ...]]
    """For each thing that can be concluded, what could stand in the way: every literal of its alternatives,
    turned round, with its text, in the order of the texts."""


def compile_program(program: Program) -> Compiled:
    """Compile the rules of one generation."""
    levels: list[Level] = []
    places = count()
    for rules in program.levels:
        alternatives = [
            replace(alternative, place=next(places))
            for rule in rules
            for alternative in alternatives_of(rule)
        ]
        for part in _parts(alternatives):
            levels.append(_level(len(levels), part))
    definition: dict[str, Anything] = {}
    for level in levels:
        definition.update(_definition(level))
    failures: dict[str, set[Literal]] = {}
    for level in levels:
        for _, alternative in level.alternatives:
            turned = ((key, not holds) for key, holds in alternative.literals)
            failures.setdefault(alternative.rule.then.name, set()).update(turned)
    return Compiled(
        tuple(levels),
        definition,
        {
            name: tuple((literal, literal_text(literal)) for literal in _in_order(found))
            for name, found in failures.items()
        },
    )


def alternatives_of(rule: Rule) -> list[Alternative]:
    """The ways in which a rule can fire, with the effect that its finding then has."""
    ways = dict.fromkeys(_ways(rule.when, holds=True))
    then: Conclusion = rule.then
    if then.review is None:
        return [Alternative(rule, _in_order(way), then.effect, then.reason) for way in ways]
    found = []
    for way in ways:
        for literal, effect, reason in (
            ((then.review, True), "contact", CASE_BY_CASE),
            ((then.review, False), then.effect, then.reason),
        ):
            together = _together(way, frozenset({literal}))
            if together is not None:
                found.append(Alternative(rule, _in_order(together), effect, reason))
    return found


def _ways(condition: Condition, *, holds: bool) -> list[frozenset[Literal]]:
    """The alternatives, each a set of literals, under which a condition holds (or fails)."""
    match condition:
        case Ask(atom):
            return [frozenset({(atom, holds)})]
        case Holds(name):
            return [frozenset({(name, holds)})]
        case Effect(effect):
            return [frozenset({(f"effect {effect}", holds)})]
        case Not(part):
            return _ways(part, holds=not holds)
        case All(parts) | Any(parts):
            each = [_ways(part, holds=holds) for part in parts]
            if isinstance(condition, All) is holds:
                return [way for choice in product(*each) if (way := _together(*choice)) is not None]
            return [way for ways in each for way in ways]


def _together(*ways: frozenset[Literal]) -> frozenset[Literal] | None:
    """All literals at once; None where they contradict each other."""
    union = frozenset().union(*ways) if ways else frozenset()
    return None if any((key, not holds) in union for key, holds in union) else union


def _parts(alternatives: Sequence[Alternative]) -> list[list[Alternative]]:
    """The alternatives of one level, in as few portions as the engine's limits allow."""
    parts: list[list[Alternative]] = []
    width: set[Literal] = set()
    for alternative in alternatives:
        too_wide = len(width.union(alternative.literals)) > WIDEST
        if not parts or too_wide or len(parts[-1]) == MOST_MATCHING:
            parts.append([])
            width = set()
        width.update(alternative.literals)
        parts[-1].append(alternative)
    return parts


def _level(number: int, alternatives: Sequence[Alternative]) -> Level:
    literals = dict.fromkeys(literal for alternative in alternatives for literal in alternative.literals)
    properties = tuple(
        (key, holds, f"{'h' if holds else 'n'}{number}_{place}")
        for place, (key, holds) in enumerate(literals)
    )
    named = tuple((f"r{number}_{place}", alternative) for place, alternative in enumerate(alternatives))
    return Level(named, properties, f"level{number}")


def _in_order(literals: AbstractSet[Literal]) -> tuple[Literal, ...]:
    return tuple(sorted(literals, key=literal_text))


def absent_names(literals: Iterable[Literal]) -> tuple[str, ...]:
    """The derived facts and findings among literals that must not hold."""
    return tuple(key for key, holds in literals if not holds and isinstance(key, str))


def literal_text(literal: Literal) -> str:
    """A literal as evaluations write it: the id of an atom or a name, after `not ` where it must not hold."""
    key, holds = literal
    text = key.id if isinstance(key, Atom) else key
    return text if holds else NOT + text


def _definition(level: Level) -> dict[str, Anything]:
    """The engine's rules for one level: every fact is handled by a catch-all, whatever else fires."""
    names = {(key, holds): name for key, holds, name in level.properties}
    rules: dict[str, Anything] = {f"{level.marker}_seen": {"all": [{"m": {level.marker: True}}]}}
    for name, alternative in level.alternatives:
        tests = [
            {level.marker: True},
            *({names[literal]: True} for literal in alternative.literals),
        ]
        rules[name] = {"all": [{"m": {"$and": tests} if len(tests) > 1 else tests[0]}]}
    return rules
