"""Filling slots: how the ids and values of an evaluation are said, in the words of a ruleset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any as Anything

from eligibility.atoms import COUNTRY_MEMBER, Questions, is_applicable, is_presumed, modality
from eligibility.compiler import NOT
from eligibility.conditions import Atom
from eligibility.domains import AFFILIATES, FACTS, MEMBER
from eligibility.ruleset import Ruleset

MONTHS = (
    "January February March April May June July August September October November December".split()  # noqa: SIM905 - one word a month
)

MARK = "\ue000"
"""A private-use character around the path of a slot; texts of rulesets do not hold it."""


class Subject:
    """The facts of one request, seen through the questions of its generation: values, slots and phrases."""

    def __init__(self, questions: Questions, facts: Mapping[str, Anything], *, slots: bool = False) -> None:
        """Look at these facts; with `slots`, values are shown as marks that are filled in later."""
        self._slots = slots
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
        return f"{MARK}{fact}{MARK}" if self._slots else self.value(fact)

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

    def enumeration(self, items: Sequence[str]) -> str:
        """Items as they are listed in a sentence."""
        lists = self.ruleset.texts["lists"]
        if len(items) < 2:  # noqa: PLR2004 - one item stands alone
            return "".join(items)
        return str(lists["separator"]).join(items[:-1]) + str(lists["last"]) + items[-1]

    def entries(self, atom: Atom, *, holds: bool) -> Iterator[dict[str, Anything]]:
        """What an answered question says about facts: path, value, and the answer in words."""
        if atom.fact == AFFILIATES:
            yield from self._affiliate_entries(atom, holds=holds)
        elif is_applicable(atom.fact, self.facts):
            yield {"fact": atom.fact, "value": self.shown(atom.fact), "test": self.phrase(atom, holds=holds)}

    def _affiliate_entries(self, atom: Atom, *, holds: bool) -> Iterator[dict[str, Anything]]:
        """Of a matching affiliate all that matches; where none matches, what each that nearly does lacks."""
        parts = atom.parts
        said = False
        for index, affiliate in enumerate(self.affiliates):
            pair = self.questions.pair(affiliate)
            answers = [self.questions.part_answer(part, pair) for part in parts]
            if all(answers) if holds else (True in answers and False in answers):
                for part, answer in zip(parts, answers, strict=True):
                    if bool(answer) is holds:
                        said = True
                        path = f"{AFFILIATES}[{index}].{part.fact.removeprefix(MEMBER)}"
                        yield {
                            "fact": path,
                            "value": self.shown(path),
                            "test": self.phrase(part, holds=holds),
                        }
        if not said:
            test = self.phrase(atom, holds=holds)
            yield {"fact": AFFILIATES, "value": self.shown(AFFILIATES), "test": test}

    def answer(self, slot: str, text: str) -> str:
        """An answer as evaluations write it (`not above 7`), said in words."""
        phrase = text.removeprefix(NOT)
        fact = COUNTRY_MEMBER if slot.startswith(f"{AFFILIATES}[") else slot
        atoms = self.questions.program.questions.get(fact, self.questions.country.atoms)
        for atom in atoms:
            if atom.phrase == phrase:
                return self.phrase(atom, holds=text == phrase)
        test, _, argument = phrase.partition(" ")
        template = self.ruleset.texts["tests"][test]["holds" if text == phrase else "fails"]
        return str(template).format(value=argument, inside="", outside="")


def phrase_of(ruleset: Ruleset, atom: Atom, *, holds: bool) -> str:
    """A question about a fact in the words of a ruleset, said as it is answered."""
    template = str(ruleset.texts["tests"][atom.test]["holds" if holds else "fails"])
    region = ruleset.regions.get(str(atom.argument))
    return template.format(
        value=_argument(atom.argument),
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
