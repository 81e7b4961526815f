"""Cells in words: what the rules see of a fact, said in the words of a ruleset."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any as Anything
from typing import Final, NamedTuple

from eligibility.atoms import COUNTRY_MEMBER, INVOLVED_MEMBER, Questions
from eligibility.conditions import Atom
from eligibility.domains import AFFILIATES, FACTS
from eligibility.precedents import GENERATION
from eligibility.wording import Subject

_PLACES: Final = {path: place for place, path in enumerate(FACTS)}
_STATUS: Final = "status of "
_LONG_NUMBER: Final = re.compile(r"\d{5,}")
_FEW: Final = 3
"""Answers of no that are all said; of more it is said that there are none of yes."""


class CellWords(NamedTuple):
    """A fact, what it is called, and what its cell says of it."""

    fact: str
    label: str
    said: str


def in_words(questions: Questions, cells: Mapping[str, Anything]) -> list[CellWords]:
    """Cells as they are recorded, by fact, in words; in the order of the policy's table."""
    subject = Subject(questions, {})
    ordered = sorted(cells, key=lambda fact: (_PLACES.get(fact, len(_PLACES)), fact))
    return [CellWords(fact, _label(subject, fact), _said(subject, fact, cells[fact])) for fact in ordered]


def _label(subject: Subject, fact: str) -> str:
    if not fact.startswith(_STATUS):
        return subject.label(fact)
    name = fact.removeprefix(_STATUS)
    rules = subject.questions.program.by_conclusion.get(("obligation", name), ())
    return f"status of the obligation “{rules[0].title if rules else name}”"


def _said(subject: Subject, fact: str, cell: Anything) -> str:
    if cell is None:
        return "not known"
    if fact == GENERATION:
        return subject.generation.title
    if isinstance(cell, str):
        return cell
    if fact == AFFILIATES:
        return "; ".join(_affiliate(subject, *pair) for pair in cell) or "none that matters to the rules"
    found = subject.questions.by_fact.get(fact)
    return _answers(subject, fact, cell, found.atoms if found else ())


def _affiliate(subject: Subject, country: Sequence[str] | None, involved: Sequence[str] | None) -> str:
    asked = subject.questions
    said = []
    for fact, cell, atoms in (
        (COUNTRY_MEMBER, country, asked.country.atoms),
        (INVOLVED_MEMBER, involved, asked.involvement.atoms),
    ):
        said.append("not known" if cell is None else _answers(subject, fact, cell, atoms))
    return f"one whose place is {said[0]}, and whose involvement {said[1]}"


def _answers(subject: Subject, fact: str, cell: Sequence[str], atoms: Sequence[Atom]) -> str:
    """The answers of yes; where there are none, those of no if they are few."""
    answers = [subject.answer(fact, phrase) for phrase in cell] or [(atom, False) for atom in atoms]
    if not cell and not 0 < len(atoms) <= _FEW:
        return "nothing that the rules ask about"
    said = ", ".join(_phrase(subject, atom, holds=holds) for atom, holds in subject.independent(answers))
    return _LONG_NUMBER.sub(lambda found: f"{int(found[0]):,}", said).replace("_", " ")


def _phrase(subject: Subject, atom: Atom, *, holds: bool) -> str:
    if atom.test != "is" or not isinstance(atom.argument, bool):
        return subject.phrase(atom, holds=holds)
    answer = "yes" if atom.argument is holds else "no"
    return answer if holds else f"{answer}, or it does not apply"
