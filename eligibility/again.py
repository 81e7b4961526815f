"""Recorded evaluations and decisions, decided again under one ruleset by both evaluators.

This is the work of a short-lived process (`elsewhere`); nothing here talks to anyone.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, Final, NamedTuple

import orjson

from eligibility.atoms import Cells, Questions
from eligibility.building import rebuilt
from eligibility.carrying import Carrier, Unanswered
from eligibility.engine import engine_for
from eligibility.errors import EngineFailure, EvaluatorsDisagree, RulesetInvalid
from eligibility.evaluation import Evaluation, evaluate
from eligibility.facts import EligibilityRequest
from eligibility.reading import flatten
from eligibility.recent import Recent
from eligibility.refusing import GENERATION, Refused, refused
from eligibility.replay import (
    Again,
    Changed,
    NotAccepted,
    NotAsRecorded,
    NotDecidable,
    Told,
    compare,
    told,
)
from eligibility.ruleset import Ruleset
from eligibility.semantics import Semantics
from eligibility.storage.records import facts_of
from eligibility.trial import Trial

ANYTHING: Final = "any fact"
"""In place of facts that recorded cells do not answer for: they mean something else to this release."""

_REMEMBERED = 2_048
"""What evaluations said that were made lately, at some 5 KB each; most are met once."""


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


class Replayed(NamedTuple):
    """What came of deciding one decision again: what differs, None for nothing, and the new content as JSON.

    There is no content where it was not decided.
    """

    again: Again | None
    content: bytes | None


class Before:
    """A recorded evaluation, of which each part is read when it is asked for: most are asked for one alone.

    There are no questions and no cells where its ruleset has other semantics: they can not be read then.
    """

    def __init__(self, recorded: Recorded, asking: Callable[[str], Questions | None]) -> None:
        """Read an evaluation, with the questions that its ruleset asks of a generation, if there are any."""
        self._recorded = recorded
        self._asking = asking

    @cached_property
    def told(self) -> Told:
        """What it says."""
        return told(orjson.loads(self._recorded.content))

    @cached_property
    def generation(self) -> str:
        """The generation whose rules were asked."""
        return str(self._document[GENERATION])

    @cached_property
    def questions(self) -> Questions | None:
        """What its ruleset asks."""
        return self._asking(self.generation)

    @cached_property
    def cells(self) -> Cells | None:
        """Its cells."""
        return None if self.questions is None else self.questions.cells_of(self._document)

    @cached_property
    def _document(self) -> dict[str, Any]:
        document: dict[str, Any] = orjson.loads(self._recorded.cells)
        return document


class Decides:
    """Decides again under one ruleset. Belongs to the thread that first decides with it."""

    def __init__(self, ruleset: Ruleset) -> None:
        """Prepare what is needed when it is needed."""
        self.ruleset = ruleset
        self._known: dict[str, Ruleset | None] = {ruleset.digest: ruleset}
        self._questions: dict[tuple[str, str], Questions] = {}
        self._semantics: dict[str, Semantics] = {}
        self._carriers: dict[tuple[str, str], Carrier] = {}
        self._told: Recent[tuple[str, Cells], Told] = Recent(_REMEMBERED)

    def know(self, digest: str, document: bytes) -> None:
        """Get to know a ruleset that evaluations were recorded under.

        One of other semantics is known only by name: what was decided under it is decided again by its facts.
        """
        if digest not in self._known:
            try:
                self._known[digest] = rebuilt(document)
            except RulesetInvalid:
                self._known[digest] = None

    def content(self, cells: bytes) -> bytes | None:
        """The canonical content of the evaluation of cells that were recorded under this very ruleset.

        None where it gives them no evaluation, so that they can not have been. Raises EngineFailure.
        """
        try:
            document = orjson.loads(cells)
            generation = document[GENERATION]
            read = self._asking(self.ruleset, generation).cells_of(document)
        except (LookupError, TypeError, ValueError):
            return None
        try:
            return self._evaluate(generation, read).content_bytes
        except EvaluatorsDisagree:
            return None

    def before(self, recorded: Recorded) -> Before:
        """Read a recorded evaluation. Raises EngineFailure where its ruleset was not made known."""
        if recorded.ruleset not in self._known:
            raise EngineFailure(f"the ruleset `{recorded.ruleset}` was not made known to the process")
        ruleset = self._known[recorded.ruleset]
        return Before(
            recorded, lambda generation: None if ruleset is None else self._asking(ruleset, generation)
        )

    def again(self, recorded: Recorded, given: Given | None) -> Replayed:
        """What comes of deciding one decision again: by its facts, or without them by its recorded cells.

        Under the recorded ruleset its cells say everything, whatever was erased.

        Raises EvaluatorsDisagree, EngineFailure.
        """
        before = self.before(recorded)
        if recorded.ruleset == self.ruleset.digest:
            content = self.content(recorded.cells)
            return Replayed(self.as_recorded(recorded, content), content)
        found = self.carried(before) if given is None else self.cells(given, before)
        if isinstance(found, Unanswered):
            return Replayed(NotDecidable(found.facts), None)
        if isinstance(found, Refused):
            return Replayed(NotAccepted(found.reasons), None)
        after = self._evaluate(before.generation, found)
        return Replayed(compare(before.told, told(after.content)), after.content_bytes)

    def as_recorded(self, recorded: Recorded, content: bytes | None) -> Again | None:
        """How the content that this ruleset gives cells recorded under it differs from the recorded one.

        None where it does not, to the last byte.
        """
        if content == recorded.content:
            return None
        if content is None:
            return NotDecidable((ANYTHING,))
        return compare(told(orjson.loads(recorded.content)), told(orjson.loads(content))) or NotAsRecorded()

    def carried(self, before: Before) -> Cells | Refused | Unanswered:
        """The cells that a recorded evaluation has under this ruleset, as far as its own cells answer."""
        if before.generation not in self.ruleset.generations:
            return Refused(((GENERATION, before.generation),))
        carrier, cells = self.carrier(before), before.cells
        return Unanswered((ANYTHING,)) if carrier is None or cells is None else carrier.carry(cells)

    def cells(self, given: Given, before: Before) -> Cells | Refused | Unanswered:
        """The cells that the facts of a decision have under this ruleset, if it accepts them.

        Where private texts were erased, the recorded cells answer for them as far as they do.
        """
        envelope = orjson.loads(given.envelope)
        private = None if given.private is None else orjson.loads(given.private)
        facts = flatten(facts_of(envelope, private))
        generation = facts[GENERATION]
        if private is None and "private" in envelope and generation in self.ruleset.generations:
            carrier, cells = self.carrier(before), before.cells
            if carrier is None or cells is None:
                return Unanswered((ANYTHING,))
            return carrier.without_texts(facts, cells)
        found = refused(facts, self.ruleset.vocabulary)
        if found is not None:
            return found
        return self._asking(self.ruleset, generation).cells(EligibilityRequest({}, facts))

    def decide(self, before: Before, found: Cells | Refused) -> Changed | NotAccepted:
        """What differs where a decision has these cells under this ruleset, or is refused.

        Raises EvaluatorsDisagree, EngineFailure.
        """
        if isinstance(found, Refused):
            return NotAccepted(found.reasons)
        key = (before.generation, found)
        after = self._told.get(key)
        if after is None:
            after = told(self._evaluate(before.generation, found).content)
            self._told.put(key, after)
        return compare(before.told, after)

    def _evaluate(self, generation: str, cells: Cells) -> Evaluation:
        questions = self._asking(self.ruleset, generation)
        if generation not in self._semantics:
            self._semantics[generation] = Semantics(questions.program)
        engine = engine_for(self.ruleset, generation)
        return evaluate(Trial(questions, cells), self._semantics[generation], engine)

    def _asking(self, ruleset: Ruleset, generation: str) -> Questions:
        key = (ruleset.digest, generation)
        if key not in self._questions:
            self._questions[key] = Questions(ruleset, ruleset.program(generation))
        return self._questions[key]

    def carrier(self, before: Before) -> Carrier | None:
        """What carries the cells of an evaluation over to this ruleset.

        None where they can not be read, or where this ruleset does not know the generation.
        """
        old = before.questions
        if old is None or old.generation not in self.ruleset.generations:
            return None
        key = (old.ruleset.digest, old.generation)
        if key not in self._carriers:
            self._carriers[key] = Carrier(old, self._asking(self.ruleset, old.generation))
        return self._carriers[key]
