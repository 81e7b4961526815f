"""Law, continued: of several affiliates that are alike in what is known, one is tried for all.

What affiliates add to a request is which questions about affiliates they answer with yes. The service tries
one of a group for all of it. That is right where whatever two of the group add together, one alone can add:
then so it is for three and more. While one of the group changes alone, the others must not hide the change:
so one must be able to add no more than any other does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import z3

from eligibility.codes import COUNTRIES
from eligibility.conditions import Atom
from eligibility.domains import AFFILIATES, MEMBER
from eligibility.proving.breaches import Finding
from eligibility.proving.scenes import Scene, scene_of
from eligibility.proving.translation import answer, satisfies
from eligibility.proving.variables import NEVER, Affiliate, Facts, Term, all_of, any_of

COUNTRY, INVOLVED = f"{MEMBER}principal_place_of_business", f"{MEMBER}involved_in"
NONE_KNOWN: frozenset[str] = frozenset()
GROUPS = (NONE_KNOWN, frozenset({COUNTRY}), frozenset({INVOLVED}))
"""What may be known of affiliates that are alike; where all is known, they add the same."""


def one_for_all(scene: Scene) -> Iterator[Finding]:
    """Groups of affiliates that add more together, or hide more, than one of them could alone."""
    atoms = scene.program.questions.get(AFFILIATES, ())
    if not atoms:
        return
    pair = scene_of(scene.ruleset, scene.program, 2)
    one, other = pair.facts.affiliates
    for known in GROUPS:
        group = all_of([one.exists, other.exists, *_alike(known, atoms, pair.facts)])
        sums = [
            z3.Not(_adds_up(single, (one, other), atoms, pair.facts))
            for single in _singles(one, other, known)
        ]
        if pair.prover.model(group, *sums) is not None:
            detail = f"in `{scene.generation}` two affiliates add up to what none can add alone"
            yield Finding(detail, pair.example(group, *sums))
        if not any(
            pair.prover.model(other.exists, _adds_more(least, other, atoms, pair.facts)) is None
            for least in _least(other, known)
        ):
            yield Finding(f"in `{scene.generation}` no affiliate adds less than all that are like it")
    scene.prover.checks += pair.prover.checks


def _alike(known: frozenset[str], atoms: tuple[Atom, ...], facts: Facts) -> Iterator[Term]:
    """Both affiliates answer alike whatever is asked about what is known of them."""
    one, other = facts.affiliates
    for part in dict.fromkeys(part for atom in atoms for part in atom.parts if part.fact in known):
        path = part.fact
        yield answer(part, one.variables[path], facts) == answer(part, other.variables[path], facts)


def _singles(one: Affiliate, other: Affiliate, known: frozenset[str]) -> Iterator[Affiliate]:
    """Affiliates that one of the group could be: with a country of either, involved as either or as both."""
    mine = one.variables[INVOLVED]
    theirs = other.variables[INVOLVED]
    both = replace(mine, terms={code: z3.Or(term, theirs.terms[code]) for code, term in mine.terms.items()})
    countries = (one, other)
    involvements = (mine, theirs) if INVOLVED in known else (mine, theirs, both)
    for country, involved in product(countries, involvements):
        yield replace(one, variables={**country.variables, INVOLVED: involved})


def _least(other: Affiliate, known: frozenset[str]) -> Iterator[Affiliate]:
    """Affiliates that may be the one of the group that adds least: in some country, involved in nothing."""
    country = other.variables[COUNTRY]
    involved = other.variables[INVOLVED]
    nothing = replace(involved, terms=dict.fromkeys(involved.terms, NEVER))
    places = (
        [country.term]
        if COUNTRY in known
        else [z3.BitVecVal(country.values.index(code), country.term.size()) for code in sorted(COUNTRIES)]
    )
    for place in places:
        at = replace(country, term=place)
        kept = involved if INVOLVED in known else nothing
        yield replace(other, variables={**other.variables, COUNTRY: at, INVOLVED: kept})


def _adds_up(
    single: Affiliate, group: tuple[Affiliate, Affiliate], atoms: tuple[Atom, ...], facts: Facts
) -> Term:
    return all_of(
        [
            satisfies(single, atom, facts)
            == any_of([satisfies(affiliate, atom, facts) for affiliate in group])
            for atom in atoms
        ]
    )


def _adds_more(one: Affiliate, other: Affiliate, atoms: tuple[Atom, ...], facts: Facts) -> Term:
    return any_of(
        [z3.And(satisfies(one, atom, facts), z3.Not(satisfies(other, atom, facts))) for atom in atoms]
    )
