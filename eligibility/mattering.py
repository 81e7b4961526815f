"""Which rules and conditions the cases of a ruleset show to matter: its coverage, both ways.

A rule is covered where it fires in one case, and does not in another case of a generation that has it. A
condition is covered where cases turn on it both ways: in one it holds, in another it does not, and in each
the rule's `when` would come out otherwise, were only this one condition otherwise.

Only what is certain counts, so that a request of which nothing is known shows nothing: whatever the unknown
facts are, the rule fires (or does not), the condition holds (or does not), and all others leave it to this
one. The one exception is a list that declares the other fact a rule asks about: where the list is known and
does not, the other fact counts for nothing, so that only an unknown list shows what asking for both is for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from eligibility.cases import DECIDED, Result
from eligibility.conditions import All, Any, Ask, Atom, Condition, Effect, Holds, Not, atoms_of, leaves
from eligibility.decider import Decider
from eligibility.diagram import FALSE, TRUE
from eligibility.domains import DECLARED_BY
from eligibility.reading import request_from
from eligibility.ruleset import Rule
from eligibility.semantics import Semantics, Verdict, World, meaning
from eligibility.trial import Trial

Leaf = Ask | Holds | Effect


class Share(NamedTuple):
    """How many of how many are covered."""

    covered: int
    of: int

    def reaches(self, percent: float) -> bool:
        """Whether that is at least so many of a hundred."""
        return self.covered * 100 >= percent * self.of


@dataclass(frozen=True)
class Uncovered:
    """A rule that is never seen firing, or not firing; or its condition that is never seen to decide so."""

    rule: Rule
    condition: Leaf | None
    holds: bool


@dataclass(frozen=True)
class Coverage:
    """Rules and conditions covered both ways, and everything that is not, in the order of the rules."""

    rules: Share
    conditions: Share
    uncovered: tuple[Uncovered, ...]

    def reaches(self, percent: float) -> bool:
        """Whether both shares do."""
        return self.rules.reaches(percent) and self.conditions.reaches(percent)


Side = tuple[str, int, bool]
"""The id of a rule, the place of a condition in it (-1: the rule itself), and which way it is."""
_RULE = -1


def coverage(decider: Decider, results: Iterable[Result]) -> Coverage:
    """Find what the cases cover."""
    seen: set[Side] = set()
    semantics = {name: Semantics(program) for name, program in decider.ruleset.programs.items()}
    for result in results:
        if result.status == DECIDED:
            request = request_from(result.case.request, decider.ruleset.vocabulary)
            questions = decider.questions[request.facts["model.generation"]]
            trial = Trial(questions, questions.cells(request))
            verdict = semantics[questions.generation].judge(trial.atoms, trial.space)
            seen.update(_seen(questions.program.rules, verdict, _world(trial, verdict)))
    rules = decider.ruleset.rules
    return Coverage(
        rules=_share([list(_sides_of_rule(rule)) for rule in rules], seen),
        conditions=_share([pair for rule in rules for pair in _sides_of_conditions(rule)], seen),
        uncovered=tuple(_uncovered(rules, seen)),
    )


def _sides_of_rule(rule: Rule) -> Iterator[Side]:
    yield rule.id, _RULE, True
    if rule.when != All(()):
        yield rule.id, _RULE, False


def _sides_of_conditions(rule: Rule) -> Iterator[tuple[Side, Side]]:
    return (((rule.id, place, True), (rule.id, place, False)) for place, _ in enumerate(conditions_of(rule)))


def conditions_of(rule: Rule) -> tuple[Leaf, ...]:
    """Every condition of a rule as it is written, and the name under which its finding is reviewed."""
    review = rule.then.review
    return (*leaves(rule.when), *([Holds(review)] if review else []))


def _share(wanted: Sequence[Sequence[Side]], seen: set[Side]) -> Share:
    return Share(sum(seen.issuperset(sides) for sides in wanted), len(wanted))


def _uncovered(rules: Iterable[Rule], seen: set[Side]) -> Iterator[Uncovered]:
    for rule in rules:
        conditions = conditions_of(rule)
        sides = [*_sides_of_rule(rule), *(side for pair in _sides_of_conditions(rule) for side in pair)]
        for _, place, holds in (side for side in sides if side not in seen):
            yield Uncovered(rule, None if place == _RULE else conditions[place], holds)


def _world(trial: Trial, verdict: Verdict) -> World:
    """What conditions are about, once all is settled; what a rule names was so when it was tried."""
    space = trial.space
    world = World(trial.atoms, space, settled=dict(verdict.derived), effects={})
    for (name, effect, _), function in verdict.findings.items():
        world.settled[name] = space.either(world.settled.get(name, FALSE), function)
        world.effects[effect] = space.either(world.effects.get(effect, FALSE), function)
    return world


def _seen(rules: Iterable[Rule], verdict: Verdict, world: World) -> Iterator[Side]:
    """What one case shows."""
    for rule in rules:
        fires = verdict.rules.get(rule.id, FALSE)
        if fires in {FALSE, TRUE}:
            yield rule.id, _RULE, fires == TRUE
        deciding = _deciding(rule.when, TRUE, world)
        if rule.then.review:
            deciding = (*deciding, (Holds(rule.then.review), fires))
        for place, (leaf, where) in enumerate(deciding):
            function = meaning(leaf)(world)
            if where == TRUE and (function in {FALSE, TRUE} or _declares(leaf, rule)):
                if function != FALSE:
                    yield rule.id, place, True
                if function != TRUE:
                    yield rule.id, place, False


def _declares(leaf: Leaf, rule: Rule) -> bool:
    """Whether a condition asks for the code that declares another fact that its rule asks about."""
    if not isinstance(leaf, Ask):
        return False
    asked: Atom = leaf.atom
    return any(DECLARED_BY.get(atom.fact) == (asked.fact, asked.argument) for atom in atoms_of(rule.when))


def _deciding(condition: Condition, where: int, world: World) -> tuple[tuple[Leaf, int], ...]:
    """Every leaf with where the whole turns on it: that is the derivative of the whole with respect to it.

    `where` says when the whole turns on this part of it. Within `all`, it turns on one part where the others
    hold; within `any`, where no other does; a negation changes nothing about it.
    """
    match condition:
        case Not(part):
            return _deciding(part, where, world)
        case All(parts) | Any(parts):
            found: list[tuple[Leaf, int]] = []
            for place, part in enumerate(parts):
                others = [meaning(other)(world) for index, other in enumerate(parts) if index != place]
                if isinstance(condition, Any):
                    others = list(map(world.space.negate, others))
                found.extend(_deciding(part, world.space.all_of([where, *others]), world))
            return tuple(found)
        case leaf:
            return ((leaf, where),)
