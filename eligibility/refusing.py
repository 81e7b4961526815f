"""Recorded facts that another ruleset refuses: it knows other generations, purposes or models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any as Anything

from eligibility.contradictions import contradictions
from eligibility.facts import Vocabulary

GENERATION, PURPOSES = "model.generation", "use.purposes"
Reason = tuple[str, str]
"""A fact, and the code that is not known; empty where it is what is said of the model that does not fit."""


@dataclass(frozen=True)
class Refused:
    """The ruleset does not accept these facts, for these reasons, sorted."""

    reasons: tuple[Reason, ...]


def refused(facts: Mapping[str, Anything], vocabulary: Vocabulary) -> Refused | None:
    """Why facts that some ruleset accepted are refused under another's words; None where they are not.

    `facts` are by dotted path. Only what rulesets differ in is looked at: the form of requests is the same.
    """
    generation = facts[GENERATION]
    if generation not in vocabulary.generations:
        return Refused(((GENERATION, generation),))
    reasons = unknown_purposes(facts, vocabulary) | model_reasons(facts, vocabulary)
    return Refused(tuple(sorted(reasons))) if reasons else None


def unknown_purposes(facts: Mapping[str, Anything], vocabulary: Vocabulary) -> set[Reason]:
    """The purposes that the words do not have."""
    return {(PURPOSES, code) for code in facts.get(PURPOSES, ()) if code not in vocabulary.purposes}


def model_reasons(facts: Mapping[str, Anything], vocabulary: Vocabulary) -> set[Reason]:
    """What is said of the model and does not fit the words."""
    faults = contradictions(facts, vocabulary)
    return {(fault.pointer.removeprefix("/").replace("/", "."), "") for fault in faults}
