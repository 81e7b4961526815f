"""Deciding requests: reading, remembering evaluations, and rendering decisions.

An evaluation is a function of ruleset and cells, so it is worked out once and remembered. The JSON of a
decision is remembered too, as a template with slots for the values, since like requests get like answers.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any as Anything
from typing import Generic, TypeVar
from uuid import UUID

import orjson

from eligibility.atoms import Cells, Questions, acts_for_employer
from eligibility.canonical import timestamp
from eligibility.decision import decision_document
from eligibility.domains import AFFILIATES, NATURAL_PERSONS
from eligibility.engine import engine_for
from eligibility.evaluation import Evaluation, evaluate
from eligibility.facts import EligibilityRequest
from eligibility.ruleset import Ruleset
from eligibility.semantics import Semantics
from eligibility.wording import MARK, Subject

REMEMBERED = 16_384
"""Evaluations that a process keeps, at some 6 KB each."""

TEMPLATES = 8_192
"""Rendered answers that a process keeps, at some 9 KB each."""

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")
Template = tuple[tuple[bytes, ...], tuple[str, ...]]


class Recent(Generic[Key, Value]):
    """The most recently used entries, up to a number."""

    def __init__(self, most: int) -> None:
        """Keep at most this many."""
        self._most = most
        self._entries: OrderedDict[Key, Value] = OrderedDict()

    def get(self, key: Key) -> Value | None:
        """The entry, if it is still there."""
        value = self._entries.get(key)
        if value is not None:
            self._entries.move_to_end(key)
        return value

    def put(self, key: Key, value: Value) -> None:
        """Keep an entry, at the expense of the one that was not used for longest."""
        self._entries[key] = value
        if len(self._entries) > self._most:
            self._entries.popitem(last=False)


@dataclass(frozen=True)
class Decision:
    """What was decided about one request. Immutable; `document` and `json` render it."""

    request: EligibilityRequest
    evaluation: Evaluation
    decider: Decider

    @property
    def outcome(self) -> str:
        """`permitted`, `prohibited` or `contact_meta`."""
        return self.evaluation.outcome

    def document(self) -> dict[str, Anything]:
        """The decision as callers get it, but for `id` and `decided_at`."""
        questions = self.decider.questions[self.evaluation.generation]
        return decision_document(Subject(questions, self.request.facts), self.evaluation.content)

    def json(self, identifier: UUID | None = None, decided_at: datetime | None = None) -> bytes:
        """The decision as JSON, with its id and time where it has them."""
        return self.decider.render(self, identifier, decided_at)


class Decider:
    """Decides under one ruleset. One per process; belongs to the thread that first decides with it."""

    def __init__(self, ruleset: Ruleset) -> None:
        """Prepare every generation of the ruleset."""
        self.ruleset = ruleset
        self.questions = {name: Questions(ruleset, ruleset.program(name)) for name in ruleset.generations}
        self._semantics = {name: Semantics(ruleset.program(name)) for name in ruleset.generations}
        self._evaluations: Recent[tuple[str, Cells], Evaluation] = Recent(REMEMBERED)
        self._templates: Recent[tuple[Hashable, ...], Template] = Recent(TEMPLATES)

    def warm_up(self) -> None:
        """Build every generation's engine now, rather than at its first request (some 10 ms each)."""
        for generation in self.questions:
            engine_for(self.ruleset, generation)

    def decide(self, request: EligibilityRequest) -> Decision:
        """Decide a request, without recording it.

        Raises:
            EvaluatorsDisagree: the two evaluators differ; nothing is decided.
            EngineFailure: the engine refused to work, or another thread calls.
        """
        generation = request.facts["model.generation"]
        questions = self.questions[generation]
        cells = questions.cells(request)
        evaluation = self._evaluations.get((generation, cells))
        if evaluation is None:
            engine = engine_for(self.ruleset, generation)
            evaluation = evaluate(questions, self._semantics[generation], engine, cells)
            self._evaluations.put((generation, cells), evaluation)
        return Decision(request, evaluation, self)

    def render(self, decision: Decision, identifier: UUID | None, decided_at: datetime | None) -> bytes:
        """The JSON of a decision."""
        evaluation, facts = decision.evaluation, decision.request.facts
        questions = self.questions[evaluation.generation]
        key = self._template_key(questions, evaluation, facts)
        template = self._templates.get(key)
        if template is None:
            document = decision_document(Subject(questions, facts, slots=True), evaluation.content)
            template = _template(orjson.dumps(document))
            self._templates.put(key, template)
        subject = Subject(questions, facts)
        values = {path: orjson.dumps(subject.value(path)) for path in set(template[1])}
        parts = [b"{"]
        if identifier is not None:
            parts.append(b'"id":"%s",' % str(identifier).encode())
        if decided_at is not None:
            parts.append(b'"decided_at":"%s",' % timestamp(decided_at).encode())
        for text, path in zip(template[0], template[1], strict=False):
            parts.extend((text, values[path]))
        parts.append(template[0][-1])
        return b"".join(parts)

    def _template_key(
        self, questions: Questions, evaluation: Evaluation, facts: Mapping[str, Anything]
    ) -> tuple[Hashable, ...]:
        """Everything that the shape of a decision depends on; only values in slots are left."""
        affiliates = facts.get(AFFILIATES)
        return (
            evaluation.generation,
            evaluation.cells,
            facts["entity.kind"] in NATURAL_PERSONS,
            acts_for_employer(facts),
            tuple(fact in facts for fact in self.ruleset.presumed),
            tuple(map(questions.pair, affiliates)) if affiliates else (),
        )


def _template(json: bytes) -> Template:
    """Texts between slots, and the paths of the slots; without the opening brace."""
    pieces = re.split(f'"{MARK}([^{MARK}]*){MARK}"'.encode(), json[1:])
    return tuple(pieces[::2]), tuple(path.decode() for path in pieces[1::2])
