"""Differences between the shipped rules and changed ones, all that they show decided again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

from eligibility.building import build
from eligibility.comparing import OUTCOME
from eligibility.decider import Decider
from eligibility.difference import Difference, difference, document
from eligibility.reading import request_from
from eligibility.rule_differences import RuleDifference
from eligibility.ruleset import Ruleset
from eligibility.sides import Shown

Document = dict[str, Any]
ALL = ("llama-2", "llama-3", "llama-3.1", "llama-3.2", "llama-3.3", "llama-4")
UNDER_THE_CLAUSE = ALL[3:]
USERS = "entity.monthly_active_users"


def changed(ruleset: Ruleset, change: Callable[[Document], object]) -> Ruleset:
    words = deepcopy(dict(ruleset.document))
    change(words)
    return build(words)


def rule(words: Document, name: str) -> Document:
    found: Document = next(one for one in words["rules"] if one["id"] == name)
    return found


def compared(old: Ruleset, change: Callable[[Document], object]) -> Difference:
    """The difference, once all that it shows was decided again, by deciders of the test's own."""
    new = changed(old, change)
    found = difference(old, new)
    deciders = (Decider(old), Decider(new))
    for one in shown_by(found):
        for decider, answer, outcome in zip(deciders, one.change[1:], one.outcomes, strict=True):
            if outcome is not None:
                decision = decide(decider, one.request)
                assert decision["outcome"] == outcome
                assert answer_of(decision, *one.change.entry) == plain(one.change.entry[0], answer)
    assert json.loads(json.dumps(document(found))) == document(found)
    return found


def shown_by(found: Difference) -> Iterator[Shown]:
    yield from found.moves
    for each in found.rules:
        yield from each.shown
    for omitted in found.left_out:
        yield from omitted.shown


def decide(decider: Decider, request: Document) -> Document:
    return decider.decide(request_from(request, decider.ruleset.vocabulary)).document()


def answer_of(decision: Document, kind: str, name: str) -> object:
    if kind in {"outcome", "licensor"}:
        return decision[kind]
    listed = {"finding": "findings", "obligation": "obligations"}[kind]
    found = [one for one in decision[listed] if one[kind] == name]
    if not found:
        return None
    return (found[0]["effect"], found[0]["reason"]) if kind == "finding" else (found[0]["value"],)


def plain(kind: str, answer: Any) -> object:
    return (answer.value,) if kind == "obligation" and answer is not None else answer


def moves(shown: tuple[Shown, ...]) -> dict[tuple[str | None, str | None], tuple[str, ...]]:
    """How outcomes move, and in which generations."""
    return {
        (one.change.before, one.change.after): one.generations for one in shown if one.change.entry == OUTCOME
    }


def told(of: RuleDifference, kind: str) -> dict[str, tuple[Any, Any]]:
    return {
        one.change.entry[1]: (one.change.before, one.change.after)
        for one in of.shown
        if one.change.entry[0] == kind
    }


def by_rule(found: Difference) -> dict[str, RuleDifference]:
    return {one.rule: one for one in found.rules}


def own(found: Difference) -> dict[str, str]:
    """The rules whose own text is otherwise."""
    return {one.rule: one.own for one in found.rules if one.own != "same"}
