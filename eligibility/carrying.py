"""Recorded cells, carried over to another ruleset as far as they answer what it asks.

A recorded cell stands for every value that the recorded ruleset does not tell apart. Where the other one does
not tell them apart either, its cell is certain; else the recorded cells do not answer for that fact, and
nothing is guessed. How values read is found by reading requests under both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any as Anything
from typing import TypeVar

from eligibility.answering import OPEN, status_cell
from eligibility.atoms import MULTIMODAL, UNKNOWN, Cells, Kept, Question, Questions
from eligibility.carrying_affiliates import Affiliates
from eligibility.carrying_models import NAME, Models, Said
from eligibility.carrying_open import BEHALF, KIND, TEXTS, Settling
from eligibility.domains import AFFILIATES, DECLARED_BY, FACTS, NATURAL_PERSONS, ORGANISATIONS
from eligibility.facts import EligibilityRequest
from eligibility.fields import ABSENT, all_codes, answers_to, candidates
from eligibility.naming import Naming, naming_of
from eligibility.refusing import PURPOSES, Reason, Refused, model_reasons, unknown_purposes
from eligibility.ruleset import Status

Sort = tuple[str, str]
_ORGANISATION, _PERSON, _EMPLOYED = ("company", "self"), ("individual", "self"), ("individual", "employer")
"""Applicants of whom different facts count."""

Carried = Mapping[int, frozenset[int]]
"""For each recorded cell of a fact, the cells that the same values have under the other ruleset."""


@dataclass(frozen=True)
class Unanswered:
    """The other ruleset asks more of these facts than the recorded cells answer."""

    facts: tuple[str, ...]


Value = TypeVar("Value")
Result = Cells | Unanswered | Refused


class Carrier:
    """From the cells of one ruleset to those of another, for one generation that both know."""

    def __init__(self, old: Questions, new: Questions) -> None:
        """Compare what the two ask."""
        self.old = old
        self.new = new
        self._is_same = old.ruleset.digest == new.ruleset.digest
        self._places = [{q.fact: place for place, q in enumerate(one.asked)} for one in (old, new)]
        self._depends = {
            question.fact: tuple(
                self._places[0].get(fact, -1)
                for fact in (question.fact, DECLARED_BY.get(question.fact, ("",))[0], KIND, BEHALF)
            )
            for question in new.asked
        }
        self._models = Models(old, new)
        self._affiliates = Affiliates(old, new)
        self._statuses = [self._status(*entry) for entry in new.statuses]
        self._found: Callable[[tuple[Anything, ...]], frozenset[int]] = Kept(
            lambda key: self._find(*key)
        ).__getitem__
        self._carried: Callable[[tuple[str, Sort, bool]], Carried] = Kept(
            lambda key: self._values(*key)
        ).__getitem__
        self._sorts = self._sorts_by_cells()
        self._naming: Callable[[tuple[str, int]], Naming | None] = Kept(
            lambda key: self._named(*key)
        ).__getitem__
        self.settling: Callable[[tuple[str, ...]], Settling] = Kept(
            lambda unanswered: Settling(new, unanswered)
        ).__getitem__
        """What settles these facts where recorded cells leave them open."""
        self._dropped = [
            one for one in old.ruleset.vocabulary.purposes if one not in new.ruleset.vocabulary.purposes
        ]

    def carry(self, cells: Cells) -> Result:
        """The cells under the other ruleset of every request that has these recorded cells."""
        if self._is_same:
            return cells
        unanswered: list[str] = []
        model = _one(self._models.carried(*self._model_cells(cells)), NAME, unanswered)
        reasons = self._dropped_purposes(cells, unanswered)
        asked = [_one(self._asked(question, cells), question.fact, unanswered) for question in self.new.asked]
        statuses = [
            _one(carried(cells), f"status of {obligation}", unanswered)
            for (obligation, _), carried in zip(self.new.statuses, self._statuses, strict=True)
        ]
        pairs = self._affiliates.carried(cells.affiliates)
        if pairs is None:
            unanswered.append(AFFILIATES)
        return self._result(Cells(tuple(asked), tuple(statuses), pairs or ()), model, reasons, unanswered)

    def without_texts(self, facts: Mapping[str, Anything], cells: Cells) -> Result:
        """The cells of a request whose private texts were erased; for those, the recorded `cells` answer."""
        if self._is_same:
            return cells
        unanswered: list[str] = []
        vocabulary = self.new.ruleset.vocabulary
        reasons = unknown_purposes(facts, vocabulary)
        found = self.new.cells(EligibilityRequest({}, dict(facts)))
        asked, statuses = list(found.asked), list(found.statuses)
        for place, question in enumerate(self.new.asked):
            if FACTS[question.fact].kind == "text":
                asked[place] = _one(self._asked(question, cells), question.fact, unanswered)
        for place, (obligation, (status, _)) in enumerate(self.new.statuses):
            if FACTS[status.fact].kind in TEXTS:
                statuses[place] = _one(self._statuses[place](cells), f"status of {obligation}", unanswered)
        model: Said | None = None
        if NAME in facts:
            reasons |= model_reasons(facts, vocabulary)
        else:
            ways = self._models.carried(*self._model_cells(cells), stated=facts.get(MULTIMODAL), erased=True)
            model = _one(ways, NAME, unanswered)
        known = Cells(tuple(asked), tuple(statuses), found.affiliates)
        return self._result(known, model, reasons, unanswered)

    def _result(
        self, cells: Cells, model: Said | None, reasons: set[Reason], unanswered: list[str]
    ) -> Result:
        """The cells with what the model's are, if there is nothing against it."""
        if unanswered:
            return Unanswered(tuple(dict.fromkeys(unanswered)))
        if isinstance(model, Refused):
            reasons |= set(model.reasons)
        if reasons:
            return Refused(tuple(sorted(reasons)))
        if model is None or isinstance(model, Refused):
            return cells
        asked = list(cells.asked)
        for fact, cell in zip((NAME, MULTIMODAL), model, strict=True):
            if fact in self._places[1]:
                asked[self._places[1][fact]] = cell
        return cells._replace(asked=tuple(asked))

    def _cell(self, side: int, fact: str, cells: Cells) -> int:
        """The cell of a fact; of one that is not asked about, none of whose values are told apart, 0."""
        place = self._places[side].get(fact)
        return 0 if place is None else cells.asked[place]

    def _model_cells(self, cells: Cells) -> tuple[int, int]:
        return self._cell(0, NAME, cells), self._cell(0, MULTIMODAL, cells)

    def _asked(self, question: Question, cells: Cells) -> frozenset[int]:
        """The cells that a fact may have under the other ruleset."""
        own, owner, kind, behalf = self._depends[question.fact]
        known = (*cells.asked, 0)  # where a place is -1, the old ruleset does not ask: see `_cell`
        return self._found((question.fact, known[own], known[owner], known[kind], known[behalf]))

    def _find(self, fact: str, cell: int, owner: int, kind: int, behalf: int) -> frozenset[int]:
        """The same, from all that it depends on: the cells of fact, declaring list, and applicant."""
        if fact in {NAME, MULTIMODAL}:
            return frozenset({UNKNOWN})  # filled in from the model as a whole
        found = set[int]()
        for sort in self._sorts[kind, behalf]:
            for is_declared in self._is_declared(fact, owner):
                found |= self._carried((fact, sort, is_declared)).get(cell, frozenset())
        if FACTS[fact].kind == "codes" and cell != UNKNOWN:
            naming = self._naming((fact, cell))
            found |= naming.cells(self.new.by_fact[fact]) if naming else {0, UNKNOWN}
        return frozenset(found)

    def _is_declared(self, fact: str, owner: int) -> frozenset[bool]:
        """Whether the list that must name a fact's code does, or is unknown; True where there is none."""
        if fact not in DECLARED_BY:
            return frozenset({True})
        name, code = DECLARED_BY[fact]
        naming = None if name in self.old.ruleset.presumed else self._naming((name, owner))
        if naming is not None:
            return naming.names(code)
        return frozenset({True}) if owner == UNKNOWN else frozenset({True, False})

    def _named(self, fact: str, cell: int) -> Naming | None:
        question = self.old.by_fact.get(fact)
        if question is None or cell == UNKNOWN:
            return None
        return naming_of(question, cell, all_codes(fact, [self.old]))

    def _dropped_purposes(self, cells: Cells, unanswered: list[str]) -> set[Reason]:
        """The purposes that were given and that the other ruleset does not know."""
        if not self._dropped or self._cell(0, PURPOSES, cells) == UNKNOWN:
            return set()
        naming = self._naming((PURPOSES, self._cell(0, PURPOSES, cells)))
        if naming is None or any(len(naming.names(purpose)) > 1 for purpose in self._dropped):
            unanswered.append(PURPOSES)
            return set()
        return {(PURPOSES, purpose) for purpose in self._dropped if True in naming.names(purpose)}

    def _sorts_by_cells(self) -> dict[tuple[int, int], tuple[Sort, ...]]:
        """For the cells of the applicant's kind and of whom it acts for: the sorts of applicants."""
        found: dict[tuple[int, int], dict[Sort, None]] = {}
        for sort in (_ORGANISATION, _PERSON, _EMPLOYED):
            kinds = ORGANISATIONS if sort is _ORGANISATION else NATURAL_PERSONS
            for kind in kinds:
                for behalf in _behalves(sort):
                    facts = self._facts(sort, {KIND: kind, BEHALF: behalf})
                    key = self._read(0, KIND, facts), self._read(0, BEHALF, facts)
                    found.setdefault(key, {})[sort] = None
        return {key: tuple(sorts) for key, sorts in found.items()}

    def _facts(self, sort: Sort, more: Mapping[str, Anything]) -> dict[str, Anything]:
        facts = {"model.generation": self.new.generation, KIND: sort[0], BEHALF: sort[1], **more}
        return {fact: value for fact, value in facts.items() if value is not ABSENT}

    def _read(self, side: int, fact: str, facts: dict[str, Anything]) -> int:
        questions = (self.old, self.new)[side]
        return self._cell(side, fact, questions.cells(EligibilityRequest({}, facts)))

    def _values(self, fact: str, sort: Sort, is_declared: bool) -> Carried:  # noqa: FBT001 - one state of two
        """For each recorded cell, the other cells, over all values of a fact and its absence."""
        found: dict[int, set[int]] = {}
        declaring: dict[str, Anything] = {}
        if fact in DECLARED_BY:
            owner, code = DECLARED_BY[fact]
            declaring[owner] = (code,) if is_declared else ()
        for value in self._possible(fact, sort):
            facts = self._facts(sort, {**declaring, fact: value})
            found.setdefault(self._read(0, fact, facts), set()).add(self._read(1, fact, facts))
        return {cell: frozenset(others) for cell, others in found.items()}

    def _possible(self, fact: str, sort: Sort) -> Iterator[Anything]:
        """Values of a fact that between them show all that either ruleset tells apart, and its absence.

        Lists of codes are only absent here: what they name is told by `Naming`.
        """
        if fact == KIND:
            yield from ORGANISATIONS if sort is _ORGANISATION else NATURAL_PERSONS
        elif fact == BEHALF:
            yield from _behalves(sort)
        else:
            yield ABSENT
            if FACTS[fact].kind != "codes":
                both = (self.old, self.new)
                atoms = [atom for one in both for atom in one.program.questions.get(fact, ())]
                values = candidates(fact, atoms, all_codes(fact, both), both)
                yield from {answers_to(fact, value, both): value for value in values}.values()

    def _status(self, obligation: str, new: tuple[Status, str | None]) -> Callable[[Cells], frozenset[int]]:
        """How the status of an obligation is carried over: where it is read off the same fact."""
        olds = [(name == obligation, place, old) for place, (name, old) in enumerate(self.old.statuses)]
        for _, place, old in sorted(olds, key=lambda entry: not entry[0]):
            if old == new:
                return lambda cells: frozenset({cells.statuses[place]})
        for is_namesake, place, old in olds:
            if is_namesake and old[0].fact == new[0].fact:
                carried = _statuses_carried(old, new)
                return lambda cells: carried.get(cells.statuses[place], _ANY_STATUS)
        return lambda _: _ANY_STATUS


_ANY_STATUS = frozenset({OPEN, UNKNOWN})
"""In place of the status of which nothing is known: more than one."""


def _statuses_carried(
    old: tuple[Status, str | None], new: tuple[Status, str | None]
) -> dict[int, frozenset[int]]:
    found: dict[int, set[int]] = {OPEN: {OPEN}}
    domain = FACTS[old[0].fact]
    if domain.kind in TEXTS:
        return {OPEN: frozenset({OPEN})}
    for value in domain.values or (False, True):
        found.setdefault(status_cell(value, *old), set()).add(status_cell(value, *new))
    return {cell: frozenset(others) for cell, others in found.items()}


def _behalves(sort: Sort) -> tuple[Anything, ...]:
    return ("employer",) if sort is _EMPLOYED else (ABSENT, "self")


def _one(found: Iterable[Value], fact: str, unanswered: list[str]) -> Value:
    """One of the cells that there may be; where it is not the only one, the fact is noted as unanswered."""
    first, *others = found
    if others:
        unanswered.append(fact)
    return first
