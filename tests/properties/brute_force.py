"""The definitions of the policy, section 5, by brute force: every combination of values of unknown facts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, product
from typing import Any

from tests.properties.oracle import (
    ACTIVITIES,
    ASSURANCES,
    CODES,
    ORGANISATIONS,
    THRESHOLD,
    Answer,
    Case,
    Facts,
    Made,
    findings_of,
    licensor_of,
    multimodal,
    obligations_of,
    outcome_of,
    reasons_of,
    status,
)

COUNTRIES = ("FR", "NO", "CH", "US")


def subsets(codes: Sequence[str], least: int = 0, most: int | None = None) -> tuple[tuple[str, ...], ...]:
    """Every choice of at least and at most so many codes."""
    counts = range(least, (len(codes) if most is None else most) + 1)
    return tuple(chain.from_iterable(combinations(codes, count) for count in counts))


ALL_ACTIVITIES = subsets(ACTIVITIES, least=1)
_ASSURED = subsets(tuple(ASSURANCES.values()), least=2)
SINGLE_PURPOSES = (*((code,) for code in CODES), *_ASSURED)
"""What is tried for unknown purposes.

One code at a time suffices. Each code adds at most one finding, whatever stands beside it. With all other
facts fixed but one, what a code adds to the outcome is, as a function of that one fact: nothing, or a
prohibition that is reviewed for some principals, or a prohibition for all. These are ordered: the strongest
code of a list decides what the whole list does, and that code is tried alone. Certain is what `general` alone
makes. The combinations of codes that assurances lift, and the pairs of the larger test, are there to show it.
"""
PAIRED_PURPOSES = (*subsets(CODES, least=1, most=2), *_ASSURED)


def unknown(facts: Facts, purposes: Sequence[tuple[str, ...]] = SINGLE_PURPOSES) -> dict[str, Sequence[Any]]:
    """The unknown facts that count, each with the values that stand for all it could be given."""
    case = Case(facts)
    tried: dict[str, Sequence[Any]] = {}

    def lacks(fact: str, values: Sequence[Any], *, counts: bool = True) -> None:
        if counts and facts.get(fact) is None:
            tried[fact] = values

    activities, declared = facts.get("use.activities"), facts.get("use.purposes")
    if multimodal(facts) is None:
        tried["model.multimodal"] = (False, True)
    lacks("entity.domicile", COUNTRIES, counts=case.natural)
    lacks("entity.principal_place_of_business", COUNTRIES, counts=not case.natural)
    lacks("entity.employer.kind", ORGANISATIONS, counts=case.employed)
    lacks("entity.employer.principal_place_of_business", COUNTRIES, counts=case.employed)
    lacks("entity.employer.relationship", ("employee", "contractor"), counts=case.employed)
    lacks("entity.monthly_active_users", (THRESHOLD, THRESHOLD + 1), counts=not case.natural or case.employed)
    lacks("use.activities", ALL_ACTIVITIES)
    lacks("use.purposes", purposes)
    lacks("use.critical_infrastructure.role", ("none", "operator_unrelated_use", "operation"))
    for assurance, code in ASSURANCES.items():
        lacks(f"use.assurances.{assurance}", (False, True), counts=declared is None or code in declared)
    improves = activities is None or "improve_other_model" in activities
    lacks("use.output_model.target", ("llama_derivative", "other_llm", "other_ai_model"), counts=improves)
    lacks("use.output_model.distributed", (False, True), counts=improves)
    for index, affiliate in enumerate(facts.get("entity.affiliates") or ()):
        if affiliate.get("principal_place_of_business") is None:
            tried[f"entity.affiliates[{index}].principal_place_of_business"] = COUNTRIES
        if affiliate.get("involved_in") is None:
            tried[f"entity.affiliates[{index}].involved_in"] = subsets(("development", "distribution"))
    return tried


def listed(fact: str, facts: Facts) -> bool:
    """Whether a missing fact may be named: not while the fact that declares it is unknown itself."""
    if fact.startswith("use.output_model."):
        return facts.get("use.activities") is not None
    if fact.removeprefix("use.assurances.") in ASSURANCES:
        return facts.get("use.purposes") is not None
    return True


def size(tried: Mapping[str, Sequence[Any]]) -> int:
    """The number of combinations."""
    count = 1
    for values in tried.values():
        count *= len(values)
    return count


def filled(facts: Facts, values: Mapping[str, Any]) -> dict[str, Any]:
    """The facts with these values for unknown ones, members of affiliates included."""
    complete = dict(facts)
    affiliates = [dict(affiliate) for affiliate in facts.get("entity.affiliates") or ()]
    for fact, value in values.items():
        if fact.startswith("entity.affiliates["):
            index, member = fact.removeprefix("entity.affiliates[").split("].")
            affiliates[int(index)][member] = value
        else:
            complete[fact] = value
    if affiliates:
        complete["entity.affiliates"] = tuple(affiliates)
    return complete


@dataclass(frozen=True)
class _Row:
    outcome: str
    findings: frozenset[Made]
    due: frozenset[str]


def answer_unknown(facts: Facts, tried: Mapping[str, Sequence[Any]] | None = None) -> Answer:
    """Decide a request by trying every combination of values of the facts that are unknown."""
    tried = unknown(facts) if tried is None else tried
    rows = {
        values: _row(filled(facts, dict(zip(tried, values, strict=True))))
        for values in product(*tried.values())
    }
    outcomes = {row.outcome for row in rows.values()}
    certain = frozenset.intersection(*(row.findings for row in rows.values()))
    missing = _missing(facts, tried, rows) if len(outcomes) > 1 else {}
    outcome = outcomes.pop() if len(outcomes) == 1 else "contact_meta"
    case = Case(facts)
    return Answer(
        outcome=outcome,
        findings=certain,
        obligations=_certain_obligations(facts, rows) if outcome == "permitted" else {},
        licensor=licensor_of(case.country),
        reasons=_reasons_unknown(certain, missing, rows) if outcome == "contact_meta" else frozenset(),
        missing=missing,
        possible=_possible(facts, tried, rows) if outcome == "permitted" else {},
    )


def _row(facts: Facts) -> _Row:
    case = Case(facts)
    findings = frozenset(findings_of(case))
    outcome = outcome_of(findings)
    due = obligations_of(case, findings) if outcome == "permitted" else ()
    return _Row(outcome, findings, frozenset(name for name, _ in due))


def _alone(
    place: int, rows: Mapping[tuple[Any, ...], _Row], seen: Callable[[_Row], Any]
) -> Iterator[frozenset[Any]]:
    """What is seen while one fact alone changes, for each combination of the others."""
    groups: dict[tuple[Any, ...], set[Any]] = {}
    for values, row in rows.items():
        groups.setdefault(values[:place] + values[place + 1 :], set()).add(seen(row))
    return (frozenset(group) for group in groups.values())


def _missing(
    facts: Facts, tried: Mapping[str, Sequence[Any]], rows: Mapping[tuple[Any, ...], _Row]
) -> dict[str, frozenset[str]]:
    found = {}
    for place, fact in enumerate(tried):
        if listed(fact, facts):
            changes = [group for group in _alone(place, rows, lambda row: row.outcome) if len(group) > 1]
            if changes:
                found[fact] = frozenset().union(*changes)
    return found


def _possible(
    facts: Facts, tried: Mapping[str, Sequence[Any]], rows: Mapping[tuple[Any, ...], _Row]
) -> dict[str, frozenset[str]]:
    ever = frozenset[str]().union(*(row.due for row in rows.values()))
    always = frozenset.intersection(*(row.due for row in rows.values()))
    places = [(place, fact) for place, fact in enumerate(tried) if listed(fact, facts)]
    found: dict[str, set[str]] = {name: set() for name in ever - always}
    for place, fact in places:
        for group in _alone(place, rows, lambda row: row.due):
            for name in frozenset[str]().union(*group) - frozenset.intersection(*group):
                found[name].add(fact)
    return {name: frozenset(facts) for name, facts in found.items()}


def _certain_obligations(
    facts: Facts, rows: Mapping[tuple[Any, ...], _Row]
) -> dict[str, tuple[str | None, str]]:
    everything = Case({**facts, "use.activities": ACTIVITIES, "use.output_model.distributed": True})
    values = dict(obligations_of(everything, frozenset()))
    always = frozenset.intersection(*(row.due for row in rows.values()))
    return {name: (values.get(name), status(name, values.get(name), facts)) for name in always}


def _reasons_unknown(
    certain: frozenset[Made], missing: Mapping[str, Any], rows: Mapping[tuple[Any, ...], _Row]
) -> frozenset[str]:
    if missing:
        return reasons_of(certain) | {"clarification"}
    return reasons_of(certain) or frozenset().union(*(reasons_of(row.findings) for row in rows.values()))
