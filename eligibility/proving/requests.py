"""Between requests and the solver: the values of a request that was read, and a request made of a model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any as Anything

import z3

from eligibility.domains import AFFILIATES, MEMBER, NATURAL_PERSONS
from eligibility.proving.variables import (
    ALWAYS,
    NAME,
    NEVER,
    STATED,
    Choice,
    Facts,
    Members,
    Term,
    Variable,
    domain,
    model_named,
)

USERS = "entity.monthly_active_users"
Value = tuple[Term, Term]
"""A term that stands for a fact, and the constant that it is."""


def values(facts: Facts, given: Mapping[str, Anything]) -> list[Value]:
    """The values that a request gives to variables, presumptions included; what is unknown is left open.

    `given` are the facts of a request that was read, by dotted path. It may list no more affiliates than
    there are places.
    """
    found: list[Value] = []
    for path, variable in facts.variables.items():
        value = given.get(path)
        if value is None:
            value = _presumed(path, facts, given)
        if path == NAME:
            found.append((variable.term, _number(variable, model_named(facts.ruleset, value))))
        elif path == STATED:
            found.extend(_stated(facts, value, given.get(NAME)))
        elif domain(path, facts.ruleset).kind == "text":
            found.append((variable, z3.BoolVal(value is not None)))
        elif value is not None:
            found.extend(_value(variable, value))
    listed = given.get(AFFILIATES) or ()
    for place, affiliate in enumerate(facts.affiliates):
        found.append((affiliate.exists, z3.BoolVal(place < len(listed))))
        for path, variable in affiliate.variables.items():
            value = listed[place].get(path.removeprefix(MEMBER)) if place < len(listed) else None
            if value is not None:
                found.extend(_value(variable, value))
    return found


def _presumed(path: str, facts: Facts, given: Mapping[str, Anything]) -> Anything:
    """What a fact that is not given is taken to be, if anything (policy, section 3)."""
    if path == USERS:
        natural = given["entity.kind"] in NATURAL_PERSONS
        return 0 if natural and given.get("use.on_behalf_of") != "employer" else None
    return facts.ruleset.presumed.get(path)


def _stated(facts: Facts, value: bool | None, name: str | None) -> Iterator[Value]:  # noqa: FBT001 - a fact, not a switch
    """Whether modality is stated, and how; left open where nothing tells it."""
    if value is not None:
        yield facts.stated, ALWAYS
        yield facts.variables[STATED], z3.BoolVal(value)
        return
    known = model_named(facts.ruleset, name) in facts.variables[NAME].values[1:-1]
    if known or facts.ruleset.vocabulary.modality[facts.program.generation.id] is not None:
        yield facts.stated, NEVER


def _number(variable: Choice, value: str | None) -> Term:
    return z3.BitVecVal(variable.values.index(value), variable.term.size())


def _value(variable: Variable, value: Anything) -> Iterator[Value]:
    match variable, value:
        case Choice(), _:
            yield variable.term, _number(variable, value)
        case Members(terms, like), _:
            there = {like(entry) for entry in value}
            for entry, term in terms.items():
                yield term, z3.BoolVal(entry in there)
        case term, bool():
            yield term, z3.BoolVal(value)
        case term, _:
            yield term, z3.IntVal(value)


def request_of(facts: Facts, model: Term) -> dict[str, Anything]:
    """A request with the values of a model, as a caller would send it.

    It gives every fact that counts, so that nothing about it is unknown. Texts, and whatever touches only the
    status of obligations, are given where rules ask about them.
    """
    request: dict[str, Anything] = {
        "model": {"generation": facts.program.generation.id},
        "entity": {},
        "use": {},
    }
    for path, variable in facts.variables.items():
        if _is_told(path, facts) and holds_in(model, facts.counts(path)):
            value = _meant(variable, model, text=domain(path, facts.ruleset).kind == "text")
            if path == STATED and not holds_in(model, facts.stated):
                value = None
            if value is not None:
                _put(request, path, value)
    listed = [
        _affiliate(affiliate.variables, model)
        for affiliate in facts.affiliates
        if holds_in(model, affiliate.exists)
    ]
    if listed:
        request["entity"]["affiliates"] = listed
    return request


def _is_told(path: str, facts: Facts) -> bool:
    incidental = path.startswith("use.attribution.") or domain(path, facts.ruleset).kind == "text"
    return not incidental or path in facts.program.questions


def _affiliate(variables: Mapping[str, Variable], model: Term) -> dict[str, Anything]:
    members = ("principal_place_of_business", "involved_in")
    return {member: _meant(variables[MEMBER + member], model, text=False) for member in members}


def _put(request: dict[str, Anything], path: str, value: Anything) -> None:
    *parts, last = path.split(".")
    inner = request
    for part in parts:
        inner = inner.setdefault(part, {})
    inner[last] = value


def _meant(variable: Variable, model: Term, *, text: bool) -> Anything:
    """The value of a variable in a model, as it is written in a request."""
    match variable:
        case Choice(named, term):
            return named[model.eval(term, model_completion=True).as_long()]
        case Members(terms, _):
            return [entry for entry, term in terms.items() if holds_in(model, term)]
        case term:
            value = model.eval(term, model_completion=True)
            if z3.is_int_value(value):
                return value.as_long()
            return ("given" if z3.is_true(value) else None) if text else z3.is_true(value)


def holds_in(model: Term, term: Term) -> bool:
    """Whether a term is true in a model."""
    return bool(z3.is_true(model.eval(term, model_completion=True)))


def truths(terms: Sequence[Term], given: Sequence[Value]) -> list[bool | None]:
    """What each term is for these values of its variables; None where it hangs on others."""
    if not terms:
        return []
    row = z3.Function("row", *[z3.BoolSort()] * (len(terms) + 1))
    found = z3.simplify(z3.substitute(row(*terms), *given)).children()
    return [z3.is_true(value) if z3.is_true(value) or z3.is_false(value) else None for value in found]
