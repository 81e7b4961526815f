"""Building rulesets: from a JSON document to rules that can be evaluated.

Checked is what structure alone does not say: names, facts, tests, strata, citations.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any as Anything

import orjson

from eligibility.errors import RuleFault, RulesetInvalid
from eligibility.facts import CatalogueModel, Vocabulary, normalise_model_name
from eligibility.parsing import DocumentFault, Faults, near, parse_condition, parse_generations
from eligibility.ruleset import (
    SEMANTICS,
    STRATA,
    Citation,
    Conclusion,
    Generation,
    Region,
    Rule,
    Ruleset,
    Status,
    digest_of,
)


def build(document: Mapping[str, Anything]) -> Ruleset:
    """Build the ruleset that a document describes; the order of its rules means nothing.

    Raises:
        Faults: what is wrong, each with its place in the document and a remedy.
    """
    document = {**document, "rules": sorted(document["rules"], key=lambda rule: str(rule["id"]))}
    faults: list[DocumentFault] = []
    generations = _generations(document["generations"])
    regions = {name: _region(name, document["regions"]) for name in document["regions"]}
    rules = _rules(document, generations, faults)
    if not faults:
        faults.extend(_check_names(rules, document))
    if faults:
        raise Faults(tuple(faults))
    return Ruleset(
        document=document,
        digest=digest_of(document),
        rules=_levelled(rules),
        generations=generations,
        regions=regions,
        vocabulary=_vocabulary(document, generations),
    )


def rebuilt(document: bytes) -> Ruleset:
    """Build the ruleset whose document the database keeps, as JSON.

    Raises:
        RulesetInvalid: it was made under another `semantics` than this release's.
    """
    words = orjson.loads(document)
    check_semantics(words)
    return build(words)


def check_semantics(document: Mapping[str, Anything]) -> None:
    """See that a recorded document means what this release makes of it.

    Its digest names a meaning: code that gives the same rules another one must not decide under it.

    Raises:
        RulesetInvalid: it was made under another `semantics`.
    """
    written = document["semantics"]
    if written != SEMANTICS:
        detail = f"the ruleset {digest_of(document)} has semantics {written}, and this release {SEMANTICS}"
        remedy = "put one of this release's semantics in force, or go back to the release before"
        raise RulesetInvalid([RuleFault("the database", None, detail, remedy)])


def _generations(known: Mapping[str, Mapping[str, Anything]]) -> dict[str, Generation]:
    """The generations, oldest first: the order of members means nothing in a document."""
    oldest_first = sorted(known.items(), key=lambda item: (item[1]["released"], item[0]))
    return {name: _generation(name, words) for name, words in oldest_first}


def _generation(name: str, words: Mapping[str, Anything]) -> Generation:
    return Generation(
        name, words["title"], words["released"], words["users_month"], frozenset(words["languages"])
    )


def _region(name: str, regions: Mapping[str, Anything]) -> Region:
    words = regions[name]
    countries = set(words["members"])
    for other in words.get("includes", ()):
        countries.update(regions[other]["members"])
    return Region(words["title"], words["inside"], words["outside"], words.get("token"), frozenset(countries))


def _vocabulary(document: Mapping[str, Anything], generations: Iterable[str]) -> Vocabulary:
    models: dict[str, CatalogueModel] = {}
    modality: dict[str, bool | None] = {}
    for generation in generations:
        words = document["generations"][generation]
        kinds = {model["multimodal"] for model in words["models"]}
        modality[generation] = kinds.pop() if len(kinds) == 1 else None
        for model in words["models"]:
            name = model["name"]
            models[normalise_model_name(name)] = CatalogueModel(name, generation, model["multimodal"])
    return Vocabulary(tuple(generations), tuple(document["purposes"]), models, modality)


def _rules(
    document: Mapping[str, Anything], generations: Mapping[str, Generation], faults: list[DocumentFault]
) -> list[Rule]:
    rules = []
    for index, words in enumerate(document["rules"]):
        found: list[DocumentFault] = []
        where = ("rules", index)
        applies = parse_generations(words["generations"], tuple(generations), (*where, "generations"), found)
        when = parse_condition(words["when"], document, (*where, "when"), found)
        then = _conclusion(words["then"], applies)
        if then.values is not None and set(then.values) != set(applies):
            detail = f"`value` must give a text for each of {', '.join(applies)}, and for no other"
            found.append(DocumentFault((*where, "then", "value"), detail, "add or remove generations"))
        citations = _citations(words["citations"], document, applies, (*where, "citations"), found)
        faults.extend(found)
        if not found:
            everywhere = len(applies) == len(generations)
            rules.append(
                Rule(
                    words["id"], words["title"], words["summary"], applies, everywhere, when, then, citations
                )
            )
    return rules


def _conclusion(words: Mapping[str, Anything], generations: Sequence[str]) -> Conclusion:
    kind = next(kind for kind in ("derive", "finding", "obligation", "licensor", "outcome") if kind in words)
    values = words.get("value")
    if kind == "obligation" and not isinstance(values, Mapping):
        values = dict.fromkeys(generations, values)
    status = words.get("status")
    return Conclusion(
        kind,
        words[kind],
        words.get("effect"),
        words.get("reason"),
        words.get("review"),
        values,
        status
        and Status(
            status["fact"],
            tuple(status.get("met", ())),
            tuple(status.get("unmet", ())),
            "starts_with" in status,
        ),
    )


def _citations(
    cited: Sequence[Mapping[str, Anything]],
    document: Mapping[str, Anything],
    generations: Iterable[str],
    where: tuple[str | int, ...],
    faults: list[DocumentFault],
) -> dict[str, tuple[Citation, ...]]:
    found: dict[str, tuple[Citation, ...]] = {}
    for generation in generations:
        listed = []
        for index, citation in enumerate(cited):
            try:
                listed.append(_citation(citation, document["documents"], generation))
            except KeyError as missing:
                names = [*document["documents"], "licence", "aup"]
                fault = DocumentFault(
                    (*where, index),
                    f"nothing is known of {missing} for `{generation}`",
                    near(str(citation["document"]), names) or "list the document in documents.yaml",
                )
                if fault not in faults:
                    faults.append(fault)
        found[generation] = tuple(listed)
    return found


def _citation(cited: Mapping[str, Anything], documents: Mapping[str, Anything], generation: str) -> Citation:
    """The citation as it reads in one generation: each policy numbers its own list."""
    name = cited["document"]
    name = f"{generation}-{name}" if name in {"licence", "aup"} else name
    document = documents[name]
    if "item" in cited:
        return Citation(name, printed(cited["item"], document), document["url"])
    clause = cited["clause"]
    return Citation(name, clause[generation] if isinstance(clause, Mapping) else clause, document["url"])


def printed(item: str, document: Mapping[str, Anything]) -> str:
    """An item of an acceptable use policy by heading and number, as that document numbers its list."""
    section, *rest = item.split(".")
    if int(section) > len(document["sections"]):
        raise KeyError(f"item {item}")
    number = ".".join([document["sections"][int(section) - 1], *rest])
    return f"{document['heading']}, {number}" + (" (counted)" if document["numbering"] == "counted" else "")


def _check_names(rules: Sequence[Rule], document: Mapping[str, Anything]) -> Iterator[DocumentFault]:
    """What is wrong between rules: ids, conclusions, names, strata, circles, outcomes."""
    yield from _unlike(rules)
    names = {rule.then.name: rule for rule in rules if rule.then.stratum != "conclude"}
    unknown = [fault for index, rule in enumerate(rules) for fault in _unsettled(index, rule, names)]
    yield from unknown
    for index, rule in enumerate(rules if not unknown else ()):
        if rule.then.name in _reached(rule, rules):
            detail = f"`{rule.then.name}` rests on itself"
            yield DocumentFault(("rules", index, "when"), detail, "take the circle apart")
    outcomes = {rule.then.name for rule in rules if rule.then.kind == "outcome"}
    for outcome in sorted(set(document["texts"]["outcomes"]) - outcomes):
        yield DocumentFault(("rules",), f"no rule gives the outcome `{outcome}`", "add one to outcome.yaml")


def _unlike(rules: Sequence[Rule]) -> Iterator[DocumentFault]:
    """Rules with one id, and rules that conclude the same thing in different ways."""
    first: dict[str, Rule] = {}
    ids: set[str] = set()
    for index, rule in enumerate(rules):
        if rule.id in ids:
            detail = f"a second rule has the id `{rule.id}`"
            yield DocumentFault(("rules", index, "id"), detail, "give it another id")
        ids.add(rule.id)
        other = first.setdefault(rule.then.name, rule)
        if _essence(other.then) != _essence(rule.then):
            detail = f"`{rule.id}` concludes `{rule.then.name}` otherwise than `{other.id}` does"
            remedy = "give both the same effect, reason, review, value and status"
            yield DocumentFault(("rules", index, "then"), detail, remedy)


def _unsettled(index: int, rule: Rule, names: Mapping[str, Rule]) -> Iterator[DocumentFault]:
    """What a rule names that no rule concludes, or that is settled only after it."""
    for name in rule.names:
        where = ("rules", index, "then" if name == rule.then.review else "when")
        if name not in names:
            remedy = near(name, names) or "write a rule that concludes it"
            yield DocumentFault(where, f"no rule concludes `{name}`", remedy)
        elif STRATA.index(names[name].then.stratum) > STRATA.index(rule.then.stratum):
            detail = f"`{name}` is settled only in a later stratum than `{rule.then.stratum}`"
            yield DocumentFault(where, detail, "ask facts or derived facts instead")
    if rule.then.stratum != "conclude" and rule.effects:
        detail = "the effects of findings are settled only when all findings are made"
        yield DocumentFault(("rules", index, "when"), detail, "move the rule to outcome.yaml")


def _essence(then: Conclusion) -> tuple[object, ...]:
    """What must be equal in all rules that conclude the same thing."""
    return (then.kind, then.effect, then.reason, then.review, then.status)


def _reached(rule: Rule, rules: Sequence[Rule]) -> set[str]:
    """The names on which a rule rests, directly or not."""
    reached: set[str] = set()
    waiting = list(rule.names)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting.extend(part for other in rules if other.then.name == name for part in other.names)
    return reached


def _levelled(rules: Sequence[Rule]) -> tuple[Rule, ...]:
    """Give each rule its level: one more than the deepest thing its condition names."""
    concluding: dict[str, list[Rule]] = {}
    for rule in rules:
        concluding.setdefault(rule.then.name, []).append(rule)
    findings = [rule for rule in rules if rule.then.kind == "finding"]
    known: dict[str, int] = {}

    def level(rule: Rule) -> int:
        if rule.id not in known:
            below = [other for name in rule.names for other in concluding[name]]
            if rule.effects:
                below += findings
            known[rule.id] = 1 + max(map(level, below), default=-1)
        return known[rule.id]

    return tuple(replace(rule, level=level(rule)) for rule in rules)
