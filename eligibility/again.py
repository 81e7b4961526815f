"""Recorded evaluations and decisions, decided again under one ruleset by both evaluators.

This is the work of a short-lived process (`elsewhere`); nothing here talks to anyone.
"""

from __future__ import annotations

from typing import NamedTuple

import orjson

from eligibility.atoms import Cells, Questions
from eligibility.building import rebuilt
from eligibility.carrying import Carrier, Unanswered
from eligibility.decider import REMEMBERED, Recent
from eligibility.engine import engine_for
from eligibility.errors import EngineFailure, RulesetInvalid
from eligibility.evaluation import Evaluation, evaluate
from eligibility.facts import EligibilityRequest
from eligibility.reading import flatten
from eligibility.refusing import GENERATION, Refused, refused
from eligibility.replay import Again, NotAccepted, NotDecidable, Told, compare, told
from eligibility.ruleset import Ruleset
from eligibility.semantics import Semantics
from eligibility.storage.records import facts_of


class Recorded(NamedTuple):
    """One evaluation as it was recorded: the digest it was made under, its cells and its content as JSON."""

    ruleset: str
    cells: bytes
    content: bytes


class Given(NamedTuple):
    """What is kept of the facts of one decision: the envelope and the private texts as JSON.

    `private` is None where there are none, or no longer.
    """

    envelope: bytes
    private: bytes | None


class Before(NamedTuple):
    """A recorded evaluation, read: what it says, its generation, and its cells with what carries them over.

    Of a ruleset of other semantics, cells can not be read: there is none.
    """

    told: Told
    generation: str
    cells: Cells | None
    carrier: Carrier | None


class Decides:
    """Decides again under one ruleset. Belongs to the thread that first decides with it."""

    def __init__(self, ruleset: Ruleset) -> None:
        """Prepare what is needed when it is needed."""
        self.ruleset = ruleset
        self._known: dict[str, Ruleset | None] = {ruleset.digest: ruleset}
        self._questions: dict[tuple[str, str], Questions] = {}
        self._semantics: dict[str, Semantics] = {}
        self._carriers: dict[tuple[str, str], Carrier] = {}
        self._told: Recent[tuple[str, Cells], Told] = Recent(REMEMBERED)

    def know(self, digest: str, document: bytes) -> None:
        """Get to know a ruleset that evaluations were recorded under.

        One of other semantics is known only by name: what was decided under it is decided again by its facts.
        """
        if digest not in self._known:
            try:
                self._known[digest] = rebuilt(document)
            except RulesetInvalid:
                self._known[digest] = None

    def content(self, cells: bytes) -> bytes:
        """The canonical content of the evaluation of cells that were recorded under this very ruleset.

        Raises:
            EvaluatorsDisagree, EngineFailure: as deciding does.
            KeyError: these are no cells of this ruleset.
        """
        document = orjson.loads(cells)
        questions = self._asking(self.ruleset, document[GENERATION])
        return self._evaluate(questions.generation, questions.cells_of(document)).content_bytes

    def before(self, recorded: Recorded) -> Before:
        """Read a recorded evaluation. Raises EngineFailure where its ruleset was not made known."""
        if recorded.ruleset not in self._known:
            raise EngineFailure(f"the ruleset `{recorded.ruleset}` was not made known to the process")
        document, said = orjson.loads(recorded.cells), told(orjson.loads(recorded.content))
        generation, ruleset = document[GENERATION], self._known[recorded.ruleset]
        if ruleset is None:
            return Before(said, generation, None, None)
        cells = self._asking(ruleset, generation).cells_of(document)
        return Before(said, generation, cells, self._carrier(ruleset, generation))

    def by_cells(self, before: Before) -> Again | None:
        """What comes of deciding by the recorded cells; None where the facts must be asked.

        Raises EvaluatorsDisagree, EngineFailure.
        """
        if before.generation not in self.ruleset.generations:
            return NotAccepted(((GENERATION, before.generation),))
        if before.carrier is None or before.cells is None:
            return None
        return self.of(before, before.carrier.carry(before.cells))

    def cells(self, before: Before, given: Given) -> Cells | Refused | Unanswered:
        """The cells that the facts of a decision have under this ruleset, if it accepts them.

        Where private texts were erased, the recorded cells answer for them as far as they do.
        """
        envelope = orjson.loads(given.envelope)
        private = None if given.private is None else orjson.loads(given.private)
        facts = flatten(facts_of(envelope, private))
        if before.generation not in self.ruleset.generations:
            return Refused(((GENERATION, before.generation),))
        if private is None and "private" in envelope:
            if before.carrier is None or before.cells is None:
                return Unanswered(("ruleset",))
            return before.carrier.without_texts(facts, before.cells)
        found = refused(facts, self.ruleset.vocabulary)
        if found is not None:
            return found
        return self._asking(self.ruleset, before.generation).cells(EligibilityRequest({}, facts))

    def of(self, before: Before, found: Cells | Refused | Unanswered) -> Again | None:
        """What differs where a decision has these cells under this ruleset; None where they are not certain.

        Raises EvaluatorsDisagree, EngineFailure.
        """
        if isinstance(found, Unanswered):
            return None
        if isinstance(found, Refused):
            return NotAccepted(found.reasons)
        key = (before.generation, found)
        after = self._told.get(key)
        if after is None:
            after = told(self._evaluate(before.generation, found).content)
            self._told.put(key, after)
        return compare(before.told, after)

    def by_facts(self, before: Before, given: Given) -> Again:
        """What comes of deciding the recorded facts. Raises EvaluatorsDisagree, EngineFailure."""
        found = self.cells(before, given)
        if isinstance(found, Unanswered):
            return NotDecidable(found.facts)
        again = self.of(before, found)
        if again is None:
            raise AssertionError("only cells that are not certain lead nowhere")
        return again

    def _evaluate(self, generation: str, cells: Cells) -> Evaluation:
        questions = self._asking(self.ruleset, generation)
        if generation not in self._semantics:
            self._semantics[generation] = Semantics(questions.program)
        engine = engine_for(self.ruleset, generation)
        return evaluate(questions, self._semantics[generation], engine, cells)

    def _asking(self, ruleset: Ruleset, generation: str) -> Questions:
        key = (ruleset.digest, generation)
        if key not in self._questions:
            self._questions[key] = Questions(ruleset, ruleset.program(generation))
        return self._questions[key]

    def _carrier(self, old: Ruleset, generation: str) -> Carrier | None:
        if generation not in self.ruleset.generations:
            return None
        key = (old.digest, generation)
        if key not in self._carriers:
            both = (self._asking(one, generation) for one in (old, self.ruleset))
            self._carriers[key] = Carrier(*both)
        return self._carriers[key]
