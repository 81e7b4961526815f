"""What breaks a law: a sentence, and a request that shows it, checked by reading and deciding it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any as Anything

from eligibility.decider import Decider
from eligibility.errors import EligibilityError
from eligibility.facts import EligibilityRequest
from eligibility.proving.requests import truths, values
from eligibility.proving.scenes import NotProved, scene_of
from eligibility.reading import request_from
from eligibility.ruleset import Ruleset

Document = dict[str, Anything]


@dataclass(frozen=True)
class Finding:
    """What a law's examination found to be wrong: a sentence, and requests that show it, if there are any."""

    sentence: str
    request: Document | None = None
    after: Document | None = None


@dataclass(frozen=True)
class Witness:
    """A request ready to send, the outcomes that the rules give it, and what the service decides."""

    request: Document
    outcomes: tuple[str, ...]
    decision: str

    def document(self) -> Document:
        """The witness as JSON."""
        return {"request": self.request, "outcomes": list(self.outcomes), "decision": self.decision}


@dataclass(frozen=True)
class Breach:
    """A law that is broken in a generation; by a change of the request, where there is one `after`."""

    law: str
    generation: str
    sentence: str
    witness: Witness | None
    after: Witness | None

    def document(self) -> Document:
        """The breach as JSON."""
        return {
            "law": self.law,
            "generation": self.generation,
            "sentence": self.sentence,
            **(self.witness.document() if self.witness else {"request": None}),
            "after": self.after.document() if self.after else None,
        }


Testify = Callable[[Document], Witness]
"""What makes a witness of a request."""


def testimony(ruleset: Ruleset) -> Testify:
    """Read requests as the service does, then find the rules' outcomes and the engine's decision."""
    deciders: list[Decider] = []

    def decision(request: EligibilityRequest, outcomes: tuple[str, ...]) -> str:
        if len(outcomes) != 1:
            return "none: the rules do not give one outcome"
        try:
            if not deciders:
                deciders.append(Decider(ruleset))
            return deciders[0].decide(request).outcome
        except EligibilityError as error:
            return f"none: {error}"

    def testify(document: Document) -> Witness:
        request = request_from(document, ruleset.vocabulary)
        outcomes = outcomes_of(ruleset, request)
        return Witness(document, outcomes, decision(request, outcomes))

    return testify


def outcomes_of(ruleset: Ruleset, request: EligibilityRequest) -> tuple[str, ...]:
    """Every outcome that the rules give a request of which nothing is unknown.

    There is none where rules rest on themselves.
    """
    program = ruleset.program(request.facts["model.generation"])
    scene = scene_of(ruleset, program, len(request.facts.get("entity.affiliates") or ()))
    try:
        outcomes = scene.reading.outcomes
    except NotProved:
        return ()
    found = truths(list(outcomes.values()), values(scene.facts, request.facts))
    return tuple(name for name, holds in zip(outcomes, found, strict=True) if holds)
