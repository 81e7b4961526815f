"""The laws of a policy, and their proof over every request that the schema allows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any as Anything

from eligibility.proving.alike import one_for_all
from eligibility.proving.breaches import Breach, Finding, Testify, testimony
from eligibility.proving.certainty import certain_is_certain
from eligibility.proving.order import order_is_nothing
from eligibility.proving.outcomes import never_improves, never_outvoted, one_outcome
from eligibility.proving.reached import everything_reached
from eligibility.proving.scenes import NotProved, Scene, scene_of
from eligibility.proving.shadows import none_idle
from eligibility.ruleset import Ruleset


@dataclass(frozen=True)
class Law:
    """A law: its public name, what it says, and what looks for its breaches in one generation."""

    id: str
    sentence: str
    examine: Callable[[Scene], Iterable[Finding]]


def _missing_facts_exact(scene: Scene) -> Iterator[Finding]:
    return chain(certain_is_certain(scene), one_for_all(scene))


LAWS = (
    Law("one-outcome", "Each request has exactly one outcome.", one_outcome),
    Law(
        "never-outvoted",
        "A finding that prohibits outright is never outvoted: the outcome is `prohibited`.",
        never_outvoted,
    ),
    Law(
        "never-improves",
        "Declaring a further purpose, more users or the involvement of an affiliate in the EU never improves"
        " the outcome.",
        never_improves,
    ),
    Law(
        "no-idle-rule",
        "Every rule can fire, none is shadowed by another of the same effect, and no finding is made in two"
        " ways at once.",
        none_idle,
    ),
    Law("no-order", "The order of rules does not matter.", order_is_nothing),
    Law(
        "missing-facts",
        "The missing facts are sound and complete: an outcome reported as certain is certain.",
        _missing_facts_exact,
    ),
    Law(
        "all-reached",
        "Every obligation with each of its literal texts is due in some permitted request, and some request"
        " stands at every threshold and another above it.",
        everything_reached,
    ),
)


@dataclass(frozen=True)
class Proof:
    """What came of a law: questions put to the solver, seconds, what breaks it, what is not known."""

    law: Law
    checks: int
    seconds: float
    breaches: tuple[Breach, ...]
    unknown: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether it is proved. What is not known is not proved."""
        return not self.breaches and not self.unknown

    def document(self) -> dict[str, Anything]:
        """The proof as JSON."""
        return {
            "law": self.law.id,
            "sentence": self.law.sentence,
            "holds": self.holds,
            "checks": self.checks,
            "seconds": round(self.seconds, 3),
            "breaches": [breach.document() for breach in self.breaches],
            "not_proved": list(self.unknown),
        }


Told = Callable[[Law, str], None]
"""What is told of each step: the law and the generation that are about to be examined."""


def prove(
    ruleset: Ruleset, laws: Iterable[Law] = LAWS, tell: Told = lambda _law, _generation: None
) -> Iterator[Proof]:
    """Prove laws of a ruleset, one after the other."""
    scenes = [scene_of(ruleset, program) for program in ruleset.programs.values()]
    testify = testimony(ruleset)
    for law in laws:
        yield _proved(law, scenes, testify, tell)


def _proved(law: Law, scenes: Iterable[Scene], testify: Testify, tell: Told) -> Proof:
    began = time.perf_counter()
    checks = 0
    breaches: list[Breach] = []
    unknown: list[str] = []
    for scene in scenes:
        tell(law, scene.generation)
        before = scene.prover.checks
        try:
            breaches.extend(_breach(law, scene, found, testify) for found in law.examine(scene))
        except NotProved as reason:
            unknown.append(f"in `{scene.generation}` the law is not proved: {reason}")
        checks += scene.prover.checks - before
    return Proof(law, checks, time.perf_counter() - began, tuple(breaches), tuple(unknown))


def _breach(law: Law, scene: Scene, found: Finding, testify: Testify) -> Breach:
    return Breach(
        law.id,
        scene.generation,
        found.sentence,
        None if found.request is None else testify(found.request),
        None if found.after is None else testify(found.after),
    )
