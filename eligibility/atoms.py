"""From a request to its cells: the one function that finds what a value means to the rules.

Of each fact, a ruleset asks finitely many questions (atoms). The *cell* of a value is the set of its
yes-answers; values with the same cell can not be told apart by any rule. A request is reduced to `Cells`, and
everything after that sees nothing else.

A cell is an `int`: bit *i* is the answer to the fact's question *i*; `UNKNOWN` where the fact counts but
was not given. What is not applicable answers every question with no.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any as Anything
from typing import NamedTuple

from eligibility.answering import OPEN, STATUSES, Answerer, answerer, status_cell
from eligibility.conditions import Atom
from eligibility.domains import AFFILIATES, DECLARED_BY, MEMBER, NATURAL_PERSONS
from eligibility.facts import EligibilityRequest, Vocabulary, normalise_model_name
from eligibility.ruleset import Program, Ruleset

UNKNOWN = -1

Pair = tuple[int, int]
"""The cells of one affiliate: of its country, and of what it is involved in."""


class Cells(NamedTuple):
    """A request as its generation's rules see it, in the order of `Questions`."""

    asked: tuple[int, ...]
    """Of each fact that rules ask about: its cell, or `UNKNOWN`."""

    statuses: tuple[int, ...]
    """Of each obligation whose status follows from a fact: `OPEN`, `MET` or `UNMET`."""

    affiliates: tuple[Pair, ...]
    """The distinct pairs that can have a bearing, sorted."""


COUNTRY_MEMBER = f"{MEMBER}principal_place_of_business"
INVOLVED_MEMBER = f"{MEMBER}involved_in"
_FOR_PERSONS = {"entity.domicile", "use.on_behalf_of"}
_FOR_ORGANISATIONS = {"entity.principal_place_of_business"}
_FOR_EMPLOYED = {
    "entity.employer.kind",
    "entity.employer.principal_place_of_business",
    "entity.employer.relationship",
}
NEVER_UNKNOWN = {
    "model.name",
    "use.critical_infrastructure.certification",
    "use.critical_infrastructure.sector",
}
USERS = "entity.monthly_active_users"
MULTIMODAL = "model.multimodal"
_STATUS_CELLS = {name: cell for cell, name in enumerate(STATUSES)}


def acts_for_employer(facts: Mapping[str, Anything]) -> bool:
    """Whether the applicant is a natural person who acts within the scope of the work for an employer."""
    return facts["entity.kind"] in NATURAL_PERSONS and facts.get("use.on_behalf_of") == "employer"


def is_applicable(path: str, facts: Mapping[str, Anything]) -> bool:
    """Whether a fact can have a bearing at all, given the other facts (policy, section 3)."""
    natural = facts["entity.kind"] in NATURAL_PERSONS
    declared = DECLARED_BY.get(path)
    counts = counts_for(path, natural=natural, employed=acts_for_employer(facts))
    return counts and (declared is None or _is_declared(declared, facts))


def is_presumed(path: str, facts: Mapping[str, Anything], presumed: Mapping[str, Anything]) -> bool:
    """Whether a fact, where it is not given, is taken at its default (and is then an assumption)."""
    if path not in presumed or not is_applicable(path, facts):
        return False
    return path != USERS or (facts["entity.kind"] in NATURAL_PERSONS and not acts_for_employer(facts))


def modality(facts: Mapping[str, Anything], vocabulary: Vocabulary) -> bool | None:
    """Whether the model is multimodal: as stated, else by the catalogue, else by generation (policy, 2)."""
    stated: bool | None = facts.get(MULTIMODAL)
    if stated is not None:
        return stated
    name = facts.get("model.name")
    model = vocabulary.models.get(normalise_model_name(name)) if name else None
    return model.multimodal if model else vocabulary.modality[facts["model.generation"]]


class Kept(dict[Anything, Anything]):
    """What a function found for values, kept because values recur, up to a bound."""

    def __init__(self, find: Callable[[Anything], Anything]) -> None:
        """Keep what this function finds."""
        super().__init__()
        self._find = find

    def __missing__(self, value: Anything) -> Anything:
        """Find it now."""
        found = self._find(value)
        if len(self) < _MOST_KEPT:
            self[value] = found
        return found


_MOST_KEPT = 4096
"""More than there are countries and codes; a bound for lists and numbers."""


