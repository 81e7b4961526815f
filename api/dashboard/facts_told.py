"""Facts as people read them: labels in the words of the ruleset, codes and values in plain ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from api.dashboard.wording import plain
from eligibility.codes import country_name
from eligibility.decision import in_order
from eligibility.domains import AFFILIATES, FACTS
from eligibility.wording import Subject, pattern_of

_GENERATION: Final = "model.generation"
_NOTHING: Final = "none"


class FactLine(NamedTuple):
    """A fact: its path, what it is called, and its value in words."""

    path: str
    label: str
    value: str


def given_facts(subject: Subject) -> list[FactLine]:
    """The facts of a request as they were given, in the order of the policy, members of affiliates too."""
    paths = sorted(_given(subject.facts), key=in_order)
    return [FactLine(path, _capital(subject.label(path)), said_fact(subject, path)) for path in paths]


def assumed_facts(subject: Subject, assumptions: Iterable[Mapping[str, Any]]) -> list[FactLine]:
    """The facts that were presumed, with what they were taken to be."""
    return [
        FactLine(each["fact"], _capital(subject.label(each["fact"])), said_value(subject, **each))
        for each in assumptions
    ]


def said_fact(subject: Subject, path: str) -> str:
    """The value of a fact that was given, derived or presumed, in words."""
    return said_value(subject, path, subject.value(path))


def said_value(subject: Subject, fact: str, value: Any) -> str:
    """A value of a fact in words. None is what was not given, or was a text and is erased."""
    if value is None:
        return "not given, or erased"
    kind = FACTS[pattern_of(fact)].kind
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, (list, tuple)):
        return ", ".join(_said(subject, fact, kind, str(each)) for each in value) or _NOTHING
    return _said(subject, fact, kind, str(value))


def _said(subject: Subject, fact: str, kind: str, value: str) -> str:
    if fact == _GENERATION and value in subject.ruleset.generations:
        return subject.ruleset.generations[value].title
    if kind in {"country", "regions"}:
        name = country_name(value)
        return value if name is None else f"{name} ({value})"
    return plain(value) if kind in {"code", "codes"} else value


def _given(facts: Mapping[str, Any]) -> Iterator[str]:
    for path, value in facts.items():
        if path == AFFILIATES and value:
            for number, affiliate in enumerate(value):
                yield from (
                    f"{AFFILIATES}[{number}].{name}" for name, each in affiliate.items() if each is not None
                )
        elif value is not None and path in FACTS:
            yield path


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
