"""What rests on what: everything told that can follow from a rule, and what a rule itself has to know."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from eligibility.comparing import LICENSOR, OUTCOME, Entry
from eligibility.conditions import Atom, atoms_of
from eligibility.ruleset import Rule, Ruleset

EFFECT = "effect "
"""Before the name of an effect, where something rests on all findings that have it."""

_KINDS = {"outcome": OUTCOME, "licensor": LICENSOR}


def needs(rule: Rule) -> set[str]:
    """What a rule has to know of the conclusions of others: names, and effects."""
    return {*rule.names, *(f"{EFFECT}{effect}" for effect in rule.effects)}


def gives(rule: Rule) -> set[str]:
    """What the conclusion of a rule lets others know."""
    then = rule.then
    if then.kind == "derive":
        return {then.name}
    if then.kind != "finding":
        return set()
    return {then.name, f"{EFFECT}{then.effect}", *([f"{EFFECT}contact"] if then.review else [])}


def concerned(ruleset: Ruleset) -> dict[str, set[Entry]]:
    """For each rule: everything that is told and can rest on its conclusion, its own included."""
    needed: dict[str, list[Rule]] = {}
    for rule in ruleset.rules:
        for name in needs(rule):
            needed.setdefault(name, []).append(rule)
    return {rule.id: {_entry(other) for other in _resting(rule, needed)} for rule in ruleset.rules}


def _resting(rule: Rule, needed: Mapping[str, Iterable[Rule]]) -> Iterable[Rule]:
    """A rule, and those that rest on it, directly or not."""
    found, waiting = {rule.id: rule}, [rule]
    while waiting:
        for name in gives(waiting.pop()):
            fresh = [other for other in needed.get(name, ()) if other.id not in found]
            found.update((other.id, other) for other in fresh)
            waiting.extend(fresh)
    return found.values()


def _entry(rule: Rule) -> Entry:
    return _KINDS.get(rule.then.kind, (rule.then.kind, rule.then.name))


def other_data(rule: Rule, old: Ruleset, new: Ruleset, generations: Iterable[str]) -> Iterator[str]:
    """The regions, languages and models that the questions of a rule are about and that differ, in words."""
    for atom in atoms_of(rule.when):
        yield from _about(atom, old, new, generations)


def _about(atom: Atom, old: Ruleset, new: Ruleset, generations: Iterable[str]) -> Iterator[str]:
    for part in atom.parts if atom.test == "some" else (atom,):
        if part.test in {"in", "some_in"} and _reach(old, part) != _reach(new, part):
            yield f"region {part.argument}"
    if atom.test == "some_unsupported":
        for name in generations:
            if old.generations[name].languages != new.generations[name].languages:
                yield f"languages of {name}"
    if atom.fact in {"model.name", "model.multimodal"} and _models(old) != _models(new):
        yield "catalogue of models"


def _reach(ruleset: Ruleset, part: Atom) -> tuple[frozenset[str], str | None]:
    region = ruleset.regions[str(part.argument)]
    return region.countries, region.token


def _models(ruleset: Ruleset) -> tuple[object, ...]:
    vocabulary = ruleset.vocabulary
    known = {name: (model.generation, model.multimodal) for name, model in vocabulary.models.items()}
    return known, dict(vocabulary.modality)
