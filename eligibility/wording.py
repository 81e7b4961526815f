"""Filling slots: how the ids and values of an evaluation are said, in the words of a ruleset."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import Any as Anything

from eligibility.atoms import (
    COUNTRY_MEMBER,
    MULTIMODAL,
    NEVER_UNKNOWN,
    Questions,
    is_applicable,
    is_presumed,
    modality,
)
from eligibility.compiler import NOT
from eligibility.conditions import Atom
from eligibility.domains import AFFILIATES, FACTS, MEMBER
from eligibility.ruleset import Ruleset
from eligibility.telling import enumerated, said_value

MONTHS = (
    "January February March April May June July August September October November December".split()  # noqa: SIM905 - one word a month
)

MARK = "\ue000"
"""A private-use character around the path of a slot; texts of rulesets do not hold it."""

SAID = "\ue001"
"""The same around the path of a slot within a sentence, where the value is filled in as it is said."""

_SHOW_PRESENCE = {"given", "is_derivative"}
"""Tests that only a text which is there passes."""


class Subject:
    """The facts of one request, seen through the questions of its generation: values, slots and phrases."""

    def __init__(self, questions: Questions, facts: Mapping[str, Anything], *, slots: bool = False) -> None:
        """Look at these facts; with `slots`, values are shown as marks that are filled in later."""
        self.slots = slots
        self.questions = questions
        self.ruleset = questions.ruleset
        self.generation = questions.program.generation
        self.facts = facts
        self.affiliates: Sequence[Mapping[str, Anything]] = facts.get(AFFILIATES) or ()

    @cached_property
    def pairs(self) -> tuple[object, ...]:
        """The cells of the affiliates, in the order in which evaluations number them."""
        return tuple(self.questions.pairs(tuple(self.affiliates)))

    def shown(self, fact: str) -> Anything:
        """The value of a fact (`entity.affiliates[2].involved_in` included), or the mark of its slot."""
        return f"{MARK}{fact}{MARK}" if self.slots else self.value(fact)

    def value(self, fact: str) -> Anything:
        """What a fact was given, derived or presumed to be; None where it is unknown (or erased)."""
        if fact.startswith(AFFILIATES):
            return self._affiliate_value(fact)
        given = self.facts.get(fact)
        if given is None and fact == "model.multimodal":
            return modality(self.facts, self.ruleset.vocabulary)
        if given is None and is_presumed(fact, self.facts, self.ruleset.presumed):
            return self.ruleset.presumed[fact]
        return _listed(given)

    def origin(self, fact: str, atom: Atom, *, holds: bool) -> str:
        """Whether the value that a question was answered for is `given`, `presumed`, `derived` or `unknown`.

        A text that was erased counts as given: its answer shows that it was there.
        """
        if fact.startswith(f"{AFFILIATES}[") or self.facts.get(fact) is not None:
            return "given"
        if fact == MULTIMODAL and self.value(fact) is not None:
            return "derived"
        if is_presumed(fact, self.facts, self.ruleset.presumed):
            return "presumed"
        return "given" if holds and atom.test in _SHOW_PRESENCE else "unknown"

    def modality_from(self) -> str:
        """The fact that a modality which was not given is derived from: the name or the generation."""
        released = self.ruleset.vocabulary.model(self.facts.get("model.name"))
        return "model.name" if released else "model.generation"

    def _affiliate_value(self, fact: str) -> Anything:
        if fact == AFFILIATES:
            return [
                {name: _listed(value) for name, value in affiliate.items()} for affiliate in self.affiliates
            ]
        number, member = fact.removeprefix(f"{AFFILIATES}[").split("].")
        return _listed(self.affiliates[int(number)].get(member))

    def assumptions(self) -> list[dict[str, Anything]]:
        """Every presumed fact that was not given and is applicable, with the value it was taken to have."""
        presumed = self.ruleset.presumed
        return [
            {"fact": fact, "value": presumed[fact]}
            for fact in FACTS
            if fact in presumed and self.facts.get(fact) is None and is_presumed(fact, self.facts, presumed)
        ]

    def paths(self, slot: str) -> list[str]:
        """The facts that a slot of an evaluation stands for: one path for each affiliate that is alike."""
        if not slot.startswith(f"{AFFILIATES}[cell "):
            return [slot]
        place, member = slot.removeprefix(f"{AFFILIATES}[cell ").split("].", 1)
        pair = self.pairs[int(place)]
        alike = [index for index, other in enumerate(self.affiliates) if self.questions.pair(other) == pair]
        return [f"{AFFILIATES}[{index}].{member}" for index in alike]

    def words(self, path: str) -> Mapping[str, Anything]:
        """The label and question of a fact, whichever affiliate it is about."""
        return self.ruleset.words(pattern_of(path))

    def question(self, path: str) -> str:
        """The question to ask the applicant for a fact."""
        return self._filled(path, "question")

    def label(self, path: str) -> str:
        """What a fact is called."""
        return self._filled(path, "label")

    def _filled(self, path: str, which: str) -> str:
        year, month = self.generation.users_month.split("-")
        number = (
            path.removeprefix(f"{AFFILIATES}[").split("]")[0] if path.startswith(f"{AFFILIATES}[") else "0"
        )
        return str(self.words(path)[which]).format(
            month=f"{MONTHS[int(month) - 1]} {year}", generation=self.generation.title, number=int(number) + 1
        )

    def phrase(self, atom: Atom, *, holds: bool) -> str:
        """A question about a fact, said as it was answered."""
        return phrase_of(self.ruleset, atom, holds=holds)

    def said(self, fact: str) -> str:
        """The value of a fact as it is said within a sentence, or the mark of its slot."""
        return f"{SAID}{fact}{SAID}" if self.slots else said_value(self.value(fact), self.ruleset.texts)

    def clause(self, path: str, atom: Atom, *, holds: bool, known: bool = True) -> str:
        """A question about a fact, said as it was answered, in words for the middle of a sentence.

        Where the value is known, it is named rather than all the values that would get the same answer.
        """
        if known and holds and atom.test == "is_one_of":
            template = self.ruleset.texts["explanation"]["clauses"]["is"]["holds"]
            return str(template).format(label=self.label(path), value=self.said(path))
        return clause_of(self.ruleset, atom, self.label(path), holds=holds)

    def independent(self, answers: Sequence[tuple[Atom, bool]]) -> list[tuple[Atom, bool]]:
        """Answers without those that follow from others: who is in the EU is in the EEA as well."""
        return [answer for answer in answers if not any(self._follows(answer, other) for other in answers)]

    def _follows(self, answer: tuple[Atom, bool], other: tuple[Atom, bool]) -> bool:
        (one, is_inside), (more, is_known_inside) = answer, other
        if one is more or one.test != "in" or more.test != "in":
            return False
        countries, known = (self.ruleset.regions[str(asked.argument)].countries for asked in (one, more))
        if is_known_inside:
            return known < countries if is_inside else known.isdisjoint(countries)
        return not is_inside and countries < known

    def entries(self, atom: Atom, *, holds: bool) -> Iterator[dict[str, Anything]]:
        """What an answered question says about facts: path, value, and the answer in words."""
        for path, asked in self.answered(atom, holds=holds):
            test = self.phrase(asked, holds=holds)
            yield {"fact": path, "value": self.shown(path), "test": test}

    def answered(self, atom: Atom, *, holds: bool) -> Iterator[tuple[str, Atom]]:
        """The facts that an answered question is about, each with what was asked of it.

        Of a matching affiliate all that matches; where none matches, what each that nearly does lacks.
        """
        if atom.fact != AFFILIATES:
            if is_applicable(atom.fact, self.facts):
                yield atom.fact, atom
            return
        said = False
        for index, affiliate in enumerate(self.affiliates):
            pair = self.questions.pair(affiliate)
            answers = [self.questions.part_answer(part, pair) for part in atom.parts]
            if all(answers) if holds else (True in answers and False in answers):
                for part, answer in zip(atom.parts, answers, strict=True):
                    if bool(answer) is holds:
                        said = True
                        yield f"{AFFILIATES}[{index}].{part.fact.removeprefix(MEMBER)}", part
        if not said:
            yield AFFILIATES, atom

    def knows(self, atom: Atom) -> bool:
        """Whether a question about facts is settled by what is known of them."""
        if atom.fact != AFFILIATES:
            unknown = is_applicable(atom.fact, self.facts) and self.value(atom.fact) is None
            return not unknown or atom.fact in NEVER_UNKNOWN
        answers = [
            [self.questions.part_answer(part, self.questions.pair(affiliate)) for part in atom.parts]
            for affiliate in self.affiliates
        ]
        return any(map(all, answers)) or all(False in of_one for of_one in answers)

    def answer(self, slot: str, text: str) -> tuple[Atom, bool]:
        """The question and answer that evaluations write as `not above 7`."""
        phrase = text.removeprefix(NOT)
        fact = COUNTRY_MEMBER if slot.startswith(f"{AFFILIATES}[") else slot
        atoms = self.questions.program.questions.get(fact, self.questions.country.atoms)
        found = next((one for one in atoms if one.phrase == phrase), None)
        if found is None:
            test, _, argument = phrase.partition(" ")
            found = Atom(pattern_of(slot), test, argument)
        return found, text == phrase


def phrase_of(ruleset: Ruleset, atom: Atom, *, holds: bool) -> str:
    """A question about a fact in the words of a ruleset, said as it is answered."""
    template = str(ruleset.texts["tests"][atom.test]["holds" if holds else "fails"])
    return _filled(ruleset, template, atom.argument, said=_argument)


def clause_of(ruleset: Ruleset, atom: Atom, label: str, *, holds: bool) -> str:
    """A question about a fact that is called so, said as it is answered, for the middle of a sentence."""
    words = ruleset.texts["explanation"]
    if atom.test == "is" and isinstance(atom.argument, bool):
        template = words["answer"]["holds" if holds is atom.argument else "fails"]
    else:
        template = words["clauses"][atom.test]["holds" if holds else "fails"]
    return _filled(ruleset, template, atom.argument, label=label, said=partial(_listing, ruleset))


def _listing(ruleset: Ruleset, argument: object) -> str:
    """What a rule compares with, as it is listed in a sentence."""
    texts = ruleset.texts
    if isinstance(argument, tuple) and isinstance(argument[0], Atom):
        parts = [phrase_of(ruleset, part, holds=True) for part in argument]
        return enumerated(parts, str(texts["lists"]["last"]), texts)
    if isinstance(argument, tuple):
        return enumerated([str(one) for one in argument], str(texts["explanation"]["either"]), texts)
    return f"{argument:,}" if isinstance(argument, int) else str(argument)


def _filled(
    ruleset: Ruleset, template: str, argument: object, *, said: Callable[[object], str], label: str = ""
) -> str:
    region = ruleset.regions.get(str(argument))
    return template.format(
        label=label,
        value=said(argument),
        inside=region.inside if region else "",
        outside=region.outside if region else "",
    )


def _argument(argument: object) -> str:
    if isinstance(argument, tuple):
        return ", ".join(map(str, argument))
    return str(argument).lower() if isinstance(argument, bool) else str(argument)


def _listed(value: Anything) -> Anything:
    return list(value) if isinstance(value, tuple) else value


def pattern_of(path: str) -> str:
    """The path with which facts.yaml names the members of every affiliate."""
    if path.startswith(f"{AFFILIATES}["):
        return MEMBER + path.split("].", 1)[1]
    return path