class Question:
    """What is asked about one fact: its atoms, and how a value is turned into a cell."""

    def __init__(self, fact: str, atoms: tuple[Atom, ...], answer: Sequence[Answerer]) -> None:
        """Ask these atoms, answered by these functions."""
        self.fact = fact
        self.atoms = atoms
        self._answer = answer
        # texts are not kept: they may have to be erased
        self.read: Callable[[Anything], int] = (
            self._read if fact in NEVER_UNKNOWN else Kept(self._read).__getitem__
        )
        self.yes: Callable[[int], tuple[Atom, ...]] = Kept(self._yes).__getitem__
        """The atoms that a cell answers with yes."""
        self._bits = {atom.phrase: 1 << bit for bit, atom in enumerate(atoms)}

    def cell(self, phrases: Sequence[str] | None) -> int:
        """The cell that answers these phrases with yes; `UNKNOWN` for None. Raises KeyError."""
        return UNKNOWN if phrases is None else sum(map(self._bits.__getitem__, phrases))

    def _read(self, value: Anything) -> int:
        return sum(bool(yes(value)) << bit for bit, yes in enumerate(self._answer))

    def _yes(self, cell: int) -> tuple[Atom, ...]:
        return tuple(atom for bit, atom in enumerate(self.atoms) if cell >> bit & 1)


class _Readings(NamedTuple):
    """How the requests of one sort of applicant are read."""

    absent: list[int]
    """Of each fact that is asked about, the cell of its absence (0 where it is not applicable)."""

    reads: dict[str, tuple[int, Callable[[Anything], int]]]
    """Of each applicable fact, its place and how a value of it is read."""

    declared: list[tuple[int, tuple[str, str]]]
    """The places of facts that count only where a list names a code."""


