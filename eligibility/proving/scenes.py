"""What laws are examined on: the requests and rules of a generation, before a solver."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any as Anything

import z3

from eligibility.proving.requests import holds_in, request_of
from eligibility.proving.translation import Circular, Reading, read
from eligibility.proving.variables import (
    NEVER_EMPTY,
    Choice,
    Facts,
    Members,
    Term,
    Variable,
    all_of,
    facts_of,
)
from eligibility.ruleset import Program, Ruleset

PATIENCE = 30_000
"""Milliseconds after which the solver gives up on one question; it needs a few."""


class NotProved(Exception):
    """The solver could not answer, or could not be asked: whether the law holds is not known."""


class Prover:
    """A solver of one generation's requests."""

    def __init__(self, form: Sequence[Term]) -> None:
        """Consider only what keeps to this form."""
        self._solver = z3.Solver()
        self._solver.set("timeout", PATIENCE)
        self._solver.add(*form)
        self.checks = 0

    def model(self, *terms: Term) -> Term | None:
        """A request, as a model, of which all of these hold; None where there is none.

        Raises:
            NotProved: the solver does not know.
        """
        self._solver.push()
        try:
            self._solver.add(*terms)
            return self._model()
        finally:
            self._solver.pop()

    def plain_model(self, terms: Sequence[Term], wishes: Iterable[Term]) -> Term | None:
        """The same, but one that fulfils the first wish, if any does, then the second, and so on."""
        self._solver.push()
        try:
            self._solver.add(*terms)
            found = self._model()
            if found is None:
                return None
            for wish in wishes:
                better = found if holds_in(found, wish) else self.model(wish)
                if better is not None:
                    self._solver.add(wish)
                    found = better
            return found
        finally:
            self._solver.pop()

    def _model(self) -> Term | None:
        self.checks += 1
        answer = self._solver.check()
        if answer == z3.unknown:
            raise NotProved(f"the solver gave up: {self._solver.reason_unknown()}")
        return self._solver.model() if answer == z3.sat else None


@dataclass(frozen=True)
class Scene:
    """A generation: its facts as variables, and a solver that knows their form."""

    ruleset: Ruleset
    program: Program
    facts: Facts
    prover: Prover

    @property
    def generation(self) -> str:
        """The generation's code."""
        return self.program.generation.id

    @cached_property
    def reading(self) -> Reading:
        """The rules, read. Raises NotProved where a name rests on itself."""
        try:
            return read(self.facts)
        except Circular as circle:
            raise NotProved(f"`{circle.name}` rests on itself in `{self.generation}`") from None

    def example(self, *terms: Term) -> dict[str, Anything] | None:
        """A plain request of which all of these hold, ready to send; None where there is none."""
        model = self.prover.plain_model(terms, plainly(self.facts))
        return None if model is None else request_of(self.facts, model)


def scene_of(ruleset: Ruleset, program: Program, places: int | None = None) -> Scene:
    """Prepare a generation, with places for affiliates (by default as many as suffice for one request)."""
    facts = facts_of(ruleset, program, places)
    return Scene(ruleset, program, facts, Prover(facts.form))


PLAIN: dict[str, object] = {
    "entity.kind": "company",
    "entity.domicile": "US",
    "entity.principal_place_of_business": "US",
    "entity.employer.principal_place_of_business": "US",
    "use.activities": "use",
    "use.purposes": "general",
}
"""What a request that is to show something says where it makes no difference, other than what is presumed."""


def plainly(facts: Facts) -> Iterator[Term]:
    """What examples say where it makes no difference."""
    for affiliate in facts.affiliates:
        yield z3.Not(affiliate.exists)
    yield z3.Not(facts.stated)
    for path, variable in facts.variables.items():
        plain = PLAIN.get(path, facts.ruleset.presumed.get(path))
        yield from _plain(path, variable, plain)
    for affiliate in facts.affiliates:
        for path, variable in affiliate.variables.items():
            yield from _plain(path, variable, None)


def _plain(path: str, variable: Variable, plain: object) -> Iterator[Term]:
    match variable:
        case Choice(values, term):
            yield variable.among([plain if plain in values else values[0]])
        case Members(terms, _):
            others = [z3.Not(term) for entry, term in terms.items() if entry != plain]
            if path in NEVER_EMPTY and plain in list(terms):
                yield all_of([terms[str(plain)], *others])
            yield from others
            yield from (z3.Not(term) for entry, term in terms.items() if entry == plain)
        case term if z3.is_int(term):
            yield term == 0
        case term:
            wanted = plain if isinstance(plain, bool) else path.startswith("use.assurances.")
            yield term if wanted else z3.Not(term)
