"""Laws about outcomes: there is exactly one, prohibitions are heeded, and saying more never improves it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

import z3

from eligibility.codes import UNION
from eligibility.domains import AFFILIATES, MEMBER
from eligibility.proving.breaches import Finding
from eligibility.proving.requests import USERS, holds_in, request_of
from eligibility.proving.scenes import Scene, plainly, scene_of
from eligibility.proving.translation import Reading, read
from eligibility.proving.variables import MOST_USERS, NEVER, Affiliate, Facts, Members, Term, all_of, any_of

PURPOSES = "use.purposes"
COUNTRY, INVOLVED = f"{MEMBER}principal_place_of_business", f"{MEMBER}involved_in"
BEST_FIRST = ("permitted", "contact_meta", "prohibited")
STEPS = tuple(combinations(BEST_FIRST, 2))
"""Every better outcome with one that is worse."""


def one_outcome(scene: Scene) -> Iterator[Finding]:
    """Some outcome, and no two."""
    outcomes = scene.reading.outcomes
    if (request := scene.example(z3.Not(any_of(list(outcomes.values()))))) is not None:
        yield Finding(f"in `{scene.generation}` a request has no outcome", request)
    for one, other in combinations(outcomes, 2):
        if (request := scene.example(outcomes[one], outcomes[other])) is not None:
            detail = f"in `{scene.generation}` a request has both the outcomes `{one}` and `{other}`"
            yield Finding(detail, request)


def never_outvoted(scene: Scene) -> Iterator[Finding]:
    """Wherever a finding prohibits outright, the outcome is that."""
    outvoted = z3.Not(scene.reading.outcomes.get("prohibited", NEVER))
    prohibitions = {made: term for made, term in scene.reading.made.items() if made[1] == "prohibits"}
    if scene.prover.model(any_of(list(prohibitions.values())), outvoted) is None:
        return
    for (name, _, _), term in prohibitions.items():
        if (request := scene.example(term, outvoted)) is not None:
            yield Finding(f"in `{scene.generation}` the prohibition `{name}` is outvoted", request)


def never_improves(scene: Scene) -> Iterator[Finding]:
    """Neither a further purpose, nor more users, nor the involvement of an affiliate in the EU."""
    yield from _compared(scene, *_more_purposes(scene.facts), "declaring a further purpose")
    yield from _compared(scene, *_more_users(scene.facts), "having more users")
    if (union := _union(scene)) is not None and scene.program.questions.get(AFFILIATES):
        # keep, of all affiliates, the one that changes, and one for each question that others answer with yes
        places = len(scene.program.questions[AFFILIATES]) + 1
        wider = scene_of(scene.ruleset, scene.program, places)
        yield from _compared(wider, *_more_involved(wider.facts, union), "an affiliate in the EU taking part")
        scene.prover.checks += wider.prover.checks


def _compared(scene: Scene, after: Facts, change: Term, what: str) -> Iterator[Finding]:
    """Where a change from the scene's facts to others improves the outcome."""
    before, later = _worst(scene.reading), _worst(read(after))
    steps = {(worse, better): z3.And(before[worse], later[better]) for better, worse in STEPS}
    model = scene.prover.plain_model([change, any_of(list(steps.values()))], plainly(scene.facts))
    if model is None:
        return
    worse, better = next(step for step, term in steps.items() if holds_in(model, term))
    detail = f"in `{scene.generation}` {what} turns the outcome `{worse}` into `{better}`"
    yield Finding(detail, request_of(scene.facts, model), request_of(after, model))


def _worst(reading: Reading) -> dict[str, Term]:
    """Each outcome where it is given and none that is worse: should there be several, the worst counts."""
    outcomes = [reading.outcomes.get(name, NEVER) for name in BEST_FIRST]
    return {
        name: z3.And(outcomes[place], z3.Not(any_of(outcomes[place + 1 :])))
        for place, name in enumerate(BEST_FIRST)
    }


def _more_purposes(facts: Facts) -> tuple[Facts, Term]:
    """The same facts with as many purposes or more. What those declare to count may have any value."""
    before = facts.variables[PURPOSES]
    later = _copied(before)
    return _with(facts, PURPOSES, later), _contained(before, later)


def _more_users(facts: Facts) -> tuple[Facts, Term]:
    later = z3.Int(f"{USERS} afterwards")
    change = z3.And(later >= facts.variables[USERS], later <= MOST_USERS)
    return _with(facts, USERS, later), change


def _more_involved(facts: Facts, union: frozenset[str]) -> tuple[Facts, Term]:
    """The last affiliate, in the EU, takes part in something more, or is declared for the first time."""
    before = facts.affiliates[-1]
    involved = _copied(before.variables[INVOLVED])
    later = Affiliate(z3.Bool("the affiliate afterwards"), {**before.variables, INVOLVED: involved})
    change = [
        later.exists,
        later.variables[COUNTRY].among(union),
        any_of(list(involved.terms.values())),
        z3.Implies(before.exists, _contained(before.variables[INVOLVED], involved)),
    ]
    return replace(facts, affiliates=(*facts.affiliates[:-1], later)), all_of(change)


def _with(facts: Facts, path: str, variable: Term) -> Facts:
    return replace(facts, variables={**facts.variables, path: variable})


def _copied(members: Members) -> Members:
    """The same list with members of its own."""
    return replace(
        members, terms={entry: z3.Bool(f"{term} afterwards") for entry, term in members.terms.items()}
    )


def _contained(fewer: Members, more: Members) -> Term:
    return all_of([z3.Implies(term, more.terms[entry]) for entry, term in fewer.terms.items()])


def _union(scene: Scene) -> frozenset[str] | None:
    """The countries of the EU, if the policy has that region."""
    regions = scene.ruleset.regions.values()
    return next((region.countries for region in regions if region.token == UNION), None)
