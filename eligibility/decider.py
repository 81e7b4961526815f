"""Deciding requests: reading, remembering evaluations, and rendering decisions.

An evaluation is a function of ruleset and cells, so it is worked out once and remembered. The JSON of a
decision is remembered too, as a template with slots for the values, since like requests get like answers.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any as Anything
from typing import NamedTuple, Protocol
from uuid import UUID

import orjson

from eligibility.atoms import MULTIMODAL, NEVER_UNKNOWN, UNKNOWN, Cells, Pair, Questions, acts_for_employer
from eligibility.canonical import timestamp
from eligibility.decision import decision_document
from eligibility.domains import NATURAL_PERSONS
from eligibility.engine import Engine, engine_for
from eligibility.evaluation import Agreed, Evaluation, agree, evaluate
from eligibility.facts import EligibilityRequest
from eligibility.layout import Layout
from eligibility.recent import Recent
from eligibility.rule_groups import Fired
from eligibility.ruleset import Ruleset
from eligibility.semantics import Semantics
from eligibility.telling import said_value
from eligibility.trial import Trial
from eligibility.wording import MARK, SAID, Subject

REMEMBERED = 16_384
"""Evaluations that a process keeps, at some 6 KB each."""

TEMPLATES = 8_192
"""Rendered answers that a process keeps, at some 11 KB each."""

LAYOUTS = 128
"""Layouts of unknown facts that a process keeps."""

LARGEST_LAYOUT = 200
"""Functions of a layout, and what was worked out of them, after which it is laid out anew."""

Slot = tuple[str, bool]
"""A fact, and whether its value is filled in as JSON, or said within a text."""


Asked = tuple[str, tuple[int, ...], tuple[Pair, ...]]
"""What both evaluators are asked: the generation, and the cells but for statuses, which no rule reads."""


@dataclass(frozen=True)
class Template:
    """The JSON of a decision, without its opening brace: texts, with gaps between them for values."""

    parts: tuple[bytes, ...]
    """The texts, and an empty one for each gap between them."""

    slots: tuple[Slot, ...]
    """What goes into gaps, each once."""

    gaps: tuple[int, ...]
    """For each gap, which of the slots."""

    def filled(self, values: Sequence[bytes]) -> list[bytes]:
        """The texts with the values of the slots between them."""
        parts = list(self.parts)
        parts[1::2] = map(values.__getitem__, self.gaps)
        return parts


class Explained(Protocol):
    """What decisions are rendered from: an evaluation, or what is kept of one; known by its identity."""

    def __hash__(self) -> int:
        """Different for different objects."""

    @property
    def generation(self) -> str:
        """The generation whose rules were applied."""

    @property
    def content(self) -> Mapping[str, Anything]:
        """What is recorded of the evaluation."""


class Decision(NamedTuple):
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
        return self.decider.render(self.evaluation, self.request.facts, identifier, decided_at)


class Decider:
    """Decides under one ruleset. One per process; belongs to the thread that first decides with it."""

    def __init__(self, ruleset: Ruleset, agreed: Recent[Asked, Agreed] | None = None) -> None:
        """Prepare every generation of the ruleset. `agreed` is what remembers, where it is shared."""
        self.ruleset = ruleset
        self.questions = {name: Questions(ruleset, ruleset.program(name)) for name in ruleset.generations}
        self._semantics = {name: Semantics(ruleset.program(name)) for name in ruleset.generations}
        self._evaluations: Recent[tuple[str, Cells], Evaluation] = Recent(REMEMBERED)
        self._agreed = Recent[Asked, Agreed](REMEMBERED) if agreed is None else agreed
        self._fired = Fired()
        self._layouts = Recent[tuple[str, tuple[int, ...], tuple[Pair, ...]], Layout](LAYOUTS)
        self._engines: dict[str, Engine] = {}
        self._templates: Recent[tuple[Hashable, ...], Template] = Recent(TEMPLATES)
        # facts of which cells do not show whether they were given
        self._stated = (*ruleset.presumed, *sorted(NEVER_UNKNOWN))

    def warm_up(self) -> None:
        """Build every generation's engine now, rather than at its first request (some 10 ms each)."""
        for generation in self.questions:
            self._engine(generation)

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
            engine = self._engine(generation)
            evaluation = evaluate(self._trial(generation, cells), self._semantics[generation], engine)
            self._evaluations.put((generation, cells), evaluation)
        return Decision(request, evaluation, self)

    def evaluated(self, request: EligibilityRequest) -> Evaluation:
        """The evaluation of a request; one that is new is explained when its content is first asked for.

        Of many requests most are never explained, and what they have in common is done once. Raises as
        `decide`.
        """
        generation = request.facts["model.generation"]
        questions, semantics = self.questions[generation], self._semantics[generation]
        cells = questions.cells(request)
        evaluation = self._evaluations.get((generation, cells))
        if evaluation is None:
            agreed = self._agree(generation, cells)
            evaluation = Evaluation(cells, questions, semantics, self._engine(generation).compiled, agreed)
            self._evaluations.put((generation, cells), evaluation)
        return evaluation

    def agreed(self, request: EligibilityRequest) -> Agreed:
        """What both evaluators say of a request, where nothing else is wanted. Raises as `decide`."""
        generation = request.facts["model.generation"]
        return self._agree(generation, self.questions[generation].cells(request, statuses=False))

    def _agree(self, generation: str, cells: Cells) -> Agreed:
        asked = (generation, cells.asked, cells.affiliates)
        agreed = self._agreed.get(asked)
        if agreed is None:
            run = partial(self._engine(generation).run, known=self._fired)
            agreed = agree(self._trial(generation, cells), self._semantics[generation], run)
            self._agreed.put(asked, agreed)
        return agreed

    def _trial(self, generation: str, cells: Cells) -> Trial:
        """The trial of these cells, in the space of others where what is unknown is the same."""
        questions, affiliates = self.questions[generation], cells.affiliates
        asked = cells.asked
        unknown = (
            tuple([place for place, cell in enumerate(asked) if cell == UNKNOWN]) if UNKNOWN in asked else ()
        )
        layout = self._layouts.get((generation, unknown, affiliates))
        if layout is None or len(layout) > LARGEST_LAYOUT:
            layout = Layout(questions, cells)
            self._layouts.put((generation, unknown, affiliates), layout)
        return Trial(questions, cells, layout)

    def _engine(self, generation: str) -> Engine:
        engine = self._engines.get(generation)
        if engine is None:
            engine = self._engines[generation] = engine_for(self.ruleset, generation)
        return engine

    def render(
        self,
        evaluation: Explained,
        facts: Mapping[str, Anything],
        identifier: UUID | None,
        decided_at: datetime | None,
    ) -> bytes:
        """The JSON of the decision about these facts, from which the evaluation follows."""
        questions = self.questions[evaluation.generation]
        subject = Subject(questions, facts)
        key = self._template_key(subject, evaluation)
        template = self._templates.get(key)
        if template is None:
            document = decision_document(Subject(questions, facts, slots=True), evaluation.content)
            template = _template(orjson.dumps(document))
            self._templates.put(key, template)
        values = [_filling(subject, fact, is_whole) for fact, is_whole in template.slots]
        parts = [b"{"]
        if identifier is not None:
            parts.append(b'"id":%s,' % orjson.dumps(identifier))
        if decided_at is not None:
            parts.append(b'"decided_at":"%s",' % timestamp(decided_at).encode())
        parts.extend(template.filled(values))
        return b"".join(parts)

    def _template_key(self, subject: Subject, evaluation: Explained) -> tuple[Hashable, ...]:
        """Everything that the shape of a decision depends on; only values in slots are left."""
        facts, affiliates = subject.facts, subject.affiliates
        return (
            evaluation,  # by identity: it stands for its generation and cells, which are dear to compare
            facts["entity.kind"] in NATURAL_PERSONS,
            acts_for_employer(facts),
            tuple(map(facts.__contains__, self._stated)),
            MULTIMODAL in facts or subject.modality_from(),
            tuple(map(subject.questions.pair, affiliates)) if affiliates else (),
        )


def _filling(subject: Subject, fact: str, is_whole: bool) -> bytes:  # noqa: FBT001 - one state of two
    """What goes into a slot: JSON, or the inside of a JSON text."""
    value = subject.facts.get(fact)
    if value is None:  # derived, presumed or of an affiliate
        value = subject.value(fact)
    if is_whole:
        return orjson.dumps(value)
    if isinstance(value, tuple):
        value = list(value)
    return orjson.dumps(value if isinstance(value, str) else said_value(value, subject.ruleset.texts))[1:-1]


_SLOT = re.compile(f'"{MARK}([^{MARK}]*){MARK}"|{SAID}([^{SAID}]*){SAID}'.encode())


def _template(json: bytes) -> Template:
    texts = _SLOT.split(json[1:])
    # between texts stand two groups, of which one has matched
    groups = zip(texts[1::3], texts[2::3], strict=True)
    found = [((said if whole is None else whole).decode(), whole is not None) for whole, said in groups]
    slots = tuple(dict.fromkeys(found))
    parts = [b""] * (2 * len(found) + 1)
    parts[::2] = texts[::3]
    return Template(tuple(parts), slots, tuple(map(slots.index, found)))
