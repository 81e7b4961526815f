"""The cases beside the rules: requests, and what is expected to be decided about them.

`check` holds an answer against an expectation, whether the answer came from this process or over HTTP.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any as Anything
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from eligibility.decider import Decider
from eligibility.errors import RequestRefused, RuleFault, RulesetInvalid
from eligibility.parsing import near
from eligibility.reading import read_request
from eligibility.ruleset import Rule, Ruleset
from eligibility.yaml_files import line_of, plain, read_entries

FOLDER = "cases"
"""Where in a rules folder the cases stand."""

DECIDED = 200
Answer = Mapping[str, Anything]


class Expectation(BaseModel):
    """What is expected of an answer; what is left out is not looked at."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    outcome: Literal["permitted", "prohibited", "contact_meta"] | None = None
    rules: list[str] | None = None
    findings: list[str] | None = None
    absent: list[str] | None = None
    effects: dict[str, Literal["prohibits", "contact", "exempts", "note"]] | None = None
    obligations: list[str] | None = None
    possible_obligations: list[str] | None = None
    obligation_status: dict[str, Literal["unknown", "met", "unmet"]] | None = None
    obligation_values: dict[str, str | None] | None = None
    missing: list[str] | None = None
    missing_outcomes: dict[str, list[str]] | None = None
    contact_reasons: list[str] | None = None
    assumptions: list[str] | None = None
    licensor: str | None = None
    status: Literal[400, 422] | None = None
    pointer: str | None = None


