"""What was said of a model, carried over to another ruleset: name and modality hang together."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any as Anything
from typing import NamedTuple

from eligibility.atoms import MULTIMODAL, Cells, Questions
from eligibility.contradictions import contradictions
from eligibility.facts import EligibilityRequest
from eligibility.fields import derivative_of
from eligibility.refusing import Refused, model_reasons

NAME = "model.name"
Said = tuple[int, int] | Refused
"""The cells of name and modality, or that the ruleset refuses them."""


class _Way(NamedTuple):
    """One thing that can be said of a model: its cells as recorded, and what the other ruleset makes of it.

    `is_private` says that the recorded ruleset keeps the name, if there is one, among the private texts.
    """

    cells: tuple[int, int]
    said: Said
    stated: bool | None
    is_private: bool


class Models:
    """Everything that can be said of the models of one generation, as two rulesets see it."""

    def __init__(self, old: Questions, new: Questions) -> None:
        """Read each under both."""
        self._old = old
        self._new = new
        self._ways = tuple(self._all())

    def carried(
        self, name: int, modal: int, *, stated: bool | None = None, erased: bool = False
    ) -> frozenset[Said]:
        """What the other ruleset may make of what has these recorded cells.

        Where the private texts were erased, `stated` is what was said of the modality, and the name is none
        that the recorded ruleset knows.
        """
        return frozenset(
            way.said
            for way in self._ways
            if way.cells == (name, modal) and (not erased or (way.is_private and way.stated is stated))
        )

    def _all(self) -> Iterator[_Way]:
        old, new = (one.ruleset.vocabulary for one in (self._old, self._new))
        for name, stated in product(self._names(), (None, True, False)):
            said = {"model.generation": self._new.generation, NAME: name, MULTIMODAL: stated}
            facts = {fact: value for fact, value in said.items() if value is not None}
            facts["entity.kind"] = "company"
            if contradictions(facts, old):
                continue
            reasons = model_reasons(facts, new)
            yield _Way(
                _cells(self._old, facts),
                Refused(tuple(sorted(reasons))) if reasons else _cells(self._new, facts),
                stated,
                old.model(name) is None,
            )

    def _names(self) -> tuple[str | None, ...]:
        """No name, a derivative's, and of released models one of each sort that a ruleset tells apart."""
        vocabularies = [one.ruleset.vocabulary for one in (self._old, self._new)]
        sorts: dict[Anything, str] = {}
        for vocabulary in vocabularies:
            for model in vocabulary.models.values():
                known = [other.model(model.name) for other in vocabularies]
                sort = tuple(each and (each.generation, each.multimodal) for each in known)
                sorts.setdefault(sort, model.name)
        return (None, derivative_of(self._new.generation), *sorts.values())


def _cells(questions: Questions, facts: dict[str, Anything]) -> tuple[int, int]:
    found: Cells = questions.cells(EligibilityRequest({}, facts))
    by_fact = {question.fact: cell for question, cell in zip(questions.asked, found.asked, strict=True)}
    return by_fact.get(NAME, 0), by_fact.get(MULTIMODAL, 0)
