"""The rules as terms of the solver: a third reading of them, beside the engine and `semantics`.

Rules are read as equations: a derived fact or a finding holds where any of its rules does, whatever levels
the rules were given. So the order of rules has no part in it. That the levels lead to the same is a law of
its own (`order`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any as Anything
from typing import TypeVar

import z3

from eligibility.conditions import All, Any, Ask, Atom, Condition, Effect, Holds, Not
from eligibility.domains import AFFILIATES
from eligibility.proving.variables import (
    DERIVATIVE,
    NEVER,
    Affiliate,
    Facts,
    Term,
    Variable,
    all_of,
    any_of,
    is_supported,
    lies_in,
)
from eligibility.ruleset import Rule

Key = TypeVar("Key")
Made = tuple[str, str, str | None]
"""A finding as it is made: its name, its effect, and the reason where the effect is contact."""

Named = Callable[[str], Term]
"""What finds whether a derived fact or a finding holds, by its name."""


class Circular(Exception):
    """A derived fact or finding rests on itself, so that no reading of the rules is certain."""

    def __init__(self, name: str) -> None:
        """Keep the name."""
        super().__init__(name)
        self.name = name


@dataclass(frozen=True)
class Reading:
    """When rules fire and conclusions hold, as terms over the facts; by rule id, and by what is concluded."""

    fires: dict[str, Term] = field(default_factory=dict)
    names: dict[str, Term] = field(default_factory=dict)
    made: dict[Made, Term] = field(default_factory=dict)
    effects: dict[str, Term] = field(default_factory=dict)
    obligations: dict[str, Term] = field(default_factory=dict)
    licensors: dict[str, Term] = field(default_factory=dict)
    outcomes: dict[str, Term] = field(default_factory=dict)


def read(facts: Facts) -> Reading:
    """Read the rules of a generation.

    Raises:
        Circular: a name rests on itself.
    """
    reading = Reading()
    named = _namer(facts, reading)
    settled = [rule for rule in facts.program.rules if rule.then.stratum != "conclude"]
    for rule in settled:
        named(rule.then.name)
    for made, term in (both for rule in settled for both in _made(rule, reading)):
        _add(reading.made, made, term)
    for (_, effect, _), term in reading.made.items():
        _add(reading.effects, effect, term)
    tables = {"obligation": reading.obligations, "licensor": reading.licensors, "outcome": reading.outcomes}
    for rule in facts.program.rules:
        if rule.then.stratum == "conclude":
            reading.fires[rule.id] = holds(rule.when, facts, named, reading.effects)
            _add(tables[rule.then.kind], rule.then.name, reading.fires[rule.id])
    return reading


def _namer(facts: Facts, reading: Reading) -> Named:
    """What finds, by the rules that conclude it, whether a name holds; what was found is kept."""
    begun: set[str] = set()
    concluding: dict[str, list[Rule]] = {}
    for rule in facts.program.rules:
        if rule.then.stratum != "conclude":
            concluding.setdefault(rule.then.name, []).append(rule)

    def named(name: str) -> Term:
        if name not in reading.names:
            if name in begun:
                raise Circular(name)
            begun.add(name)
            rules = concluding.get(name, ())
            reading.fires.update((rule.id, holds(rule.when, facts, named, {})) for rule in rules)
            reading.names[name] = any_of([reading.fires[rule.id] for rule in rules])
        return reading.names[name]

    return named


def _made(rule: Rule, reading: Reading) -> list[tuple[Made, Term]]:
    if rule.then.kind != "finding":
        return []
    return effects_of(rule, reading.fires[rule.id], lambda name: reading.names.get(name, NEVER))


def _add(table: dict[Key, Term], key: Key, term: Term) -> None:
    """Several rules may conclude the same thing: it holds where any of them fires."""
    table[key] = z3.Or(table[key], term) if key in table else term


def effects_of(rule: Rule, fires: Term, named: Named) -> list[tuple[Made, Term]]:
    """The findings a rule makes; what would prohibit goes to Meta under review (policy, section 4.4)."""
    then = rule.then
    stated = (then.name, str(then.effect), then.reason)
    if then.review is None:
        return [(stated, fires)]
    reviewed = named(then.review)
    return [
        ((then.name, "contact", "case_by_case"), z3.And(fires, reviewed)),
        (stated, z3.And(fires, z3.Not(reviewed))),
    ]


def holds(condition: Condition, facts: Facts, named: Named, effects: dict[str, Term]) -> Term:
    """Where a condition holds; `effects` are those of the findings, as far as they are settled."""
    match condition:
        case Ask(atom):
            return answered(atom, facts)
        case Holds(name):
            return named(name)
        case Effect(effect):
            return effects.get(effect, NEVER)
        case Not(part):
            return z3.Not(holds(part, facts, named, effects))
        case All(parts):
            return all_of([holds(part, facts, named, effects) for part in parts])
        case Any(parts):
            return any_of([holds(part, facts, named, effects) for part in parts])


def answered(atom: Atom, facts: Facts) -> Term:
    """Where an atom is true: what is not applicable answers every question with no."""
    if atom.fact == "model.generation":
        wanted = atom.argument if isinstance(atom.argument, tuple) else (atom.argument,)
        return z3.BoolVal(facts.program.generation.id in wanted)
    if atom.fact == AFFILIATES:
        return any_of([satisfies(affiliate, atom, facts) for affiliate in facts.affiliates])
    return z3.And(facts.counts(atom.fact), said(atom, facts))


def satisfies(affiliate: Affiliate, atom: Atom, facts: Facts) -> Term:
    """Where an affiliate is there and satisfies all parts of a question about affiliates."""
    parts = [answer(part, affiliate.variables[part.fact], facts) for part in atom.parts]
    return z3.And(affiliate.exists, *parts)


def said(atom: Atom, facts: Facts) -> Term:
    """What the value of a fact answers to an atom, whether or not the fact counts."""
    if atom.fact == "model.multimodal":
        value = facts.multimodal()
        return value if atom.argument is True else z3.Not(value)
    return answer(atom, facts.variables[atom.fact], facts)


def answer(atom: Atom, variable: Variable, facts: Facts) -> Term:
    """What a value answers to an atom."""
    return _ANSWERS[atom.test](variable, atom.argument, facts)


def _is(variable: Variable, argument: Anything, _facts: Facts) -> Term:
    if isinstance(argument, bool):
        return variable if argument else z3.Not(variable)
    return variable.among([argument])


def _has_only(variable: Variable, argument: Anything, _facts: Facts) -> Term:
    return z3.Not(any_of([term for code, term in variable.terms.items() if code not in argument]))


def _some_in(variable: Variable, argument: Anything, facts: Facts) -> Term:
    region = facts.ruleset.regions[argument]
    return any_of([term for entry, term in variable.terms.items() if lies_in(entry, region)])


def _some_unsupported(variable: Variable, _argument: Anything, facts: Facts) -> Term:
    generation = facts.program.generation
    return any_of([term for tag, term in variable.terms.items() if not is_supported(tag, generation)])


_ANSWERS: Mapping[str, Callable[[Variable, Anything, Facts], Term]] = {
    "is": _is,
    "is_one_of": lambda variable, argument, _facts: variable.among(argument),
    "in": lambda variable, argument, facts: variable.among(facts.ruleset.regions[argument].countries),
    "above": lambda variable, argument, _facts: variable > argument,
    "has": lambda variable, argument, _facts: variable.terms[argument],
    "has_only": _has_only,
    "some_in": _some_in,
    "some_unsupported": _some_unsupported,
    "given": lambda variable, _argument, _facts: variable,
    "is_derivative": lambda variable, _argument, _facts: variable.among([DERIVATIVE]),
}