class Questions:
    """Everything that the rules of one generation ask, and the reading of requests by it."""

    def __init__(self, ruleset: Ruleset, program: Program) -> None:
        """Collect the questions of a generation's rules."""
        self.ruleset = ruleset
        self.program = program
        self.generation = program.generation.id
        asked = {fact: atoms for fact, atoms in program.questions.items() if fact != AFFILIATES}
        self.asked = tuple(self._question(fact, atoms) for fact, atoms in asked.items())
        self.statuses = tuple(sorted(program.statuses.items()))
        self.some = program.questions.get(AFFILIATES, ())
        self.country = self._question(COUNTRY_MEMBER, self._members(COUNTRY_MEMBER))
        self.involvement = self._question(INVOLVED_MEMBER, self._members(INVOLVED_MEMBER))
        self._readings = {
            (natural, employed): self._all_readings(natural=natural, employed=employed)
            for natural, employed in ((False, False), (True, False), (True, True))
        }
        self._multimodal = next(
            (place for place, question in enumerate(self.asked) if question.fact == MULTIMODAL), None
        )

    @cached_property
    def by_fact(self) -> dict[str, Question]:
        """The questions by fact; those about affiliates apart."""
        return {question.fact: question for question in self.asked}

    @cached_property
    def atoms_by_id(self) -> dict[str, Atom]:
        """The atoms by the ids with which evaluations name them."""
        return {atom.id: atom for atom in self.program.atoms}

    def _members(self, fact: str) -> tuple[Atom, ...]:
        parts = (part for atom in self.some for part in atom.parts if part.fact == fact)
        return tuple(dict.fromkeys(parts))

    def _question(self, fact: str, atoms: tuple[Atom, ...]) -> Question:
        return Question(
            fact, atoms, [answerer(atom, self.ruleset, self.program.generation) for atom in atoms]
        )

    def _all_readings(self, *, natural: bool, employed: bool) -> _Readings:
        readings = _Readings([], {}, [])
        for place, question in enumerate(self.asked):
            fact = question.fact
            counts = counts_for(fact, natural=natural, employed=employed)
            readings.absent.append(self._absent(question, private=natural and not employed) if counts else 0)
            if counts:
                readings.reads[fact] = place, question.read
            if counts and fact in DECLARED_BY:
                readings.declared.append((place, DECLARED_BY[fact]))
        return readings

    def _absent(self, question: Question, *, private: bool) -> int:
        """The cell of an applicable fact that was not given; `private` is a person who acts for nobody."""
        fact = question.fact
        value = self.ruleset.presumed.get(fact)
        if fact == USERS:
            return 0 if private else UNKNOWN
        if fact in NEVER_UNKNOWN:
            return 0
        if value is None:
            return UNKNOWN
        return question.read(tuple(value) if isinstance(value, list) else value)

    def cells(self, request: EligibilityRequest, *, statuses: bool = True) -> Cells:
        """The cells of a request: of each fact that is asked about, of each status, of the affiliates.

        Without `statuses`, which no rule reads, those are left out.
        """
        facts = request.facts
        natural = facts["entity.kind"] in NATURAL_PERSONS
        employed = natural and facts.get("use.on_behalf_of") == "employer"
        absent, reads, declared = self._readings[natural, employed]
        found = absent.copy()
        for fact, value in facts.items():
            reading = reads.get(fact)
            if reading is not None:
                place, read = reading
                found[place] = read(value)
        for place, by in declared:
            if not _is_declared(by, facts):
                found[place] = 0
        asked = self._multimodal
        if asked is not None and found[asked] == UNKNOWN:
            derived = modality(facts, self.ruleset.vocabulary)
            if derived is not None:
                found[asked] = self.asked[asked].read(derived)
        shown = []
        for _, (status, due) in self.statuses if statuses else ():
            value = facts.get(status.fact)
            shown.append(OPEN if value is None else status_cell(value, status, due))
        affiliates = facts.get(AFFILIATES)
        return Cells(tuple(found), tuple(shown), self.pairs(affiliates) if affiliates else ())

    def pairs(self, affiliates: tuple[Mapping[str, Anything], ...]) -> tuple[Pair, ...]:
        """The distinct cells of the affiliates that can have a bearing, in the order that numbers them."""
        return tuple(sorted({pair for pair in map(self.pair, affiliates) if self.can_matter(pair)}))

    def pair(self, affiliate: Mapping[str, Anything]) -> Pair:
        """The cells of one affiliate: of its country, and of what it is involved in."""
        country = affiliate.get("principal_place_of_business")
        involved = affiliate.get("involved_in")
        return (
            UNKNOWN if country is None else self.country.read(country),
            UNKNOWN if involved is None else self.involvement.read(tuple(involved)),
        )

    def can_matter(self, pair: Pair) -> bool:
        """Whether an affiliate with these cells can have a bearing on some question."""
        return any(
            all(self.part_answer(part, pair) is not False for part in atom.parts) for atom in self.some
        )

    def part_answer(self, part: Atom, pair: Pair) -> bool | None:
        """How an affiliate's cells answer one part of a question about affiliates; None if unknown."""
        question, cell = (
            (self.country, pair[0]) if part.fact == COUNTRY_MEMBER else (self.involvement, pair[1])
        )
        return None if cell == UNKNOWN else part in question.yes(cell)

    def document(self, cells: Cells) -> dict[str, Anything]:
        """The cells as JSON: for each fact the yes-answers, or null where it is unknown."""
        found: dict[str, Anything] = {"model.generation": self.generation}
        for question, cell in zip(self.asked, cells.asked, strict=True):
            found[question.fact] = _answers(question, cell)
        for (obligation, _), cell in zip(self.statuses, cells.statuses, strict=True):
            found[f"status of {obligation}"] = STATUSES[cell]
        found[AFFILIATES] = [
            [_answers(self.country, country), _answers(self.involvement, involved)]
            for country, involved in cells.affiliates
        ]
        return found

    def cells_of(self, document: Mapping[str, Anything]) -> Cells:
        """The cells that `document` wrote as JSON, read back. Raises KeyError where others are written."""
        return Cells(
            tuple(question.cell(document[question.fact]) for question in self.asked),
            tuple(_STATUS_CELLS[document[f"status of {obligation}"]] for obligation, _ in self.statuses),
            tuple(
                (self.country.cell(country), self.involvement.cell(involved))
                for country, involved in document[AFFILIATES]
            ),
        )


def counts_for(fact: str, *, natural: bool, employed: bool) -> bool:
    """Whether a fact counts for applicants of this sort: persons or not, acting for an employer or not."""
    if fact in _FOR_PERSONS:
        return natural
    if fact in _FOR_ORGANISATIONS:
        return not natural
    return employed or fact not in _FOR_EMPLOYED


def _is_declared(declared: tuple[str, str], facts: Mapping[str, Anything]) -> bool:
    """Whether the list names the code, or may name it since it is unknown."""
    codes = facts.get(declared[0])
    return codes is None or declared[1] in codes


def _answers(question: Question, cell: int) -> list[str] | None:
    return None if cell == UNKNOWN else [atom.phrase for atom in question.yes(cell)]