class CaseForm(BaseModel):
    """One case as it is written."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    case: str = Field(min_length=1)
    request: JsonValue
    expect: Expectation


@dataclass(frozen=True)
class Case:
    """A request, what is expected of the answer, and where that is written."""

    name: str
    request: Anything
    expect: Mapping[str, Anything]
    file: str
    line: int


@dataclass(frozen=True)
class Result:
    """What came of a case: the status and answer that HTTP would give, and how they differ from it."""

    case: Case
    status: int
    answer: Answer
    complaints: tuple[str, ...]


def run(decider: Decider, case: Case) -> Result:
    """Decide a case as a request that comes over HTTP would be decided.

    Raises:
        EvaluatorsDisagree: the two evaluators differ.
        EngineFailure: the engine refused to work.
    """
    try:
        request = read_request(json.dumps(case.request).encode(), decider.ruleset.vocabulary)
    except RequestRefused as refused:
        errors = [{"pointer": fault.pointer, "detail": fault.detail} for fault in refused.problems]
        status, answer = refused.status, {"errors": errors}
    else:
        status, answer = DECIDED, decider.decide(request).document()
    return Result(case, status, answer, tuple(check(case.expect, status, answer)))


def check(expect: Mapping[str, Anything], status: int, answer: Answer) -> list[str]:
    """Say how an answer differs from what is expected of it; nothing where it does not.

    `status` is that of HTTP, `answer` a decision, or the problem document of a refusal.
    """
    if "status" in expect or status >= 400:  # noqa: PLR2004 - the statuses of errors begin there
        return list(_refusal(expect, status, answer))
    unknown = [f"`{key}` is no key of `expect`" for key in expect if key not in _CHECKS]
    return unknown + [
        f"{key}: {complaint}"
        for key, wanted in expect.items()
        if key in _CHECKS
        for complaint in _CHECKS[key](wanted, answer)
    ]


def _refusal(expect: Mapping[str, Anything], status: int, answer: Answer) -> Iterator[str]:
    errors = answer.get("errors", ())
    came = answer.get("outcome") or "; ".join(f"{one['pointer']}: {one['detail']}" for one in errors)
    if status != expect.get("status"):
        wanted = expect.get("status") or f"a decision, {expect.get('outcome', 'of any outcome')}"
        yield f"status: expected {wanted}, came {status} ({came or answer.get('detail')})"
    elif "pointer" in expect and expect["pointer"] not in [one["pointer"] for one in errors]:
        yield f"pointer: expected `{expect['pointer']}`, came {came}"


def _same(wanted: object, came: object) -> Iterator[str]:
    if wanted != came:
        yield f"expected {_said(wanted)}, came {_said(came)}"


def _among(wanted: Iterable[str], came: Iterable[str]) -> Iterator[str]:
    there = set(came)
    for name in wanted:
        if name not in there:
            yield f"expected `{name}`, which is not there"


def _exactly(wanted: Iterable[str], came: Iterable[str]) -> Iterator[str]:
    expected, there = set(wanted), set(came)
    yield from _among(sorted(expected), there)
    for name in sorted(there - expected):
        yield f"`{name}` is there, which was not expected"


def _each(wanted: Mapping[str, object], came: Mapping[str, object]) -> Iterator[str]:
    for name, value in wanted.items():
        if name not in came:
            yield f"expected `{name}`, which is not there"
        elif came[name] != value:
            yield f"expected `{name}` to be {_said(value)}, it is {_said(came[name])}"


def _said(value: object) -> str:
    if isinstance(value, set):
        return ", ".join(f"`{one}`" for one in sorted(value))
    return "null" if value is None else f"`{value}`"


def _column(answer: Answer, entries: str, key: str) -> list[str]:
    return [entry[key] for entry in answer[entries]]


def _pairs(answer: Answer, entries: str, key: str, value: str) -> dict[str, object]:
    return {entry[key]: entry[value] for entry in answer[entries]}


def _present(unwanted: Iterable[str], answer: Answer) -> Iterator[str]:
    for name in set(unwanted) & set(_column(answer, "findings", "finding")):
        yield f"`{name}` is there, which it should not be"


def _outcomes(wanted: Mapping[str, list[str]], answer: Answer) -> Iterator[str]:
    came = {entry["fact"]: set(entry["outcomes"]) for entry in answer["missing_facts"]}
    return _each({fact: set(outcomes) for fact, outcomes in wanted.items()}, came)


_CHECKS: Mapping[str, Callable[[Anything, Answer], Iterator[str]]] = {
    "outcome": lambda wanted, answer: _same(wanted, answer["outcome"]),
    "rules": lambda wanted, answer: _exactly(
        wanted, (rule for finding in answer["findings"] for rule in finding["rules"])
    ),
    "findings": lambda wanted, answer: _among(wanted, _column(answer, "findings", "finding")),
    "absent": _present,
    "effects": lambda wanted, answer: _each(wanted, _pairs(answer, "findings", "finding", "effect")),
    "obligations": lambda wanted, answer: _exactly(wanted, _column(answer, "obligations", "obligation")),
    "possible_obligations": lambda wanted, answer: _exactly(
        wanted, _column(answer, "possible_obligations", "obligation")
    ),
    "obligation_status": lambda wanted, answer: _each(
        wanted, _pairs(answer, "obligations", "obligation", "status")
    ),
    "obligation_values": lambda wanted, answer: _each(
        wanted, _pairs(answer, "obligations", "obligation", "value")
    ),
    "missing": lambda wanted, answer: _exactly(wanted, _column(answer, "missing_facts", "fact")),
    "missing_outcomes": _outcomes,
    "contact_reasons": lambda wanted, answer: _exactly(wanted, (answer["contact"] or {}).get("reasons", ())),
    "assumptions": lambda wanted, answer: _among(wanted, _column(answer, "assumptions", "fact")),
    "licensor": lambda wanted, answer: _same(wanted, answer["licensor"]),
}


def load_cases(folder: Path, ruleset: Ruleset) -> tuple[Case, ...]:
    """Load the cases of a rules folder, strictly.

    What a case names must exist in the ruleset: an absent finding that is misspelt would never be found.

    Raises:
        RulesetInvalid: everything that is wrong with them.
    """
    faults: list[RuleFault] = []
    cases = [case for path in sorted((folder / FOLDER).glob("*.yaml")) for case in _read(path, faults)]
    first: dict[str, Case] = {}
    for case in cases:
        same = first.setdefault(case.name, case)
        if same is not case:
            detail = f"`{same.file}:{same.line}` is called `{case.name}` too"
            faults.append(RuleFault(case.file, case.line, detail, "give the case a name of its own"))
        faults.extend(_misnamed(case, ruleset))
    if not cases and not faults:
        faults.append(RuleFault(FOLDER, None, "there are no cases", "add a file of cases to the folder"))
    if faults:
        raise RulesetInvalid(faults)
    return tuple(cases)


def naming(cases: Iterable[Case], rule: Rule) -> list[Case]:
    """The cases that expect a rule, or what it concludes."""
    wanted = rule.id if rule.then.kind == "finding" else rule.then.name
    return [case for case in cases if any(wanted in (case.expect.get(key) or ()) for key in _NAMING)]


_NAMING = ("rules", "findings", "effects", "obligations", "possible_obligations")


def _read(path: Path, faults: list[RuleFault]) -> Iterator[Case]:
    file = f"{FOLDER}/{path.name}"
    for node in read_entries(path, file, "cases", faults):
        yield from _case(node, file, faults)


def _case(node: Anything, file: str, faults: list[RuleFault]) -> Iterator[Case]:
    try:
        form = CaseForm.model_validate(plain(node))
    except ValidationError as error:
        for found in error.errors(include_url=False):
            detail, remedy = _explain(found["type"], found["loc"], found["msg"])
            faults.append(RuleFault(file, line_of(node, found["loc"]), detail, remedy))
        return
    expect = form.expect.model_dump(exclude_unset=True)
    others = sorted(set(expect) - {"status", "pointer"})
    line = line_of(node, ()) or 1
    if ("status" in expect and others) or ("pointer" in expect and "status" not in expect):
        detail = "a refused request is expected by `status` and `pointer`, and by nothing else"
        faults.append(RuleFault(file, line_of(node, ("expect",)), detail, "remove the other keys"))
    elif not expect:
        faults.append(RuleFault(file, line, "nothing is expected", "add a key to `expect`"))
    else:
        yield Case(form.case, form.request, expect, file, line)


def _explain(kind: str, place: tuple[str | int, ...], message: str) -> tuple[str, str]:
    form = Expectation if place[:1] == ("expect",) else CaseForm
    name = place[-1] if place else ""
    if kind == "extra_forbidden":
        known = "rules/README.md lists the keys"
        return f"`{name}` is no key here", near(str(name), form.model_fields) or known
    if kind == "missing":
        return f"`{name}` is missing", f"add `{name}`"
    where = ".".join(str(part) for part in place) or "the case"
    return f"`{where}` can not be read: {message[:1].lower()}{message[1:]}", "see rules/README.md"


def _misnamed(case: Case, ruleset: Ruleset) -> Iterator[RuleFault]:
    """The names of rules, findings and obligations that the ruleset does not have."""
    expect = case.expect
    findings = {rule.then.name for rule in ruleset.rules if rule.then.kind == "finding"}
    obligations = {rule.then.name for rule in ruleset.rules if rule.then.kind == "obligation"}
    rules = {rule.id for rule in ruleset.rules if rule.then.kind == "finding"}
    for keys, known, what in (
        (("rules",), rules, "rule that makes a finding"),
        (("findings", "absent", "effects"), findings, "finding"),
        (_OBLIGATION_KEYS, obligations, "obligation"),
    ):
        for name in (name for key in keys for name in expect.get(key) or () if name not in known):
            remedy = near(name, known) or "name one that there is"
            yield RuleFault(case.file, case.line, f"there is no {what} `{name}`", remedy)


_OBLIGATION_KEYS = ("obligations", "possible_obligations", "obligation_status", "obligation_values")
