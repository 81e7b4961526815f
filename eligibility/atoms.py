"""From a request to its cells: the one function that finds what a value means to the rules.

Of each fact, a ruleset asks finitely many questions (atoms). The *cell* of a value is the set of its
yes-answers; values with the same cell can not be told apart by any rule. A request is reduced to a tuple
with one cell for each fact that its generation's rules ask about, and everything after that sees only
cells.

A cell is an `int`: bit *i* is the answer to the fact's question *i*; `UNKNOWN` where the fact counts but
was not given. What is not applicable answers every question with no. The cell of the affiliates is the
sorted tuple of the distinct pairs (country cell, involvement cell) that can have a bearing; of a fact that
only decides the status of an obligation, it is `OPEN`, `MET` or `UNMET`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any as Anything

from eligibility.answering import STATUSES, answerer, status_cell
from eligibility.conditions import Atom
from eligibility.domains import AFFILIATES, DECLARED_BY, MEMBER, NATURAL_PERSONS, domain_of
from eligibility.facts import EligibilityRequest, Vocabulary, normalise_model_name
from eligibility.ruleset import Program, Ruleset

UNKNOWN = -1

Pair = tuple[int, int]
Cell = int | tuple[Pair, ...]
Cells = tuple[Cell, ...]

COUNTRY_MEMBER = f"{MEMBER}principal_place_of_business"
INVOLVED_MEMBER = f"{MEMBER}involved_in"
_FOR_PERSONS = {"entity.domicile", "use.on_behalf_of"}
_FOR_ORGANISATIONS = {"entity.principal_place_of_business"}
_FOR_EMPLOYED = {
    "entity.employer.kind",
    "entity.employer.principal_place_of_business",
    "entity.employer.relationship",
}
_NEVER_UNKNOWN = {
    "model.name",
    "use.critical_infrastructure.certification",
    "use.critical_infrastructure.sector",
}
USERS = "entity.monthly_active_users"


def acts_for_employer(facts: Mapping[str, Anything]) -> bool:
    """Whether the applicant is a natural person who acts within the scope of the work for an employer."""
    return facts["entity.kind"] in NATURAL_PERSONS and facts.get("use.on_behalf_of") == "employer"


def is_applicable(path: str, facts: Mapping[str, Anything]) -> bool:
    """Whether a fact can have a bearing at all, given the other facts (policy, section 3)."""
    return _counts(
        path, facts, natural=facts["entity.kind"] in NATURAL_PERSONS, employed=acts_for_employer(facts)
    )


def is_presumed(path: str, facts: Mapping[str, Anything], presumed: Mapping[str, Anything]) -> bool:
    """Whether a fact, where it is not given, is taken at its default (and is then an assumption)."""
    if path not in presumed or not is_applicable(path, facts):
        return False
    return path != USERS or (facts["entity.kind"] in NATURAL_PERSONS and not acts_for_employer(facts))


def modality(facts: Mapping[str, Anything], vocabulary: Vocabulary) -> bool | None:
    """Whether the model is multimodal: as stated, else by the catalogue, else by generation (policy, 2)."""
    stated: bool | None = facts.get("model.multimodal")
    if stated is not None:
        return stated
    name = facts.get("model.name")
    model = vocabulary.models.get(normalise_model_name(name)) if name else None
    return model.multimodal if model else vocabulary.modality[facts["model.generation"]]


@dataclass(frozen=True)
class Question:
    """What is asked about one fact: its atoms, and how a value is turned into a cell."""

    fact: str
    atoms: tuple[Atom, ...]
    read: Callable[[Anything], int]
    absent: int
    _answered: dict[int, dict[Atom, int]] = field(default_factory=dict)

    def answers(self, cell: int) -> dict[Atom, int]:
        """Every question about the fact, answered 1 or 0 by a cell."""
        found = self._answered.get(cell)
        if found is None:
            found = {atom: cell >> bit & 1 for bit, atom in enumerate(self.atoms)}
            if len(self._answered) < _KEPT:
                self._answered[cell] = found
        return found


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
        self.country_atoms = self._members(COUNTRY_MEMBER)
        self.involved_atoms = self._members(INVOLVED_MEMBER)
        self._country = self._reader(COUNTRY_MEMBER, self.country_atoms)
        self._involved = self._reader(INVOLVED_MEMBER, self.involved_atoms)
        self.country_question = Question(COUNTRY_MEMBER, self.country_atoms, self._country, UNKNOWN)
        self.names = (
            *(question.fact for question in self.asked),
            *(f"status of {obligation}" for obligation, _ in self.statuses),
            AFFILIATES,
        )

    @cached_property
    def atoms_by_id(self) -> dict[str, Atom]:
        """The atoms by the ids with which evaluations name them."""
        return {atom.id: atom for atom in self.program.atoms}

    def _members(self, fact: str) -> tuple[Atom, ...]:
        parts = (part for atom in self.some for part in _parts(atom) if part.fact == fact)
        return tuple(dict.fromkeys(parts))

    def _question(self, fact: str, atoms: tuple[Atom, ...]) -> Question:
        read = self._reader(fact, atoms)
        presumed = self.ruleset.presumed
        if fact in presumed and fact != USERS:
            value = presumed[fact]
            absent = read(tuple(value) if isinstance(value, list) else value)
        else:
            absent = 0 if fact in _NEVER_UNKNOWN else UNKNOWN
        return Question(fact, atoms, read, absent)

    def _reader(self, fact: str, atoms: tuple[Atom, ...]) -> Callable[[Anything], int]:
        """A function from a fact's value to its cell; what it finds is kept, since values recur."""
        answer = [answerer(atom, self.ruleset, self.program.generation) for atom in atoms]
        domain = domain_of(fact)
        kept: dict[object, int] = {}

        def read(value: Anything) -> int:
            found = kept.get(value)
            if found is None:
                found = sum(bool(yes(value)) << bit for bit, yes in enumerate(answer))
                if len(kept) < _KEPT:
                    kept[value] = found
            return found

        def read_number(value: int) -> int:
            return sum(int(yes(value)) << bit for bit, yes in enumerate(answer))

        return read_number if domain and domain.kind == "number" else read

    def cells(self, request: EligibilityRequest) -> Cells:
        """The cells of a request, in the order of `names`."""
        facts = request.facts
        natural = facts["entity.kind"] in NATURAL_PERSONS
        employed = natural and facts.get("use.on_behalf_of") == "employer"
        found: list[Cell] = []
        for question in self.asked:
            fact = question.fact
            value = facts.get(fact)
            if not _counts(fact, facts, natural=natural, employed=employed):
                found.append(0)
            elif value is not None:
                found.append(question.read(value))
            elif fact == USERS and natural and not employed:
                found.append(0)
            elif fact == "model.multimodal":
                derived = modality(facts, self.ruleset.vocabulary)
                found.append(UNKNOWN if derived is None else question.read(derived))
            else:
                found.append(question.absent)
        for _, (status, due) in self.statuses:
            found.append(status_cell(facts.get(status.fact), status, due))
        found.append(self.pairs(facts.get(AFFILIATES) or ()))
        return tuple(found)

    def pairs(self, affiliates: tuple[Mapping[str, Anything], ...]) -> tuple[Pair, ...]:
        """The distinct cells of the affiliates that can have a bearing, in the order that numbers them."""
        if not affiliates or not self.some:
            return ()
        return tuple(sorted({pair for pair in map(self.pair, affiliates) if self._can_matter(pair)}))

    def pair(self, affiliate: Mapping[str, Anything]) -> Pair:
        """The cells of one affiliate: of its country, and of what it is involved in."""
        country = affiliate.get("principal_place_of_business")
        involved = affiliate.get("involved_in")
        return (
            UNKNOWN if country is None else self._country(country),
            UNKNOWN if involved is None else self._involved(tuple(involved)),
        )

    def _can_matter(self, pair: Pair) -> bool:
        return any(
            all(self.part_answer(part, pair) is not False for part in _parts(atom)) for atom in self.some
        )

    def part_answer(self, part: Atom, pair: Pair) -> bool | None:
        """How an affiliate's cells answer one part of a question about affiliates; None if unknown."""
        atoms, cell = (
            (self.country_atoms, pair[0]) if part.fact == COUNTRY_MEMBER else (self.involved_atoms, pair[1])
        )
        return None if cell == UNKNOWN else bool(cell >> atoms.index(part) & 1)

    def document(self, cells: Cells) -> dict[str, Anything]:
        """The cells as JSON: for each fact the yes-answers, or null where it is unknown."""
        found: dict[str, Anything] = {"model.generation": self.generation}
        asked = len(self.asked)
        for question, cell in zip(self.asked, cells, strict=False):
            found[question.fact] = _answers(question.atoms, cell)
        for (obligation, _), cell in zip(self.statuses, cells[asked:], strict=False):
            found[f"status of {obligation}"] = STATUSES[cell]  # type: ignore[index]  # a status cell is an int
        pairs = cells[-1]
        found[AFFILIATES] = [
            [_answers(self.country_atoms, country), _answers(self.involved_atoms, involved)]
            for country, involved in pairs  # type: ignore[union-attr]  # the last cell is that of the affiliates
        ]
        return found


_KEPT = 4096
"""How many values a reader keeps: more than there are countries and codes, and a bound for lists."""


def _counts(fact: str, facts: Mapping[str, Anything], *, natural: bool, employed: bool) -> bool:
    """`is_applicable`, with what is the same for all facts of a request worked out before."""
    if fact in _FOR_PERSONS:
        return natural
    if fact in _FOR_ORGANISATIONS:
        return not natural
    if fact in _FOR_EMPLOYED:
        return employed
    if fact in DECLARED_BY:
        declaring, code = DECLARED_BY[fact]
        declared = facts.get(declaring)
        return declared is None or code in declared
    return True


def _parts(atom: Atom) -> tuple[Atom, ...]:
    """The atoms that one affiliate must satisfy for a `some` question."""
    parts: tuple[Atom, ...] = atom.argument  # type: ignore[assignment]  # parsing makes it a tuple of atoms
    return parts


def _answers(atoms: tuple[Atom, ...], cell: Cell) -> list[str] | None:
    if cell == UNKNOWN:
        return None
    return [atom.phrase for bit, atom in enumerate(atoms) if cell >> bit & 1]  # type: ignore[operator]
