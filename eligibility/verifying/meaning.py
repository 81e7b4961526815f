"""Whether the facts of recorded decisions lead to the cells that they were decided by.

A decision names its evaluation, a function of ruleset and cells. Whether the cells lead to what it says is
found by evaluating again (`evaluations`); here the facts are reduced to cells again, under the recorded
ruleset. Where texts were erased, the cells that do not rest on them are compared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Any as Anything

import orjson

from eligibility.atoms import Cells, Questions
from eligibility.building import build
from eligibility.canonical import canonical
from eligibility.domains import FACTS
from eligibility.facts import EligibilityRequest
from eligibility.parsing import Faults
from eligibility.reading import flatten
from eligibility.recent import Recent
from eligibility.ruleset import SEMANTICS
from eligibility.storage.records import join_private

_FACTS = ("model", "entity", "use")
_TEXTS = {"text", "model_name"}
_MOST_KEPT = 65_536
_MOST_RULESETS = 8
_MALFORMED = (ValueError, KeyError, TypeError, AttributeError)


class Meaning:
    """Finds the cells of recorded facts, under any ruleset that is kept."""

    def __init__(self, rulesets: Mapping[str, bytes], cells: Callable[[bytes], bytes | None]) -> None:
        """Use these documents, by digest; `cells` gives those of the evaluation under a key.

        Nothing is said of decisions under rulesets of other semantics than this release's.
        """
        self._other = other_semantics(rulesets)
        self._rulesets = rulesets
        self._recorded_cells = cells
        self._questions: dict[str, Mapping[str, Questions] | None] = {}
        self._keys: Recent[tuple[str, str, Cells], bytes] = Recent(_MOST_KEPT)
        self._recorded: Recent[bytes, Mapping[str, Anything]] = Recent(_MOST_KEPT)

    def fault(
        self, envelope: Mapping[str, Anything], private: Mapping[str, Anything] | None, key: bytes
    ) -> str | None:
        """What is wrong with the evaluation, named by its key, as that of the facts in an envelope.

        `private` are the private texts, None where there are none or they were erased.
        """
        try:
            digest, facts = envelope["ruleset"], envelope["facts"]
            if private:
                facts = join_private(facts, {name: private[name] for name in _FACTS if name in private})
            generation = facts["model"]["generation"]
            if digest in self._other:
                return None
            questions = self._questions_of(digest)
            if questions is None:
                return f"the ruleset {digest} is not there, or is none, so its meaning cannot be found"
            asked = questions[generation]
            flat = flatten(facts)
            cells = asked.cells(EligibilityRequest(facts, flat))
            if private is None and "private" in envelope:
                return self._difference(asked, cells, key, _resting_on_texts(asked, flat))
            found = self._keys.get((digest, generation, cells))
            if found is None:
                document = canonical({"cells": asked.document(cells), "ruleset": digest})
                found = sha256(document).digest()
                self._keys.put((digest, generation, cells), found)
            return None if found == key else self._difference(asked, cells, key, frozenset())
        except _MALFORMED as error:
            return f"the recorded facts cannot be read under the recorded ruleset: {error!r}"

    def _questions_of(self, digest: str) -> Mapping[str, Questions] | None:
        if digest not in self._questions:
            document = self._rulesets.get(digest)
            self._questions[digest] = None if document is None else _questions(document)
        return self._questions[digest]

    def _difference(self, asked: Questions, cells: Cells, key: bytes, unknown: frozenset[str]) -> str | None:
        """How the cells differ from those of the evaluation, apart from what rests on texts that are gone."""
        recorded = self._recorded.get(key)
        if recorded is None:
            recorded = orjson.loads(self._recorded_cells(key) or b"{}")
            self._recorded.put(key, recorded)
        found = asked.document(cells)
        differing = [
            fact
            for fact in dict.fromkeys((*found, *recorded))
            if fact not in unknown and (fact not in found or found[fact] != recorded.get(fact))
        ]
        if not differing:
            return None if unknown else "the evaluation is not that of the recorded facts"
        what = "the recorded facts do not lead to the cells of the evaluation"
        return f"{what}: they differ in {', '.join(f'`{fact}`' for fact in differing)}"


def other_semantics(rulesets: Mapping[str, bytes]) -> dict[str, Anything]:
    """The rulesets, by digest, that mean something else to this release, and what number they name."""
    found = {}
    for digest, document in rulesets.items():
        try:
            semantics = orjson.loads(document)["semantics"]
        except _MALFORMED:
            continue
        if semantics != SEMANTICS:
            found[digest] = semantics
    return found


def _resting_on_texts(asked: Questions, facts: Mapping[str, Anything]) -> frozenset[str]:
    """The members of cells that may rest on private texts."""
    texts = {fact for fact, domain in FACTS.items() if domain.kind in _TEXTS and fact not in facts}
    statuses = {
        f"status of {obligation}" for obligation, (status, _) in asked.statuses if status.fact in texts
    }
    return frozenset(texts | statuses)


@lru_cache(_MOST_RULESETS)
def _questions(document: bytes) -> Mapping[str, Questions] | None:
    """The questions of a ruleset by generation, None where the document is none."""
    try:
        ruleset = build(orjson.loads(document))
    except (*_MALFORMED, Faults):
        return None
    return {name: Questions(ruleset, ruleset.program(name)) for name in ruleset.generations}
