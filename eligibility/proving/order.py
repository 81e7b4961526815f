"""Law: the order of rules does not matter.

Two things are shown. Everything a rule names, and may negate, is concluded by rules of lower levels only; so
whatever order the rules of one level fire in, each finds settled what it asks. And the rules, read as
equations without any order, have exactly one solution for every request: what firing them level by level
leads to is the only way to make sense of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import product

import z3

from eligibility.proving.breaches import Finding
from eligibility.proving.scenes import NotProved, Scene
from eligibility.proving.translation import effects_of, holds
from eligibility.proving.variables import NEVER, Term, all_of, any_of
from eligibility.ruleset import Program, Rule

MOST_NAMED = 3
"""Rules that a sentence names."""

MOST_CIRCULAR = 8
"""Names that may rest on themselves before the search for their solutions is given up."""


def order_is_nothing(scene: Scene) -> Iterator[Finding]:
    """Rules that ask too early, and requests for which the rules have several meanings, or none."""
    concluding = _concluding(scene.program)
    for rule, what, later in _early(scene.program, concluding):
        more = f" and {len(later) - MOST_NAMED} more" if len(later) > MOST_NAMED else ""
        names = ", ".join(f"`{other.id}` (level {other.level})" for other in later[:MOST_NAMED])
        detail = (
            f"in `{scene.generation}` the rule `{rule.id}` (level {rule.level}) asks for {what}, which may be"
            f" concluded after it, by {names}{more}"
        )
        yield Finding(detail, scene.example(*_unsettled(rule, scene, concluding)))
    yield from _solutions(scene, concluding)


Concluding = Mapping[str, tuple[Rule, ...]]


def _concluding(program: Program) -> Concluding:
    """The rules that conclude each derived fact and finding."""
    found: dict[str, list[Rule]] = {}
    for rule in program.rules:
        if rule.then.stratum != "conclude":
            found.setdefault(rule.then.name, []).append(rule)
    return {name: tuple(rules) for name, rules in found.items()}


def _early(program: Program, concluding: Concluding) -> Iterator[tuple[Rule, str, list[Rule]]]:
    """A rule, something it asks for, and the rules that conclude that and do not come before it."""
    findings = [rule for rule in program.rules if rule.then.kind == "finding"]
    for rule in program.rules:
        asked = {f"`{name}`": concluding.get(name, ()) for name in rule.names}
        for effect in rule.effects:
            asked[f"all findings that have the effect `{effect}`"] = tuple(findings)
        for what, rules in asked.items():
            later = [other for other in rules if other.level >= rule.level]
            if later:
                yield rule, what, later


def _unsettled(rule: Rule, scene: Scene, concluding: Concluding) -> list[Term]:
    """Where a rule makes something else of what rules before it conclude than of everything."""
    names = {name: z3.Bool(f"holds {name}") for name in concluding}
    effects = _effects(scene.program.rules, names, scene)
    before = {
        name: any_of([_fires(other, names, effects, scene) for other in rules if other.level < rule.level])
        for name, rules in concluding.items()
    }
    earlier = [other for other in scene.program.rules if other.level < rule.level]
    everything = _makes(rule, names, effects, scene)
    something = _makes(rule, before, _effects(earlier, names, scene), scene)
    differ = any_of([z3.Xor(one, other) for one, other in zip(everything, something, strict=True)])
    return [differ, *_equations(scene, concluding, names)]


Names = Mapping[str, Term]
"""Which derived facts and findings hold; all others do not."""


def _fires(rule: Rule, names: Names, effects: dict[str, Term], scene: Scene) -> Term:
    return holds(rule.when, scene.facts, lambda name: names.get(name, NEVER), effects)


def _makes(rule: Rule, names: Names, effects: dict[str, Term], scene: Scene) -> list[Term]:
    """When a rule fires, and with which effect."""
    fires = _fires(rule, names, effects, scene)
    made = effects_of(rule, fires, lambda name: names.get(name, NEVER))
    return [fires, *(term for _, term in made)]


def _effects(rules: Iterable[Rule], names: Names, scene: Scene) -> dict[str, Term]:
    """The effects of the findings that some rules make."""
    found: dict[str, list[Term]] = {}
    for rule in rules:
        if rule.then.kind == "finding":
            fires = _fires(rule, names, {}, scene)
            for (_, effect, _), term in effects_of(rule, fires, lambda name: names.get(name, NEVER)):
                found.setdefault(effect, []).append(term)
    return {effect: any_of(terms) for effect, terms in found.items()}


def _equations(scene: Scene, concluding: Concluding, names: Names) -> list[Term]:
    """Each name holds exactly where one of its rules does."""
    effects = _effects(scene.program.rules, names, scene)
    return [
        names[name] == any_of([_fires(rule, names, effects, scene) for rule in rules])
        for name, rules in concluding.items()
    ]


def _solutions(scene: Scene, concluding: Concluding) -> Iterator[Finding]:
    """Requests for which the equations have two solutions, or none."""
    one = {name: z3.Bool(f"holds {name}") for name in concluding}
    other = {name: z3.Bool(f"holds otherwise {name}") for name in concluding}
    both = (*_equations(scene, concluding, one), *_equations(scene, concluding, other))
    differ = any_of([z3.Xor(one[name], other[name]) for name in concluding])
    if (request := scene.example(*both, differ)) is not None:
        yield Finding(f"in `{scene.generation}` the rules can be read in two ways for a request", request)
    circular = _circular(concluding)
    if len(circular) > MOST_CIRCULAR:
        raise NotProved(f"{len(circular)} derived facts and findings rest on themselves")
    if circular and (request := scene.example(_no_solution(scene, concluding, circular))) is not None:
        names = ", ".join(f"`{name}`" for name in circular)
        detail = f"in `{scene.generation}` the rules contradict themselves for a request, about {names}"
        yield Finding(detail, request)


def _circular(concluding: Concluding) -> list[str]:
    """Names that rest on themselves."""
    rests_on = {name: {one for rule in rules for one in rule.names} for name, rules in concluding.items()}

    def reached(name: str) -> set[str]:
        found: set[str] = set()
        waiting = [name]
        while waiting:
            new = rests_on.get(waiting.pop(), set()) - found
            found |= new
            waiting += new
        return found

    return [name for name in concluding if name in reached(name)]


def _no_solution(scene: Scene, concluding: Concluding, circular: list[str]) -> Term:
    """Where no choice of what holds among the names in circles agrees with their rules."""
    contradictions = []
    for choice in product((False, True), repeat=len(circular)):
        chosen = {name: z3.BoolVal(value) for name, value in zip(circular, choice, strict=True)}
        known = dict(chosen)

        def named(name: str, known: dict[str, Term] = known) -> Term:
            if name not in known:
                rules = concluding.get(name, ())
                known[name] = any_of([holds(rule.when, scene.facts, named, {}) for rule in rules])
            return known[name]

        agree = [
            chosen[name] == any_of([holds(rule.when, scene.facts, named, {}) for rule in concluding[name]])
            for name in circular
        ]
        contradictions.append(z3.Not(all_of(agree)))
    return all_of(contradictions)
