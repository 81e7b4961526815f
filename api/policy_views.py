"""The ruleset as data for building forms: what can be said, what can follow, and where it is written."""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, Final

from eligibility.codes import COUNTRIES, country_name
from eligibility.conditions import atoms_of
from eligibility.domains import DECLARED_BY, FACTS, domain_of
from eligibility.ruleset import Rule, Ruleset
from eligibility.wording import MONTHS

Entries = list[dict[str, Any]]

_NEEDED: Final = frozenset({"model.generation", "entity.kind"})


def ruleset_name(ruleset: Ruleset) -> dict[str, str]:
    """What every answer says of the ruleset that it is about."""
    return {"version": ruleset.version, "digest": ruleset.digest}


def index(ruleset: Ruleset) -> dict[str, Any]:
    """What there is to read, and the few things that stand alone."""
    return {
        "ruleset": ruleset_name(ruleset),
        "contact": ruleset.contact,
        "outcomes": [
            {"outcome": name, "title": words["title"]} for name, words in ruleset.texts["outcomes"].items()
        ],
        "views": {name: f"/v1/policy/{name}" for name in VIEWS},
    }


def generations(ruleset: Ruleset) -> Entries:
    """The generations, oldest first, each with the month in which its licence counts users."""
    return [
        {
            "generation": each.id,
            "title": each.title,
            "released": each.released,
            "users_month": each.users_month,
            "users_month_name": _month_name(each.users_month),
            "languages": sorted(each.languages),
            "multimodal": ruleset.vocabulary.modality[each.id],
        }
        for each in ruleset.generations.values()
    ]


def _month_name(month: str) -> str:
    year, number = month.split("-")
    return f"{MONTHS[int(number) - 1]} {year}"


def models(ruleset: Ruleset) -> Entries:
    """The foundation models that the catalogue knows, by generation."""
    return [
        {"model": each.name, "generation": each.generation, "multimodal": each.multimodal}
        for each in ruleset.vocabulary.models.values()
    ]


def purposes(ruleset: Ruleset) -> Entries:
    """The purposes that can be declared, in the policy's order, and what comes of each."""
    assurances = {code: fact for fact, (declared, code) in DECLARED_BY.items() if declared == "use.purposes"}
    return [
        {
            "purpose": code,
            "title": rules[0].title if rules else None,
            "finding": rules[0].then.name if rules else None,
            "generations": _generations(ruleset, rules) if rules else list(ruleset.generations),
            "assurance": assurances.get(code),
        }
        for code in ruleset.vocabulary.purposes
        for rules in [_forbidding(ruleset, code)]
    ]


def _forbidding(ruleset: Ruleset, purpose: str) -> list[Rule]:
    """The rules that forbid a purpose."""
    return [
        rule
        for rule in ruleset.rules
        if rule.then.effect == "prohibits"
        and any(atom.fact == "use.purposes" and atom.argument == purpose for atom in atoms_of(rule.when))
    ]


def _generations(ruleset: Ruleset, rules: Iterable[Rule]) -> list[str]:
    """The generations in which any of the rules is in force, oldest first."""
    named = {name for rule in rules for name in rule.generations}
    return [name for name in ruleset.generations if name in named]


def _concluding(ruleset: Ruleset, kind: str) -> dict[str, list[Rule]]:
    """The rules that conclude findings or obligations, by the name of the conclusion, sorted."""
    grouped: dict[str, list[Rule]] = {}
    for rule in sorted(ruleset.rules, key=lambda rule: (rule.then.name, rule.id)):
        if rule.then.kind == kind:
            grouped.setdefault(rule.then.name, []).append(rule)
    return grouped


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "rule": rule.id,
        "title": rule.title,
        "summary": rule.summary,
        "generations": list(rule.generations),
        "citations": {
            generation: [{"document": one.document, "clause": one.clause, "url": one.url} for one in cited]
            for generation, cited in rule.citations.items()
        },
    }


