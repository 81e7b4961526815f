"""What the rules mean, in short straight Python: the second evaluator.

It works on functions of the unknown facts (`diagram.Space`), so that one reading of the rules serves both
where everything is known, when every function is simply true or false, and where it is not. The rule engine
has no part in it; that the two agree is checked on every new evaluation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from eligibility.conditions import All, Any, Ask, Atom, Condition, Effect, Holds, Not
from eligibility.diagram import FALSE, TRUE, Space
from eligibility.ruleset import Program, Rule

Key = TypeVar("Key")
Made = tuple[str, str, str | None]
"""A finding as it is made: its name, effect, and the reason if the effect is contact."""
CASE_BY_CASE = "case_by_case"


@dataclass(frozen=True)
class Verdict:
    """When rules fire and conclusions hold; what never does is left out."""

    rules: dict[str, int] = field(default_factory=dict)
    derived: dict[str, int] = field(default_factory=dict)
    findings: dict[Made, int] = field(default_factory=dict)
    obligations: dict[str, int] = field(default_factory=dict)
    licensors: dict[str, int] = field(default_factory=dict)
    outcomes: dict[str, int] = field(default_factory=dict)


class World(NamedTuple):
    """What conditions are about: the atoms, and what earlier levels settled."""

    atoms: Mapping[Atom, int]
    space: Space
    settled: dict[str, int]
    effects: dict[str, int]


Meaning = Callable[[World], int]
"""When a condition holds in a world, as a function of the unknown facts."""


class Semantics:
    """The meaning of the rules of one generation."""

    def __init__(self, program: Program) -> None:
        """Read the rules once."""
        self._rules = [(rule, _needed(rule.when), meaning(rule.when)) for rule in program.rules]

    def judge(self, atoms: Mapping[Atom, int], space: Space) -> Verdict:
        """Say of every rule when it fires, and what follows."""
        verdict, world = Verdict(), World(atoms, space, settled={}, effects={})
        for rule, needed, when in self._rules:
            if needed is not None and atoms[needed] == FALSE:
                continue
            fires = when(world)
            if fires != FALSE:
                verdict.rules[rule.id] = fires
                _conclude(rule, fires, verdict, world)
        return verdict


def _needed(condition: Condition) -> Atom | None:
    """An atom without which a condition can not hold, if there is one: most rules fail there."""
    match condition:
        case Ask(atom):
            return atom
        case All(parts):
            return next(filter(None, map(_needed, parts)), None)
    return None


def meaning(condition: Condition) -> Meaning:
    """The meaning of a condition."""
    match condition:
        case Ask(atom):
            return lambda world: world.atoms[atom]
        case Holds(name):
            return lambda world: world.settled.get(name, FALSE)
        case Effect(effect):
            return lambda world: world.effects.get(effect, FALSE)
        case Not(part):
            inner = meaning(part)
            return lambda world: world.space.negate(inner(world))
        case All((part,)) | Any((part,)):
            return meaning(part)
        case All(parts):
            return _all([meaning(part) for part in parts])
        case Any(parts):
            return _any([meaning(part) for part in parts])


def _all(parts: list[Meaning]) -> Meaning:
    def every(world: World) -> int:
        result = TRUE
        for part in parts:
            value = part(world)
            if value == FALSE:
                return FALSE
            result = value if result == TRUE else world.space.both(result, value)
        return result

    return every


def _any(parts: list[Meaning]) -> Meaning:
    def some(world: World) -> int:
        result = FALSE
        for part in parts:
            value = part(world)
            if value == TRUE:
                return TRUE
            result = value if result == FALSE else world.space.either(result, value)
        return result

    return some


def _conclude(rule: Rule, fires: int, verdict: Verdict, world: World) -> None:
    then, space = rule.then, world.space
    match then.kind:
        case "finding":
            _add(world.settled, then.name, fires, space)
            for effect, reason, made in _effects(rule, fires, world):
                _add(verdict.findings, (then.name, effect, reason), made, space)
                _add(world.effects, effect, made, space)
        case "derive":
            _add(world.settled, then.name, fires, space)
            _add(verdict.derived, then.name, fires, space)
        case "obligation":
            _add(verdict.obligations, then.name, fires, space)
        case "licensor":
            _add(verdict.licensors, then.name, fires, space)
        case "outcome":
            _add(verdict.outcomes, then.name, fires, space)


def _effects(rule: Rule, fires: int, world: World) -> list[tuple[str, str | None, int]]:
    """The effects a finding can have: a prohibition under review becomes a contact (policy 4.4)."""
    then = rule.then
    effect = then.effect or ""
    if then.review is None:
        return [(effect, then.reason, fires)]
    reviewed = world.settled.get(then.review, FALSE)
    return [
        ("contact", CASE_BY_CASE, world.space.both(fires, reviewed)),
        (effect, then.reason, world.space.both(fires, world.space.negate(reviewed))),
    ]


def _add(table: dict[Key, int], key: Key, function: int, space: Space) -> None:
    """Several rules may conclude the same thing: it holds where any of them fires."""
    if function != FALSE:
        before = table.get(key)
        table[key] = function if before is None else space.either(before, function)
