"""The policy in force by document and clause; each rule; and the register of clauses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from litestar import Request, Response, route

from api.dashboard.lists import csv_answer
from api.dashboard.pages import page, see_other
from api.dashboard.rule_list import NAMES, effect_of, matching, sections, wanted_of
from api.dashboard.rule_words import (
    RULES,
    cases_told,
    condition_lines,
    label_of,
    sources,
    spanned,
    title_of,
    titles,
)
from api.dashboard.rules_beside import beside
from api.filters import one_of, read_values
from api.incoming import parameters
from api.problems import Refusal
from api.service import Service, service_of
from eligibility.cases import naming
from eligibility.ruleset import Rule, Ruleset

DAYS: Final = 30
"""How far back is counted how often rules fired."""

_COLUMNS: Final = (
    *("rule", "title", "summary", "gives", "conclusion", "reason", "generations", "clauses"),
    f"decisions in {DAYS} days",
)


class Fired(NamedTuple):
    """In how many decisions each rule made its finding in the last days, as of a time."""

    at: datetime
    decisions: Mapping[str, int]


@route(RULES, http_method=["GET", "HEAD"], status_code=HTTPStatus.OK)
async def list_all(request: Request[Any, Any, Any]) -> Response[Any]:
    """The rules that match."""
    service = service_of(request)
    given = given_of(request, (*NAMES, "format"))
    ruleset = (await service.in_force.current()).ruleset
    wanted = wanted_of(given, ruleset)
    found = matching(ruleset, wanted)
    fired = await _fired(service)
    if is_csv(given):
        decisions = {} if fired is None else fired.decisions
        return csv_answer("rules", _COLUMNS, pieces([_cells(rule, decisions) for rule in found]))
    return page(
        request,
        "rules.html",
        wanted=wanted,
        found=found,
        sections=sections(found, ruleset, wanted),
        generation_choices=[(each.id, each.title) for each in ruleset.generations.values()],
        document_choices=document_choices(ruleset),
        fired=fired,
        days=DAYS,
        applies=lambda rule: spanned(rule.generations, ruleset),
        csv=csv_address(RULES, given),
        by_topic=_address(given, by="topic"),
        by_clause=_address(given, by="clause"),
    )


def _cells(rule: Rule, decisions: Mapping[str, int]) -> tuple[object, ...]:
    return (
        *(rule.id, rule.title, rule.summary, effect_of(rule), rule.then.name, rule.then.reason),
        rule.generations,
        [f"{one.document}: {one.clause}" for one, _ in sources(rule)],
        decisions.get(rule.id, 0) if rule.then.kind == "finding" else None,
    )


@route(f"{RULES}/{{name:str}}", http_method=["GET", "HEAD"], status_code=HTTPStatus.OK)
async def read(request: Request[Any, Any, Any]) -> Response[bytes]:
    """A rule; by the name of a conclusion, the rules that give it."""
    given_of(request, ())
    service, name = service_of(request), str(request.path_params["name"])
    ruleset = (await service.in_force.current()).ruleset
    rule = next((rule for rule in ruleset.rules if rule.id == name), None)
    if rule is None:
        return _concluding(ruleset, name)
    cases = await beside(service, ruleset.digest, "cases")
    told = [] if cases is None else cases_told(naming(cases.cases, rule), ruleset)
    status = rule.then.status
    return page(
        request,
        "rule.html",
        rule=rule,
        effect=effect_of(rule),
        applies=spanned(rule.generations, ruleset),
        conditions=condition_lines(rule.when, ruleset),
        review=rule.then.review and title_of(rule.then.review, ruleset),
        status_fact=None if status is None else label_of(status.fact, ruleset),
        values=_values(rule),
        sources=[(one, spanned(of, ruleset)) for one, of in sources(rule)],
        documents=ruleset.document["documents"],
        used_by=[other.id for other in ruleset.rules if rule.then.name in other.names],
        alike=[other.id for other in _giving(ruleset, rule.then.name) if other is not rule],
        titles=titles(ruleset),
        cases=cases,
        told_cases=told,
        fired=await _fired(service),
        days=DAYS,
    )


async def _fired(service: Service) -> Fired | None:
    """The figures of all rules; None while they are counted for the first time. Raises StorageUnavailable."""
    counted = await service.figures.current(service.database)
    return None if counted is None else Fired(counted.at, counted.by_rule(DAYS))


def _values(rule: Rule) -> dict[str, list[str]]:
    """The texts that are due, each with the generations that it is due in."""
    found: dict[str, list[str]] = {}
    for generation, value in (rule.then.values or {}).items():
        if value is not None:
            found.setdefault(value, []).append(generation)
    return found


def _giving(ruleset: Ruleset, name: str) -> list[Rule]:
    """The rules that conclude what has this name."""
    return [rule for rule in ruleset.rules if rule.then.name == name]


def _concluding(ruleset: Ruleset, name: str) -> Response[bytes]:
    rules = _giving(ruleset, name)
    if not rules:
        raise Refusal("not-found", "the policy in force has no rule, and concludes nothing, of this name")
    if len(rules) == 1:
        return see_other(f"{RULES}/{rules[0].id}")
    return see_other(f"{RULES}?{urlencode({'text': name, 'by': 'topic'})}")


def document_choices(ruleset: Ruleset) -> list[tuple[str, str]]:
    """The documents that can be chosen, newest first, with their titles."""
    return [(name, words["title"]) for name, words in reversed(ruleset.document["documents"].items())]


def given_of(request: Request[Any, Any, Any], names: Sequence[str]) -> dict[str, str]:
    """The query parameters that were filled in, and what the page is to say. Raises as `parameters` does."""
    given = parameters(request, (*names, "said"))
    return {name: value for name, value in given.items() if value.strip() and name != "said"}


def is_csv(given: Mapping[str, str]) -> bool:
    """Whether a list is wanted as CSV. Raises UnacceptableRequest."""
    asked = {name: value for name, value in given.items() if name == "format"}
    return bool(read_values(asked, {"format": lambda value: one_of(value, ("csv",))}))


def csv_address(path: str, given: Mapping[str, str]) -> str:
    """The address of the same list as CSV."""
    return f"{path}?{urlencode({**given, 'format': 'csv'})}"


async def pieces(rows: Sequence[Sequence[object]]) -> AsyncIterator[Sequence[Sequence[object]]]:
    """Rows that are all there, as one piece."""
    yield rows


def _address(given: Mapping[str, str], *, by: str) -> str:
    return f"{RULES}?{urlencode({**given, 'by': by})}"


HANDLERS: Final = (list_all, read)