def findings(ruleset: Ruleset) -> Entries:
    """Every finding that can be made, with the rules that make it."""
    return [
        {
            "finding": name,
            "effect": rules[0].then.effect,
            "reason": rules[0].then.reason,
            "reviewable": any(rule.then.review is not None for rule in rules),
            "title": rules[0].title,
            "generations": _generations(ruleset, rules),
            "rules": [_rule(rule) for rule in rules],
        }
        for name, rules in _concluding(ruleset, "finding").items()
    ]


def obligations(ruleset: Ruleset) -> Entries:
    """Every obligation that can come with a permission, with the literal text due in each generation."""
    return [
        {
            "obligation": name,
            "title": rules[0].title,
            "values": {
                generation: value for rule in rules for generation, value in (rule.then.values or {}).items()
            },
            "status_follows_from": rules[0].then.status.fact if rules[0].then.status else None,
            "generations": _generations(ruleset, rules),
            "rules": [_rule(rule) for rule in rules],
        }
        for name, rules in _concluding(ruleset, "obligation").items()
    ]


def facts(ruleset: Ruleset) -> Entries:
    """Every fact that a request may hold, in the order of a form."""
    return [_fact(ruleset, path) for path in FACTS]


def _fact(ruleset: Ruleset, path: str) -> dict[str, Any]:
    words = ruleset.words(path)
    domain = domain_of(path, ruleset.vocabulary.purposes, ruleset.vocabulary.generations)
    declared = DECLARED_BY.get(path)
    entry: dict[str, Any] = {
        "fact": path,
        "kind": domain.kind if domain else None,
        "values": list(domain.values) if domain and domain.values else None,
        "label": words["label"],
        "question": words["question"],
        "questions": _questions(ruleset, path),
        "needed": path in _NEEDED,
        "declared_by": {"fact": declared[0], "value": declared[1]} if declared else None,
    }
    if "presumed" in words:
        entry["presumed"] = words["presumed"]
    return entry


def _questions(ruleset: Ruleset, path: str) -> dict[str, str] | None:
    """The question as it is asked in each generation, where that differs."""
    text = str(ruleset.words(path)["question"])
    if not any(slot in text for slot in ("{generation}", "{month}")):
        return None
    return {
        name: text.format(
            month=_month_name(generation.users_month), generation=generation.title, number="{number}"
        )
        for name, generation in ruleset.generations.items()
    }


def regions(ruleset: Ruleset) -> Entries:
    """The sets of countries that rules ask about."""
    return [
        {"region": name, "title": each.title, "token": each.token, "countries": sorted(each.countries)}
        for name, each in ruleset.regions.items()
    ]


def documents(ruleset: Ruleset) -> Entries:
    """The sources that rules cite."""
    return [
        {"document": name, **{key: words[key] for key in ("title", "edition", "date", "url")}}
        for name, words in ruleset.document["documents"].items()
    ]


def countries(_ruleset: Ruleset) -> Entries:
    """Every country code that a request may hold, with the country's short name in English."""
    return [{"country": code, "name": name} for code, name in named_countries()]


@cache
def named_countries() -> tuple[tuple[str, str], ...]:
    """Every country code with the country's short name in English, by code."""
    return tuple((code, country_name(code) or code) for code in sorted(COUNTRIES))


VIEWS: Final[Mapping[str, Callable[[Ruleset], Entries]]] = {
    "generations": generations,
    "models": models,
    "purposes": purposes,
    "findings": findings,
    "obligations": obligations,
    "facts": facts,
    "regions": regions,
    "documents": documents,
    "countries": countries,
}
"""What can be read of the policy, by the last part of its address."""


def view(ruleset: Ruleset, name: str) -> dict[str, Any]:
    """One view, with the ruleset that it is of."""
    return {"ruleset": ruleset_name(ruleset), name: VIEWS[name](ruleset)}
