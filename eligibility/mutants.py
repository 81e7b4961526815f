"""Mutants of a policy: rulesets that differ from it in one thing, which its cases ought to notice.

One operator, threshold, list member, effect, value, generation, presumption or stratum is changed at a time.
Words that people read, citations and the names of models are left alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any as Anything

from eligibility.building import build
from eligibility.conditions import atoms_of
from eligibility.mutant_conclusions import (
    changes_of_finding,
    changes_of_licensor,
    changes_of_span,
    changes_of_status,
    changes_of_value,
)
from eligibility.mutant_conditions import changes_of_when
from eligibility.mutant_data import (
    DataChange,
    changes_of_languages,
    changes_of_presumptions,
    changes_of_regions,
)
from eligibility.ruleset import Rule, Ruleset

Document = Mapping[str, Anything]
BEFORE_ALL = -1
"""The level of a rule that is evaluated before anything is settled."""


@dataclass(frozen=True)
class Mutant:
    """One change of a policy.

    `id` is readable, and stable for as long as what it names is: the rule, finding, obligation, region,
    generation or fact that is changed, and how. Only in `generations` can it make a difference, and only
    `rules`, by their ids, and what rests on them, can fire otherwise. Requests that show it are likely to
    mention, or to fire, one of `mentions`. With `early` the document is as it was, and the rules are
    evaluated before all others.
    """

    id: str
    generations: tuple[str, ...]
    document: Document
    rules: tuple[str, ...]
    mentions: tuple[str, ...]
    early: bool = False

    @property
    def sentence(self) -> str:
        """What is changed, in a sentence."""
        subject, words = self.id.split(": ", 1)
        before, arrow, after = words.rpartition(" -> ")
        if not arrow:
            return f"`{subject}` is taken {words}."
        if after in {"not", "without not"}:
            return f"In `{subject}`, `{before}` is {'negated' if after == 'not' else 'no longer negated'}."
        return f"In `{subject}`, `{before}` becomes `{after}`."

    def ruleset(self) -> Ruleset:
        """The ruleset that the mutant is. Raises Faults where the change can not be built."""
        built = build(self.document)
        if not self.early:
            return built
        rules = (replace(rule, level=BEFORE_ALL) if rule.id in self.rules else rule for rule in built.rules)
        return replace(built, rules=tuple(rules))


def mutants_of(ruleset: Ruleset) -> tuple[Mutant, ...]:
    """Every mutant of a ruleset, each with an id of its own."""
    found = [
        mutant for part in (_of_rules, _of_conclusions, _of_data, _of_strata) for mutant in part(ruleset)
    ]
    count: Counter[str] = Counter()
    named = []
    for mutant in found:
        count[mutant.id] += 1
        again = count[mutant.id]
        named.append(mutant if again == 1 else replace(mutant, id=f"{mutant.id} ({again})"))
    return tuple(named)


def _of_rules(ruleset: Ruleset) -> Iterator[Mutant]:
    """Changes of the conditions and generations of each rule."""
    document, known = ruleset.document, tuple(ruleset.generations)
    for rule in ruleset.rules:
        words = _written(document, rule)
        for change in changes_of_when(words["when"], document):
            yield _of_rule(ruleset, [rule], rule.id, change.words, {**words, "when": change.after})
        for change in changes_of_span(words, known):
            mutant = _of_rule(ruleset, [rule], rule.id, change.words, change.after)
            # the generation that is added is one more in which the change can show
            applies = {*rule.generations, *change.after["generations"]}
            yield replace(mutant, generations=tuple(name for name in known if name in applies))
        then = words["then"]
        for change in changes_of_value(then) if "obligation" in then else ():
            yield _of_rule(ruleset, [rule], rule.id, change.words, {**words, "then": change.after})
        for change in changes_of_licensor(then) if "licensor" in then else ():
            yield _of_rule(ruleset, [rule], rule.id, change.words, {**words, "then": change.after})


def _of_conclusions(ruleset: Ruleset) -> Iterator[Mutant]:
    """Changes of what findings and obligations are, in all rules that conclude them: these must agree."""
    document = ruleset.document
    reviews = sorted({rule.then.review for rule in ruleset.rules if rule.then.review})
    concluding: dict[tuple[str, str], list[Rule]] = {}
    for rule in ruleset.rules:
        concluding.setdefault((rule.then.kind, rule.then.name), []).append(rule)
    for (kind, name), rules in concluding.items():
        then = _written(document, rules[0])["then"]
        changes = changes_of_finding(then, reviews) if kind == "finding" else ()
        for change in (*changes, *(changes_of_status(then) if kind == "obligation" else ())):
            essence = {key: value for key, value in change.after.items() if key != "value"}
            written = [_written(document, rule) for rule in rules]
            after = [
                {**words, "then": {**{k: v for k, v in words["then"].items() if k == "value"}, **essence}}
                for words in written
            ]
            yield _of_rule(ruleset, rules, name, change.words, *after)


def _of_data(ruleset: Ruleset) -> Iterator[Mutant]:
    """Changes of regions, languages and presumptions."""
    known = tuple(ruleset.generations)
    for change in changes_of_regions(ruleset.document):
        yield _of_change(change, known, _asking(ruleset, "in", "some_in"))
    for name, change in changes_of_languages(ruleset):
        yield _of_change(change, (name,), _asking(ruleset, "some_unsupported"))
    for change in changes_of_presumptions(ruleset.document):
        yield _of_change(change, known, ())


def _of_change(change: DataChange, generations: tuple[str, ...], rules: tuple[str, ...]) -> Mutant:
    return Mutant(f"{change.subject}: {change.words}", generations, change.after, rules, (change.mentions,))


def _asking(ruleset: Ruleset, *tests: str) -> tuple[str, ...]:
    """The rules that ask one of these tests, of affiliates too."""
    return tuple(
        rule.id
        for rule in ruleset.rules
        if any(
            part.test in tests
            for atom in atoms_of(rule.when)
            for part in (atom.parts if atom.test == "some" else (atom,))
        )
    )


def _of_strata(ruleset: Ruleset) -> Iterator[Mutant]:
    """Each rule that names something, evaluated before that is settled."""
    for rule in ruleset.rules:
        if rule.names or rule.effects:
            yield Mutant(
                f"{rule.id}: before what it names is settled",
                rule.generations,
                ruleset.document,
                (rule.id,),
                (rule.id, rule.then.name),
                early=True,
            )


def _written(document: Document, rule: Rule) -> Document:
    """A rule as it stands in the document."""
    words: Document = next(words for words in document["rules"] if words["id"] == rule.id)
    return words


def _of_rule(ruleset: Ruleset, rules: Sequence[Rule], subject: str, words: str, *after: Document) -> Mutant:
    """The mutant in which rules are written otherwise."""
    changed = {rule["id"]: rule for rule in after}
    written = [changed.get(rule["id"], rule) for rule in ruleset.document["rules"]]
    applies = {name for rule in rules for name in rule.generations}
    return Mutant(
        f"{subject}: {words}",
        tuple(name for name in ruleset.generations if name in applies),
        {**ruleset.document, "rules": written},
        tuple(rule.id for rule in rules),
        tuple(text for rule in rules for text in (rule.id, rule.then.name)),
    )
