"""Law: every rule can fire, none is shadowed by another, and no finding is made in two ways at once."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import z3

from eligibility.proving.breaches import Finding
from eligibility.proving.scenes import Scene
from eligibility.proving.translation import effects_of
from eligibility.proving.variables import NEVER, Term, any_of
from eligibility.ruleset import Rule


def none_idle(scene: Scene) -> Iterator[Finding]:
    """Rules that never fire, that others make superfluous, or that contradict each other about one finding.

    A rule is shadowed where another fires whenever it does, to the same effect: both conclude the same thing,
    or both make findings that prohibit, that send to Meta for the same reason, that exempt, or that note. A
    finding that is never made without another of the same effect decides nothing.
    """
    idle = set()
    for rule in scene.program.rules:
        if scene.prover.model(scene.reading.fires[rule.id]) is None:
            idle.add(rule.id)
            yield Finding(f"in `{scene.generation}` the rule `{rule.id}` can never fire")
    for rules in _alike(scene):
        live = [rule for rule in rules if rule.id not in idle]
        for rule in live:
            yield from _shadowed(rule, [other for other in live if other is not rule], scene)
    yield from _in_two_ways(scene)


def _alike(scene: Scene) -> list[list[Rule]]:
    """Rules by what they conclude; those that make findings, by effect and reason."""
    groups: dict[tuple[str | None, ...], list[Rule]] = {}
    for rule in scene.program.rules:
        then = rule.then
        key = (then.kind, then.effect, then.reason) if then.kind == "finding" else (then.kind, then.name)
        groups.setdefault(key, []).append(rule)
    return list(groups.values())


def _shadowed(rule: Rule, others: list[Rule], scene: Scene) -> Iterator[Finding]:
    fires = scene.reading.fires
    alone = [z3.Not(fires[other.id]) for other in others]
    if scene.prover.model(fires[rule.id], *alone) is not None:
        return
    mine = _effects(rule, scene)
    for other in others:
        theirs = _effects(other, scene)
        more = [z3.And(term, z3.Not(theirs.get(effect, NEVER))) for effect, term in mine.items()]
        if scene.prover.model(any_of(more)) is None:
            detail = (
                f"in `{scene.generation}` the rule `{rule.id}` is shadowed by `{other.id}`, which fires"
                " wherever it does, to the same effect"
            )
            yield Finding(detail, scene.example(fires[rule.id]))


def _effects(rule: Rule, scene: Scene) -> dict[tuple[str | None, ...], Term]:
    """When a rule has which effect, whatever finding it makes; for other rules, when it fires."""
    fires = scene.reading.fires[rule.id]
    if rule.then.kind != "finding":
        return {(): fires}
    made = effects_of(rule, fires, scene.reading.names.__getitem__)
    return {(effect, reason): term for (_, effect, reason), term in made}


def _in_two_ways(scene: Scene) -> Iterator[Finding]:
    for (one, term), (other, another) in combinations(scene.reading.made.items(), 2):
        if one[0] == other[0] and (request := scene.example(term, another)) is not None:
            ways = " and ".join(
                f"`{effect}`" + (f" ({reason})" if reason else "") for _, effect, reason in (one, other)
            )
            yield Finding(
                f"in `{scene.generation}` the finding `{one[0]}` is made as {ways} at once", request
            )
