"""What the form of rule files does not show and building does not need, but decisions would trip over.

Words that are missing, slots that nothing fills, values and dates that there are not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from string import Formatter
from typing import Any as Anything

from eligibility.atoms import USERS
from eligibility.codes import COUNTRIES
from eligibility.domains import FACTS, MEMBER, TESTS, domain_of
from eligibility.facts import normalise_model_name
from eligibility.parsing import DocumentFault, Place, near
from eligibility.wording import MARK, SAID

Document = Mapping[str, Anything]

_FACT_SLOTS = ("month", "generation")
_TEST_SLOTS = ("value", "inside", "outside")
_SUMMARY_SLOTS: Mapping[str, tuple[str, ...]] = {
    "permitted": ("generation", "email"),
    "permitted_with_obligations": ("generation", "email", "obligations"),
    "contact_missing": ("generation", "email", "facts"),
}
_OTHER_SUMMARY_SLOTS = ("generation", "email", "findings")
_EXPLANATION_SLOTS: Mapping[str, tuple[str, ...]] = {
    "outcome": ("outcome",),
    **dict.fromkeys(("prohibits", "contact_separate_licence"), ("outcome", "finding")),
    **dict.fromkeys(("contact_case_by_case", "contact_clarification"), ("outcome", "finding")),
    "missing": ("outcome", "facts"),
    "missing_fact": ("fact", "outcomes"),
    "whatever": ("outcome", "facts"),
    "may_be": ("findings",),
    "alternative": ("conditions", "effect", "finding"),
    **dict.fromkeys(("contact_aside", "exempts_aside", "note_aside"), ("finding",)),
    **dict.fromkeys(("obligations", "possible_obligations"), ("obligations",)),
    "grounds": ("text", "reasons"),
    "since": ("conclusion", "reasons"),
    "sources": ("text", "sources"),
    "source": ("document", "clause"),
    "remark": ("text", "remark"),
    "sentence": ("text",),
    **dict.fromkeys(("absent", "absent_all"), ("conclusion",)),
    "origins": ("value", "source"),
    "exact_origins": ("value", "source"),
    "answer": ("label",),
    "certain_values": ("label",),
}
"""The slots of the words for explanations, groups of words included; others have none."""
_CHANGES_SLOTS: Mapping[str, tuple[str, ...]] = {
    "changed": ("outcome", "changes"),
    "instead": ("label", "value", "former"),
    "given": ("label", "value"),
    "meaning": ("value", "meaning"),
    "or_others": ("value", "count"),
    "affiliate": ("country", "involved"),
    "stood_in_the_way": ("name", "conditions"),
    "is": ("label", "value"),
    "not_known": ("label",),
    "does_not_apply": ("label",),
}
_NEVER_PRESUMED = ("model.multimodal", "use.activities", "use.purposes")
"""Facts that are derived, or whose lists are never empty: there is nothing to take them for."""

_OUTCOMES = ("permitted", "prohibited", "contact_meta")


def unsound(document: Document) -> Iterator[DocumentFault]:
    """Everything of the kind in a document whose form is right; places in texts are without `texts`."""
    yield from _facts(document)
    yield from _texts(document["texts"])
    yield from _catalogue(document)
    yield from _regions(document["regions"])
    for name, words in document["documents"].items():
        if words["date"] is not None:
            yield from _day(words["date"], ("documents", name, "date"))
        if name.endswith("-aup"):
            for key in ("heading", "numbering", "sections"):
                if key not in words:
                    detail = f"`{key}` is missing, and rules cite this policy by its items"
                    yield DocumentFault(("documents", name), detail, f"add `{key}`")
    for index, rule in enumerate(document["rules"]):
        yield from _rule(rule, index, document)
    yield from _marked({key: value for key, value in document.items() if key != "texts"}, ())
    yield from _marked(document["texts"], ())


def _names(wanted: Sequence[str], there: Sequence[str], where: Place, what: str) -> Iterator[DocumentFault]:
    """Names that should be there and are not, or the other way round."""
    for name in wanted:
        if name not in there:
            yield DocumentFault(where, f"there are no words for the {what} `{name}`", f"add `{name}`")
    for name in there:
        if name not in wanted:
            yield DocumentFault(
                (*where, name), f"there is no {what} `{name}`", near(name, wanted) or "remove it"
            )


def _slots(text: str, allowed: Sequence[str], where: Place) -> Iterator[DocumentFault]:
    """Slots of a text that nothing fills."""
    try:
        named = [name for _, name, _, _ in Formatter().parse(text) if name is not None]
    except ValueError as error:
        yield DocumentFault(where, f"a brace is out of place: {str(error).lower()}", "write `{{` for a brace")
        return
    for name in named:
        if name not in allowed:
            remedy = near(name, allowed) or f"the slots here are {', '.join(allowed) or 'none'}"
            yield DocumentFault(where, f"nothing fills the slot `{{{name}}}`", remedy)


def _facts(document: Document) -> Iterator[DocumentFault]:
    facts = document["facts"]
    yield from _names(list(FACTS), list(facts), ("facts",), "fact")
    for path, words in facts.items():
        slots = (*_FACT_SLOTS, "number") if path.startswith(MEMBER) else _FACT_SLOTS
        for key in ("label", "question"):
            yield from _slots(words[key], slots, ("facts", path, key))
        if "presumed" in words and path in FACTS and not _may_be_presumed(path, words["presumed"], document):
            detail = f"`{path}` can not be presumed to be `{words['presumed']}`"
            yield DocumentFault(("facts", path, "presumed"), detail, "presume a value that it can have")


def _may_be_presumed(path: str, value: object, document: Document) -> bool:
    domain = domain_of(path, tuple(document["purposes"]), tuple(document["generations"]))
    if domain is None or path in _NEVER_PRESUMED:
        return False
    if path == "use.on_behalf_of":
        return value == "self"  # whom somebody acts for is never guessed
    if domain.kind == "boolean":
        return isinstance(value, bool)
    if domain.kind == "code":
        return value in domain.values
    return isinstance(value, str) if path == USERS else value == []


def _texts(texts: Document) -> Iterator[DocumentFault]:
    tests = list(dict.fromkeys(test for of_kind in TESTS.values() for test in of_kind))
    yield from _names(tests, list(texts["tests"]), ("tests",), "test")
    yield from _names(_OUTCOMES, list(texts["outcomes"]), ("outcomes",), "outcome")
    for test, words in texts["tests"].items():
        for key, text in words.items():
            yield from _slots(text, _TEST_SLOTS, ("tests", test, key))
    for name, text in texts["summaries"].items():
        yield from _slots(text, _SUMMARY_SLOTS.get(name, _OTHER_SUMMARY_SLOTS), ("summaries", name))
    yield from _slots(texts["recourse"], ("email",), ("recourse",))
    yield from _explanation(texts["explanation"], tests)
    for name, text in texts["changes"].items():
        yield from _slots(text, _CHANGES_SLOTS.get(name, ()), ("changes", name))


def _explanation(words: Document, tests: Sequence[str]) -> Iterator[DocumentFault]:
    """The words for explanations: a clause for each test, and no slot that nothing fills."""
    yield from _names(tests, list(words["clauses"]), ("explanation", "clauses"), "test")
    for test, clause in words["clauses"].items():
        for key, text in clause.items():
            yield from _slots(text, ("label", *_TEST_SLOTS), ("explanation", "clauses", test, key))
    for name, text in words.items():
        allowed = _EXPLANATION_SLOTS.get(name, ())
        if isinstance(text, str):
            yield from _slots(text, allowed, ("explanation", name))
        elif name != "clauses":
            for key, inner in text.items():
                yield from _slots(inner, allowed, ("explanation", name, key))


def _catalogue(document: Document) -> Iterator[DocumentFault]:
    first: dict[str, tuple[str, int]] = {}
    for generation, words in document["generations"].items():
        where: Place = ("generations", generation)
        yield from _day(words["released"], (*where, "released"))
        yield from _day(f"{words['users_month']}-01", (*where, "users_month"))
        for index, language in enumerate(words["languages"]):
            if not re.fullmatch(r"[a-z]{2,3}", language):
                detail = f"`{language}` is no primary language subtag"
                yield DocumentFault((*where, "languages", index), detail, "write one such as `en`")
        for index, model in enumerate(words["models"]):
            before = first.setdefault(normalise_model_name(model["name"]), (generation, index))
            if before != (generation, index):
                detail = f"`{model['name']}` is listed before, under `{before[0]}`"
                yield DocumentFault((*where, "models", index), detail, "list each model once")
    for index, purpose in enumerate(document["purposes"]):
        if purpose in document["purposes"][:index]:
            yield DocumentFault(
                ("purposes", index), f"`{purpose}` is listed before", "list each purpose once"
            )


def _day(text: str, where: Place) -> Iterator[DocumentFault]:
    try:
        date.fromisoformat(text)
    except ValueError:
        yield DocumentFault(where, f"there is no day `{text}`", "write a day of the calendar")


def _regions(regions: Document) -> Iterator[DocumentFault]:
    for name, words in regions.items():
        for index, country in enumerate(words["members"]):
            if country not in COUNTRIES:
                detail = f"`{country}` is no country code"
                yield DocumentFault(("regions", name, "members", index), detail, "use ISO 3166-1 alpha-2")
        for index, other in enumerate(words.get("includes", ())):
            if other not in regions:
                detail = f"there is no region `{other}`"
                remedy = near(other, regions) or f"one of {', '.join(regions)}"
                yield DocumentFault(("regions", name, "includes", index), detail, remedy)


def _rule(rule: Document, index: int, document: Document) -> Iterator[DocumentFault]:
    where: Place = ("rules", index)
    known, span = list(document["generations"]), rule["generations"]
    if isinstance(span, Mapping) and set(span.values()) <= set(known):
        start, end = span.get("from", known[0]), span.get("until", known[-1])
        if known.index(start) > known.index(end):
            detail = f"no generation lies from `{start}` until `{end}`"
            yield DocumentFault((*where, "generations"), detail, "exchange the two")
    status = rule["then"].get("status")
    if status is not None:
        yield from _status(status, (*where, "then", "status"))
    yield from _relations(rule["when"], (*where, "when"))


def _status(status: Document, where: Place) -> Iterator[DocumentFault]:
    domain = domain_of(status["fact"])
    if domain is None:
        detail = f"there is no fact `{status['fact']}`"
        yield DocumentFault((*where, "fact"), detail, near(status["fact"], FACTS) or "see facts.yaml")
        return
    values: tuple[object, ...] = (True, False) if domain.kind == "boolean" else domain.values
    for key in ("met", "unmet"):
        for value in status.get(key, ()):
            if value not in values:
                detail = f"`{status['fact']}` is never `{value}`"
                yield DocumentFault((*where, key), detail, near(str(value), map(str, values)) or "remove it")


def _relations(when: object, where: Place) -> Iterator[DocumentFault]:
    """Questions about the relation of an affiliate, which decides nothing (policy, section 3)."""
    if isinstance(when, Mapping):
        for key, inner in when.items():
            if key == "some" and isinstance(inner, Mapping) and "relation" in inner:
                detail = "the relation of an affiliate decides nothing"
                remedy = "ask principal_place_of_business or involved_in"
                yield DocumentFault((*where, key, "relation"), detail, remedy)
            yield from _relations(inner, (*where, str(key)))
    elif isinstance(when, list):
        for index, inner in enumerate(when):
            yield from _relations(inner, (*where, index))


def _marked(value: object, where: Place) -> Iterator[DocumentFault]:
    """Texts that hold a character which marks slots in remembered decisions."""
    if isinstance(value, str):
        for mark in (MARK, SAID):
            if mark in value:
                yield DocumentFault(where, f"the character U+{ord(mark):04X} is reserved", "remove it")
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _marked(inner, (*where, str(key)))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _marked(inner, (*where, index))
