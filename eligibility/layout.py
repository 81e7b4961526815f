"""Unknown facts laid out as variables: every value that a request could give, in a diagram space.

Unknown facts are tried as whole facts over their possible cells, never as atoms flipped one by one: the
atoms of one fact hang together. A fact with one value is one variable over its possible cells. A list is
one variable for each code whose presence a rule can notice; since lists are not empty, the last code is
present where no other is, unless the list has a code that no rule asks for and that can stand there alone.

Of several affiliates that are alike in what is known, one is tried for all: what affiliates add up to is
the union of what each adds, and the possible contributions of such a group are closed under union and have
a least member.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache, wraps
from itertools import product
from typing import Any as Anything
from typing import TypeVar, TypeVarTuple

from eligibility.atoms import COUNTRY_MEMBER, UNKNOWN, Cells, Question, Questions
from eligibility.codes import COUNTRIES
from eligibility.conditions import Atom
from eligibility.diagram import FALSE, TRUE, Space
from eligibility.domains import AFFILIATES, DECLARED_BY, MEMBER, Domain, domain_of

Asked = TypeVarTuple("Asked")
Found = TypeVar("Found")

Slot = tuple[str, int]
"""An unknown fact: its path, and the place of its pair among the affiliates (-1 for other facts)."""


def slot_name(slot: Slot) -> str:
    """The slot as it is written into evaluations: the path, with the place of the pair among the cells."""
    path, place = slot
    return path if place < 0 else path.replace(MEMBER, f"{AFFILIATES}[cell {place}].")


@dataclass(frozen=True)
class Variable:
    """One variable: the slot it belongs to, the cells it ranges over, or the code whose presence it is."""

    slot: Slot
    cells: tuple[int, ...] = ()
    code: str | None = None

    @property
    def size(self) -> int:
        """The number of values."""
        return len(self.cells) or 2

    @property
    def name(self) -> str:
        """The slot, as it is written into evaluations."""
        return slot_name(self.slot)


class Layout:
    """The unknown facts among some cells, and every atom that asks about them as a function of them.

    It is the same for all cells of a generation of which the same is unknown, with the same affiliates.
    """

    def __init__(self, questions: Questions, cells: Cells) -> None:
        """Lay out the variables for what is unknown among the cells."""
        self._questions = questions
        self._affiliates = cells.affiliates
        self.variables: list[Variable] = []
        self._numbers: dict[tuple[Slot, str | None], int] = {}
        asked = zip(questions.asked, cells.asked, strict=True)
        unknown = {question.fact: question for question, cell in asked if cell == UNKNOWN}
        for atom in questions.program.atoms if unknown else ():
            if atom.fact in unknown:
                self._lay_out(unknown[atom.fact], atom)
        self._lay_out_affiliates()
        self.space = Space([variable.size for variable in self.variables])
        self.kept: dict[Hashable, Anything] = {}
        """What others worked out in this space, by what they were asked: see `kept_by`."""
        self.atoms: dict[Atom, int] = dict.fromkeys(questions.program.atoms, FALSE)
        """All atoms; those about facts that are known answer with no."""
        for question in unknown.values():
            for bit, atom in enumerate(question.atoms):
                self.atoms[atom] = self._unknown(question, atom, bit)
        for atom in questions.some:
            self.atoms[atom] = self._some(atom)

    def __len__(self) -> int:
        """How much there is to keep: functions, and what was worked out of them."""
        return len(self.space) + len(self.kept)

    @cached_property
    def certain(self) -> tuple[Atom, ...]:
        """The atoms that are true whatever the unknown facts are, and whatever other facts are."""
        return tuple(atom for atom, function in self.atoms.items() if function == TRUE)

    @cached_property
    def open(self) -> tuple[tuple[Atom, int], ...]:
        """The atoms whose answer hangs on what is unknown."""
        return tuple(
            (atom, function) for atom, function in self.atoms.items() if function not in {FALSE, TRUE}
        )

    @cached_property
    def slots(self) -> dict[Slot, frozenset[int]]:
        """The unknown facts, each with the numbers of its variables."""
        grouped: dict[Slot, set[int]] = {}
        for number, variable in enumerate(self.variables):
            grouped.setdefault(variable.slot, set()).add(number)
        return {slot: frozenset(numbers) for slot, numbers in grouped.items()}

    @cached_property
    def listed(self) -> dict[Slot, frozenset[int]]:
        """Those that may be listed as missing: whose declaring fact, if they have one, is known."""
        return {slot: numbers for slot, numbers in self.slots.items() if _declaring(slot) not in self.slots}

    def _add(self, variable: Variable) -> None:
        self._numbers.setdefault((variable.slot, variable.code), len(self.variables))
        if self._numbers[variable.slot, variable.code] == len(self.variables):
            self.variables.append(variable)

    def _domain(self, fact: str) -> Domain:
        vocabulary = self._questions.ruleset.vocabulary
        domain = domain_of(fact, vocabulary.purposes, vocabulary.generations)
        if domain is None:
            raise KeyError(fact)
        return domain

    def _lay_out(self, question: Question, atom: Atom) -> None:
        domain = self._domain(question.fact)
        slot = (question.fact, UNKNOWN)
        if domain.kind == "codes":
            for code in noticed(atom, domain.values):
                self._add(Variable(slot, code=code))
        else:
            self._add(Variable(slot, cells=possible_cells(question, domain)))

    def _lay_out_affiliates(self) -> None:
        questions = self._questions
        involvements = self._domain("entity.affiliates[].involved_in").values
        for place, (country, involved) in enumerate(self._affiliates):
            if country == UNKNOWN:
                asked = questions.country
                self._add(
                    Variable(
                        (COUNTRY_MEMBER, place), cells=possible_cells(asked, self._domain(COUNTRY_MEMBER))
                    )
                )
            if involved == UNKNOWN:
                for code in involvements:
                    self._add(Variable(("entity.affiliates[].involved_in", place), code=code))

    def _unknown(self, question: Question, atom: Atom, bit: int) -> int:
        slot = (question.fact, UNKNOWN)
        domain = self._domain(question.fact)
        if domain.kind != "codes":
            number = self._numbers[slot, None]
            cells = self.variables[number].cells
            return self.space.test(number, {value for value, cell in enumerate(cells) if cell >> bit & 1})
        return self._list(atom, slot, can_be_empty=self._has_spare(slot, domain))

    def _has_spare(self, slot: Slot, domain: Domain) -> bool:
        """Whether the list can hold a code that no rule notices, so that all noticed ones can be absent."""
        return any((slot, code) not in self._numbers for code in domain.values)

    def _list(self, atom: Atom, slot: Slot, *, can_be_empty: bool) -> int:
        """An atom about a list, as a function of which codes are present."""
        codes = noticed(atom, self._domain(slot[0]).values)
        if atom.test == "has":
            return self._present(codes[0], slot, can_be_empty=can_be_empty)
        outside = [self._present(code, slot, can_be_empty=can_be_empty) for code in codes]
        return self.space.negate(self.space.any_of(outside))

    def _present(self, code: str, slot: Slot, *, can_be_empty: bool) -> int:
        present = self.space.test(self._numbers[slot, code], {1})
        codes = [other for (owner, other) in self._numbers if owner == slot and other is not None]
        if can_be_empty or code != codes[-1]:
            return present
        others = self.space.any_of(self.space.test(self._numbers[slot, other], {1}) for other in codes[:-1])
        return self.space.either(present, self.space.negate(others))

    def _some(self, atom: Atom) -> int:
        """Whether some affiliate satisfies all parts of a question."""
        result = FALSE
        for place, pair in enumerate(self._affiliates):
            satisfied = TRUE
            for part in atom.parts:
                known = self._questions.part_answer(part, pair)
                answer = self._part(part, place) if known is None else int(known)
                satisfied = self.space.both(satisfied, answer)
            result = self.space.either(result, satisfied)
        return result

    def _part(self, part: Atom, place: int) -> int:
        slot = (part.fact, place)
        if part.fact == COUNTRY_MEMBER:
            number = self._numbers[slot, None]
            bit = self._questions.country.atoms.index(part)
            cells = self.variables[number].cells
            return self.space.test(number, {value for value, cell in enumerate(cells) if cell >> bit & 1})
        return self._list(part, slot, can_be_empty=True)


def kept_by(work_out: Callable[[Layout, *Asked], Found]) -> Callable[[Layout, *Asked], Found]:
    """A function of a layout and more, whose results are kept as long as the layout is."""

    @wraps(work_out)
    def kept(layout: Layout, *asked: *Asked) -> Found:
        key = (work_out, *asked)
        if key not in layout.kept:
            layout.kept[key] = work_out(layout, *asked)
        found: Found = layout.kept[key]
        return found

    return kept


def noticed(atom: Atom, codes: tuple[str, ...]) -> tuple[str, ...]:
    """The codes of a list whose presence an atom can notice."""
    if atom.test == "has":
        return (str(atom.argument),)
    allowed: tuple[str, ...] = atom.argument  # type: ignore[assignment]  # parsing makes it a tuple of codes
    return tuple(code for code in codes if code not in allowed)


@lru_cache(1024)
def possible_cells(question: Question, domain: Domain) -> tuple[int, ...]:
    """The cells that values of a fact with one value can have, in ascending order."""
    match domain.kind:
        case "boolean":
            values: Iterable[object] = (False, True)
        case "code":
            values = domain.values
        case "country":
            values = COUNTRIES
        case "number":
            thresholds = [atom.argument for atom in question.atoms if isinstance(atom.argument, int)]
            values = (0, *(users for threshold in thresholds for users in (threshold, threshold + 1)))
        case _:
            # texts, names and open lists: any answer to each question can occur with any other
            count = len(question.atoms)
            return tuple(
                sum(bit << place for place, bit in enumerate(bits)) for bits in product((0, 1), repeat=count)
            )
    return tuple(sorted({question.read(value) for value in values}))


def _declaring(slot: Slot) -> Slot | None:
    declared = DECLARED_BY.get(slot[0])
    return (declared[0], UNKNOWN) if declared else None
