"""A form over all facts of a request, by group. Labels, questions and options are those of the policy.

Fields are named by the dotted paths of facts, those of affiliates with their numbers
(`entity.affiliates.0.relation`); the field `entity.affiliates` says how many affiliates there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final, NamedTuple

from api.dashboard.wording import plain
from api.policy_views import facts, generations, named_countries
from eligibility.backlog.columns import REQUIRED
from eligibility.domains import AFFILIATES, MEMBER
from eligibility.ruleset import Ruleset

NOTHING: Final = "none"
"""What is filled in for a list that is known to be empty."""

DESCRIPTION: Final = "use.description"

_TITLES: Final = {
    "model": "The model",
    "entity": "The applicant",
    "entity.employer": "The employer, where the applicant acts for one",
    "use": "The use",
    "use.critical_infrastructure": "Critical infrastructure",
    "use.assurances": "Assurances",
    "use.output_model": "The model that is improved or made",
    "use.attribution": "How Llama is named",
}
_SHOWN_AS: Final = {
    "code": "choice",
    "country": "choice",
    "boolean": "answer",
    "number": "number",
    "codes": "checks",
    "regions": "list",
    "languages": "list",
    "text": "text",
    "model_name": "model",
}
_MAY_BE_NONE: Final = f"{MEMBER}involved_in"
"""The list of codes that is known to be empty where none of them applies."""

_SAMPLES: Final = {
    "regions": "Codes or names, with semicolons between them, such as DE; France",
    "languages": "Language tags, with semicolons between them, such as en; pt-BR",
}


class FactField(NamedTuple):
    """A field for a fact.

    `shown` is how: `choice` of one option, `answer` yes or no, `checks` of options, `list` of typed entries,
    `number`, `text`, `long` text, `model` (a text with suggestions). `unknown` is said of what is not given.
    """

    name: str
    fact: str
    shown: str
    label: str
    hint: str
    options: tuple[tuple[str, str], ...]
    unknown: str
    needed: bool


class Group(NamedTuple):
    """Fields that belong together; `affiliate` is the number of the affiliate that they are about."""

    name: str
    title: str
    fields: tuple[FactField, ...]
    affiliate: int | None = None


class Filling(NamedTuple):
    """What the words of a form are filled with: how the generation and its month are called."""

    generation: str
    month: str | None


def form_of(ruleset: Ruleset, generation: str | None, affiliates: int) -> tuple[Group, ...]:
    """The groups of the form for a generation, None where it is not chosen, and so many affiliates."""
    filling = _filling(ruleset, generation)
    grouped: dict[str, list[Mapping[str, Any]]] = {}
    for fact in facts(ruleset):
        if fact["fact"] != AFFILIATES:
            grouped.setdefault(fact["fact"].rpartition(".")[0], []).append(fact)
    made: list[Group] = []
    for name, members in grouped.items():
        if f"{name}." == MEMBER:
            made += [_affiliate(ruleset, members, filling, number) for number in range(affiliates)]
            continue
        fields = tuple(_field(ruleset, fact, filling, fact["fact"]) for fact in members)
        made.append(Group(name, _TITLES.get(name) or plain(name), fields))
    return tuple(made)


def months(ruleset: Ruleset) -> list[tuple[str, str]]:
    """The generations by title, each with the month in which its licence counts users."""
    return [(each["title"], each["users_month_name"]) for each in generations(ruleset)]


def names_of(groups: Sequence[Group]) -> dict[str, FactField]:
    """The fields of a form by name."""
    return {field.name: field for group in groups for field in group.fields}


def _affiliate(
    ruleset: Ruleset, members: Sequence[Mapping[str, Any]], filling: Filling, number: int
) -> Group:
    fields = tuple(
        _field(ruleset, fact, filling, fact["fact"].replace("[]", f".{number}"), number) for fact in members
    )
    return Group(f"{AFFILIATES}.{number}", f"Affiliate {number + 1}", fields, number)


def _filling(ruleset: Ruleset, generation: str | None) -> Filling:
    found = next((each for each in generations(ruleset) if each["generation"] == generation), None)
    return Filling("Llama", None) if found is None else Filling(found["title"], found["users_month_name"])


def _field(
    ruleset: Ruleset, fact: Mapping[str, Any], filling: Filling, name: str, number: int = 0
) -> FactField:
    kind = "long" if fact["fact"] == DESCRIPTION else _SHOWN_AS[fact["kind"]]
    slots = {
        "generation": filling.generation,
        "month": filling.month or "the month that counts",
        "number": number + 1,
    }
    label, question = (str(fact[words]).format(**slots) for words in ("label", "question"))
    if "{month}" in fact["question"] and filling.month:
        label = f"{label} in {filling.month}"
    if kind == "answer":  # the question is what is answered
        label, question = question, ""
    hints = [question, _SAMPLES.get(fact["kind"], ""), _counts_with(fact)]
    return FactField(
        name=name,
        fact=fact["fact"],
        shown=kind,
        label=label[:1].upper() + label[1:],
        hint=" ".join(filter(None, hints)),
        options=_options(ruleset, fact),
        unknown=_unknown(fact),
        needed=fact["fact"] in REQUIRED,
    )


def _counts_with(fact: Mapping[str, Any]) -> str:
    declared = fact["declared_by"]
    return f"Counts only with “{plain(declared['value'])}”." if declared else ""


def _unknown(fact: Mapping[str, Any]) -> str:
    """What is said where a fact is not given; also what it is then taken to be."""
    if fact["fact"] in REQUIRED:
        return "Choose one"
    presumed = fact.get("presumed")
    if isinstance(presumed, bool):
        return f"Not known, taken as {'yes' if presumed else 'no'}"
    if fact["kind"] == "code" and presumed is not None:
        return f"Not known, taken as {plain(presumed)}"
    return "Not known"


def _options(ruleset: Ruleset, fact: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    if fact["kind"] == "country":
        return _countries()
    if fact["fact"] == "model.generation":
        return tuple((each["generation"], each["title"]) for each in generations(ruleset))
    if fact["kind"] == "model_name":
        return tuple((each.name, "") for each in ruleset.vocabulary.models.values())
    options = tuple((code, _capital(plain(code))) for code in fact["values"] or ())
    return (*options, (NOTHING, "Neither")) if fact["fact"] == _MAY_BE_NONE else options


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


@cache
def _countries() -> tuple[tuple[str, str], ...]:
    return tuple(sorted(named_countries(), key=lambda country: country[1]))
