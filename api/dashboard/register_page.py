"""The register of clauses: what became of each clause of the documents that rules cite."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from litestar import Request, Response, route

from api.dashboard.lists import csv_answer
from api.dashboard.pages import page
from api.dashboard.rule_words import RULES, titles
from api.dashboard.rules import csv_address, document_choices, given_of, is_csv, pieces
from api.dashboard.rules_beside import beside
from api.filters import one_of, read_values
from api.problems import Refusal
from api.service import service_of
from eligibility.register import STANDINGS, Entry

_PATH: Final = f"{RULES}/register"
_COLUMNS: Final = ("document", "clause", "about", "standing", "rules", "reason")


@route(_PATH, http_method=["GET", "HEAD"], status_code=HTTPStatus.OK)
async def register(request: Request[Any, Any, Any]) -> Response[Any]:
    """The clauses of a document, or that match; without either, how many there are of each."""
    service = service_of(request)
    given = given_of(request, ("document", "standing", "text", "format"))
    ruleset = (await service.in_force.current()).ruleset
    documents: dict[str, Any] = ruleset.document["documents"]
    values = read_values(
        {name: value for name, value in given.items() if name != "format"},
        {
            "document": lambda value: one_of(value, documents),
            "standing": lambda value: one_of(value, STANDINGS),
            "text": str,
        },
    )
    found = await beside(service, ruleset.digest, "register")
    entries = () if found is None else found.register
    shown = _matching(entries, values)
    if is_csv(given):
        if found is None:
            raise Refusal("unavailable", "the register is being read", headers={"retry-after": "5"})
        return csv_answer("clauses", _COLUMNS, pieces([_cells(entry) for entry in shown]))
    return page(
        request,
        "register.html",
        found=found,
        shown=shown,
        documents=documents,
        counts=_counts(entries, documents),
        wanted=values,
        sections=_sections(shown, documents) if values else [],
        document_choices=document_choices(ruleset),
        titles=titles(ruleset),
        csv=csv_address(_PATH, given),
    )


def _matching(entries: Sequence[Entry], wanted: Mapping[str, object]) -> list[Entry]:
    words = str(wanted.get("text", "")).casefold().split()
    return [
        entry
        for entry in entries
        if wanted.get("document") in {None, entry.document}
        and wanted.get("standing") in {None, entry.standing}
        and all(word in " ".join(filter(None, _texts(entry))).casefold() for word in words)
    ]


def _texts(entry: Entry) -> tuple[str | None, ...]:
    return (entry.clause, entry.heading, entry.reason, *entry.rules)


def _cells(entry: Entry) -> tuple[object, ...]:
    return (entry.document, entry.clause, entry.heading, entry.standing, entry.rules, entry.reason)


def _counts(entries: Sequence[Entry], documents: dict[str, Any]) -> dict[str, Counter[str]]:
    """How many clauses of each document, newest first, have which standing."""
    found: dict[str, Counter[str]] = {name: Counter() for name in reversed(documents)}
    for entry in entries:
        found[entry.document][entry.standing] += 1
    return found


def _sections(entries: Sequence[Entry], documents: dict[str, Any]) -> list[tuple[str, list[Entry]]]:
    grouped: dict[str, list[Entry]] = {}
    for entry in entries:
        grouped.setdefault(entry.document, []).append(entry)
    return [(name, grouped[name]) for name in reversed(documents) if name in grouped]


HANDLERS: Final = (register,)
