"""The rules that match what is looked for, by the clauses they come from or by what they are about."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, cast

from api.dashboard.rule_words import sources
from api.filters import one_of, read_values
from eligibility.register import GROUPS
from eligibility.ruleset import Rule, Ruleset

EFFECTS: Final = ("prohibits", "contact", "exempts", "note", "obligation", "derive", "licensor", "outcome")
"""What rules give: the effects of findings, and the kinds of what else is concluded."""

ORDERS: Final = ("clause", "topic")
NAMES: Final = ("text", "generation", "effect", "document", "by")


@dataclass(frozen=True)
class Wanted:
    """Which rules to list, and how; None is any. `text` are words that all have to be there."""

    text: str | None = None
    generation: str | None = None
    effect: str | None = None
    document: str | None = None
    by: str = ORDERS[0]


@dataclass(frozen=True)
class Row:
    """A rule as it is listed; of a clause, that one."""

    rule: Rule
    effect: str
    clause: str


@dataclass(frozen=True)
class Section:
    """Rules that stand together: of one document, which has an address, or of one topic."""

    name: str
    title: str
    address: str | None
    rows: list[Row]


def wanted_of(given: Mapping[str, str], ruleset: Ruleset) -> Wanted:
    """What the parameters ask for. Raises UnacceptableRequest."""
    read: dict[str, Callable[[str], object]] = {
        "text": str,
        "generation": lambda value: one_of(value, ruleset.generations),
        "effect": lambda value: one_of(value, EFFECTS),
        "document": lambda value: one_of(value, ruleset.document["documents"]),
        "by": lambda value: one_of(value, ORDERS),
    }
    values = {name: value for name, value in given.items() if name in read}
    return Wanted(**cast("dict[str, str]", read_values(values, read)))


def effect_of(rule: Rule) -> str:
    """What a rule gives: one of EFFECTS."""
    return rule.then.effect or rule.then.kind


def matching(ruleset: Ruleset, wanted: Wanted) -> list[Rule]:
    """The rules that match, by id."""
    words = (wanted.text or "").casefold().split()
    return [
        rule
        for rule in sorted(ruleset.rules, key=lambda rule: rule.id)
        if (wanted.generation is None or wanted.generation in rule.generations)
        and wanted.effect in {None, effect_of(rule)}
        and (wanted.document is None or any(one.document == wanted.document for one, _ in sources(rule)))
        and _has(rule, words)
    ]


def _has(rule: Rule, words: Iterable[str]) -> bool:
    clauses = (one.clause for one, _ in sources(rule))
    text = " ".join((rule.id, rule.title, rule.summary, rule.then.name, *clauses)).casefold()
    return all(word in text for word in words)


def sections(rules: Iterable[Rule], ruleset: Ruleset, wanted: Wanted) -> list[Section]:
    """Rules by document and clause, or by topic, in the order of these."""
    found: dict[str, list[Row]] = {}
    for rule in rules:
        if wanted.by == "topic":
            found.setdefault(_topic(rule), []).append(Row(rule, effect_of(rule), _newest_clause(rule)))
            continue
        for document, clause in _clauses(rule, wanted):
            found.setdefault(document, []).append(Row(rule, effect_of(rule), clause))
    documents = ruleset.document["documents"]
    if wanted.by == "topic":
        order = [*TOPICS, *sorted(set(found) - set(TOPICS))]
        return [
            Section(name, TOPICS.get(name) or documents[name]["title"], None, found[name])
            for name in order
            if name in found
        ]
    return [
        Section(name, words["title"], words["url"], sorted(found[name], key=_by_clause))
        for name, words in reversed(documents.items())
        if name in found
    ]


TOPICS: Final[Mapping[str, str]] = {
    "licence": "The licence",
    "aup": "The acceptable use policy",
    "obligation": "Obligations that come with a permission",
    "outcome": "The outcome",
    "licensor": "The licensor",
    "derive": "Facts that are derived first",
}


def _topic(rule: Rule) -> str:
    """What a rule is about: what it concludes; of findings, the kind of document that they come from."""
    if rule.then.kind != "finding":
        return rule.then.kind
    document = rule.citations[rule.generations[-1]][0].document
    return next((group for group in GROUPS if document.endswith(f"-{group}")), document)


def _newest_clause(rule: Rule) -> str:
    return rule.citations[rule.generations[-1]][0].clause


def _clauses(rule: Rule, wanted: Wanted) -> dict[tuple[str, str], None]:
    """The clauses under which a rule is listed: of the document or generation asked for, else the newest."""
    if wanted.document is not None:
        cited = [one for one, _ in sources(rule) if one.document == wanted.document]
    else:
        cited = list(rule.citations[wanted.generation or rule.generations[-1]])
    return dict.fromkeys((one.document, one.clause) for one in cited)


def _by_clause(row: Row) -> list[tuple[bool, int, str]]:
    """Clauses in their order: numbers by size, words by letter."""
    pieces = re.findall(r"\d+|\D+", row.clause)
    return [(not piece.isdigit(), int(piece) if piece.isdigit() else 0, piece) for piece in pieces]
