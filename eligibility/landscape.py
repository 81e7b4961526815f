"""Every well-formed request at once: what the rules of whole rulesets say, as functions of all facts.

A trial has the unknown facts of one request as its variables; a landscape has all facts of all requests, so
that one can ask what would be decided were any of them otherwise, and where two rulesets differ. Requests
are complete here: each fact that counts has a value. What does not count answers every question with no.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from typing import Any as Anything

from eligibility.atoms import Kept, Questions, counts_for
from eligibility.conditions import Atom
from eligibility.diagram import FALSE, TRUE, Space
from eligibility.domains import AFFILIATES, DECLARED_BY, NATURAL_PERSONS
from eligibility.fields import APPLICANT, MODEL, fields_of, model_answers, models
from eligibility.layout import noticed
from eligibility.ruleset import Ruleset
from eligibility.semantics import Made, Semantics, Verdict

OUTCOMES = ("permitted", "contact_meta", "prohibited")
"""From best to worst."""


class Landscape:
    """The functions of one or more rulesets over the same facts."""

    def __init__(self, rulesets: Sequence[Ruleset]) -> None:
        """Lay out the facts, and read the rules of every generation (some tenths of a second)."""
        self.programs = tuple(
            Questions(ruleset, program) for ruleset in rulesets for program in ruleset.programs.values()
        )
        self.fields = fields_of(self.programs)
        self.first = self._first_variables()
        self.space = Space([size for field in self.fields for size in field.sizes])
        self._by_fact = {fact: place for place, field in enumerate(self.fields) for fact in field.facts}
        self.where = tuple(self._where(place) for place in range(len(self.programs)))
        """For each program, where a request is one of its generation that its ruleset accepts."""
        self.verdicts = tuple(map(self._judge, range(len(self.programs))))
        self.models = tuple(models(self.programs))
        """Everything that can be said about the model, with a name of each sort."""
        self._model_values = Kept(self._find_model_values).__getitem__

    def _first_variables(self) -> tuple[int, ...]:
        first, found = 0, []
        for field in self.fields:
            found.append(first)
            first += len(field.sizes)
        return tuple(found)

    def next_place(self, functions: Sequence[int]) -> int:
        """The place of the first field that some functions depend on; of constants, the number of fields."""
        variable = min(map(self.space.first, functions))
        return (
            bisect_right(self.first, variable) - 1 if variable < len(self.space.sizes) else len(self.fields)
        )

    def place(self, fact: str) -> int:
        """The place of the field that a fact belongs to."""
        return self._by_fact[fact]

    def numbers(self, place: int) -> frozenset[int]:
        """The variables of a field."""
        return frozenset(range(self.first[place], self.first[place] + len(self.fields[place].sizes)))

    def cofactor(self, place: int, function: int, named: Sequence[bool]) -> int:
        """What is left of a function where a list names just these of the codes that rules notice."""
        for number, is_named in enumerate(named, self.first[place]):
            function = self.space.branches(function, number)[is_named]
        return function

    def model_values(self, facts: Mapping[str, Anything]) -> frozenset[int]:
        """The values of the model's field that what is said of it leaves; with the modality unknown, both."""
        found: frozenset[int] = self._model_values(tuple(facts.get(fact) for fact in MODEL))
        return found

    def _find_model_values(self, said: tuple[Anything, ...]) -> frozenset[int]:
        facts = {fact: value for fact, value in zip(MODEL, said, strict=True) if value is not None}
        told = model_answers(facts, self.programs)
        return frozenset(
            value for value, answers in enumerate(self.fields[0].answers) if all(map(_may_be, told, answers))
        )

    def _where(self, program: int) -> int:
        values = {value for value, answers in enumerate(self.fields[0].answers) if answers[program]}
        return self.space.test(0, values)

    def _judge(self, program: int) -> Verdict:
        questions = self.programs[program]
        atoms = {atom: self._atom(atom, program) for atom in questions.program.atoms}
        return Semantics(questions.program).judge(atoms, self.space)

    def _atom(self, atom: Atom, program: int) -> int:
        """Where a question is answered with yes: the fact counts, and its value is so."""
        place = self._by_fact[atom.fact]
        field, space = self.fields[place], self.space
        if atom.fact in MODEL:
            return space.test(0, self._of_model(atom, program))
        if atom.fact == AFFILIATES:
            bit = self.programs[program].some.index(atom)
            return self._test(place, lambda answers: bool(answers[program] >> bit & 1))
        if atom.fact == APPLICANT[1]:
            yes = self._asked(atom, program)
            return self._applicants(lambda kind, behalf: kind in NATURAL_PERSONS and yes(behalf))
        if field.codes:
            answer = self._list(atom, place)
        else:
            bit = self.programs[program].program.questions[atom.fact].index(atom)
            answer = self._test(place, lambda answers: bool(answers[program] >> bit & 1))
        return space.both(answer, space.both(self._counts(atom.fact), self._declared(atom.fact)))

    def _asked(self, atom: Atom, program: int) -> Callable[[Anything], bool]:
        question = self.programs[program].by_fact[atom.fact]
        return lambda value: atom in question.yes(question.read(value))

    def _of_model(self, atom: Atom, program: int) -> set[int]:
        member = MODEL.index(atom.fact)
        yes = self._asked(atom, program)
        found = set()
        for value, answers in enumerate(self.fields[0].answers):
            said = answers[program]
            if said is not None and (
                bool(said[1] >> self._bit(atom, program) & 1) if member == 1 else yes(said[member])
            ):
                found.add(value)
        return found

    def _bit(self, atom: Atom, program: int) -> int:
        return self.programs[program].program.questions[atom.fact].index(atom)

    def _test(self, place: int, holds: Callable[[Anything], bool]) -> int:
        answers = self.fields[place].answers
        return self.space.test(self.first[place], {v for v, answer in enumerate(answers) if holds(answer)})

    def _applicants(self, holds: Callable[[str, str], bool]) -> int:
        values = self.fields[1].values
        return self.space.test(
            self.first[1],
            {v for v, facts in enumerate(values) if holds(*(facts[name] for name in APPLICANT))},
        )

    def _counts(self, fact: str) -> int:
        return self._applicants(
            lambda kind, behalf: counts_for(
                fact, natural=kind in NATURAL_PERSONS, employed=behalf == "employer"
            )
        )

    def _declared(self, fact: str) -> int:
        """Where the list that must name a fact's code does."""
        declared = DECLARED_BY.get(fact)
        if declared is None:
            return TRUE
        place = self._by_fact.get(declared[0])
        if place is None or declared[1] not in self.fields[place].codes:
            return TRUE  # no rule notices the code, so that nothing can be told apart by it
        return self.present(place, declared[1])

    def _list(self, atom: Atom, place: int) -> int:
        codes = noticed(atom, self._codes(atom.fact))
        if atom.test == "has":
            return self.present(place, codes[0])
        return self.space.negate(self.space.any_of(self.present(place, code) for code in codes))

    def _codes(self, fact: str) -> tuple[str, ...]:
        field = self.fields[self._by_fact[fact]]
        return (*field.codes, *([field.spare] if field.spare else []))

    def present(self, place: int, code: str) -> int:
        """Where a list names a code. Lists are not empty: where there is no spare code, one is named."""
        field, first = self.fields[place], self.first[place]
        number = field.codes.index(code)
        present = self.space.test(first + number, {1})
        if field.spare is not None or number + 1 < len(field.codes):
            return present
        others = self.space.any_of(self.space.test(first + other, {1}) for other in range(number))
        return self.space.either(present, self.space.negate(others))

    @cached_property
    def outcomes(self) -> Mapping[str, int]:
        """Where each outcome is the answer, whatever the generation."""
        return {name: self.anywhere(partial(_outcome, name)) for name in OUTCOMES}

    def anywhere(self, function: Callable[[Verdict], int]) -> int:
        """What a function says of each program, put together."""
        return self.space.any_of(
            self.space.both(where, function(verdict))
            for where, verdict in zip(self.where, self.verdicts, strict=True)
        )

    def made(self, finding: str) -> tuple[int, ...]:
        """Where a finding is made: for each effect and reason that it can have, a function."""
        ways = dict.fromkeys(
            made for verdict in self.verdicts for made in verdict.findings if made[0] == finding
        )
        return tuple(self.anywhere(partial(_finding, made)) for made in ways)


def _finding(made: Made, verdict: Verdict) -> int:
    return verdict.findings.get(made, FALSE)


def _outcome(name: str, verdict: Verdict) -> int:
    return verdict.outcomes.get(name, FALSE)


def _may_be(said: tuple[Anything, ...] | None, answers: tuple[Anything, ...] | None) -> bool:
    """Whether what is said of a model to one program leaves these answers."""
    if said is None or answers is None:
        return said is answers
    return said[:2] == answers[:2] and said[2] in {None, answers[2]}
