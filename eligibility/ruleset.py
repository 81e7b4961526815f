"""A ruleset: the policy as frozen data.

Its *document* is everything that `rules/` says, merged, without comments and cases. It is kept whole in the
database, and its digest names the policy a decision was made under. `building` makes a ruleset of a
document.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any as Anything

from eligibility.canonical import canonical
from eligibility.conditions import Atom, Condition, Effect, Holds, atoms_of, leaves
from eligibility.facts import Vocabulary

SEMANTICS = 1
"""Raised whenever code changes what cells or evaluations mean; part of every digest."""

STRATA = ("derive", "find", "conclude")
"""Rules of one stratum may negate only what an earlier stratum, or an earlier level of their own, settled."""


@dataclass(frozen=True)
class Citation:
    """Where a rule comes from: the document's id, the heading and number as printed, the address."""

    document: str
    clause: str
    url: str


@dataclass(frozen=True)
class Status:
    """How the status of an obligation follows from a fact: by its values, or by how a name starts."""

    fact: str
    met: tuple[object, ...] = ()
    unmet: tuple[object, ...] = ()
    starts_with_value: bool = False


@dataclass(frozen=True)
class Conclusion:
    """What a rule concludes. `kind` is derive, finding, obligation, licensor or outcome; `name` is which."""

    kind: str
    name: str
    effect: str | None = None
    reason: str | None = None
    review: str | None = None
    values: Mapping[str, str | None] | None = None
    status: Status | None = None

    @property
    def stratum(self) -> str:
        """The stratum in which such conclusions are drawn."""
        return {"derive": "derive", "finding": "find"}.get(self.kind, "conclude")


@dataclass(frozen=True, eq=False)
class Rule:
    """One rule: in these generations, when the condition holds, then this is concluded."""

    id: str
    title: str
    summary: str
    generations: tuple[str, ...]
    everywhere: bool
    when: Condition
    then: Conclusion
    citations: Mapping[str, tuple[Citation, ...]]
    level: int = 0

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The derived facts and findings that it asks about, the one its finding is reviewed by last."""
        named = [leaf.name for leaf in leaves(self.when) if isinstance(leaf, Holds)]
        return (*named, self.then.review) if self.then.review else tuple(named)

    @cached_property
    def effects(self) -> tuple[str, ...]:
        """The effects of findings that it asks about."""
        return tuple(leaf.effect for leaf in leaves(self.when) if isinstance(leaf, Effect))


@dataclass(frozen=True)
class Generation:
    """One generation of models, and the month in which its licence counts users (`2025-03`)."""

    id: str
    title: str
    released: str
    users_month: str
    languages: frozenset[str]


@dataclass(frozen=True)
class Region:
    """A set of countries that rules ask about, and how being inside or outside is said."""

    title: str
    inside: str
    outside: str
    token: str | None
    countries: frozenset[str]


@dataclass(frozen=True)
class Program:
    """The rules of one generation, ready to be evaluated: by level, with the questions they ask."""

    generation: Generation
    rules: tuple[Rule, ...]
    atoms: tuple[Atom, ...]

    @cached_property
    def levels(self) -> tuple[tuple[Rule, ...], ...]:
        """The rules by level; a level negates only what earlier ones settled."""
        depth = max((rule.level for rule in self.rules), default=-1) + 1
        return tuple(tuple(rule for rule in self.rules if rule.level == level) for level in range(depth))

    @cached_property
    def questions(self) -> dict[str, tuple[Atom, ...]]:
        """For each fact that rules ask about, the questions."""
        grouped: dict[str, list[Atom]] = {}
        for atom in self.atoms:
            grouped.setdefault(atom.fact, []).append(atom)
        return {fact: tuple(atoms) for fact, atoms in grouped.items()}

    @cached_property
    def statuses(self) -> dict[str, tuple[Status, str | None]]:
        """For each obligation with a status: how it follows, and the literal value due in this generation."""
        found: dict[str, tuple[Status, str | None]] = {}
        for rule in self.rules:
            if rule.then.kind == "obligation" and rule.then.status:
                found[rule.then.name] = (rule.then.status, (rule.then.values or {}).get(self.generation.id))
        return found

    @cached_property
    def by_conclusion(self) -> dict[tuple[str, str], tuple[Rule, ...]]:
        """The rules that conclude the same thing, by kind and name."""
        grouped: dict[tuple[str, str], list[Rule]] = {}
        for rule in self.rules:
            grouped.setdefault((rule.then.kind, rule.then.name), []).append(rule)
        return {conclusion: tuple(rules) for conclusion, rules in grouped.items()}

    @cached_property
    def by_id(self) -> dict[str, Rule]:
        """The rules by id."""
        return {rule.id: rule for rule in self.rules}


@dataclass(frozen=True)
class Ruleset:
    """The whole policy. Two rulesets are the same exactly if their digests are."""

    document: Mapping[str, Anything]
    digest: str
    rules: tuple[Rule, ...]
    generations: Mapping[str, Generation]
    regions: Mapping[str, Region]
    vocabulary: Vocabulary

    @property
    def version(self) -> str:
        """The version its authors gave it."""
        return str(self.document["version"])

    @property
    def contact(self) -> str:
        """The address for requests to Meta."""
        return str(self.document["contact"])

    @property
    def texts(self) -> Mapping[str, Anything]:
        """The words that code fills slots of."""
        words: Mapping[str, Anything] = self.document["texts"]
        return words

    def words(self, fact: str) -> Mapping[str, Anything]:
        """The label and question of a fact (`entity.affiliates[].…` for members of affiliates)."""
        words: Mapping[str, Anything] = self.document["facts"][fact]
        return words

    @cached_property
    def presumed(self) -> dict[str, Anything]:
        """The facts that are presumed when they are not given, and their values (policy, section 3)."""
        return {
            path: words["presumed"] for path, words in self.document["facts"].items() if "presumed" in words
        }

    def program(self, generation: str) -> Program:
        """The rules of one generation."""
        return self.programs[generation]

    @cached_property
    def programs(self) -> dict[str, Program]:
        """The rules of every generation."""
        return {name: self._program(generation) for name, generation in self.generations.items()}

    def _program(self, generation: Generation) -> Program:
        rules = [rule for rule in self.rules if generation.id in rule.generations]
        rules.sort(key=lambda rule: rule.level)
        atoms = dict.fromkeys(atom for rule in rules for atom in atoms_of(rule.when))
        return Program(generation, tuple(rules), tuple(atoms))


def digest_of(document: Mapping[str, Anything]) -> str:
    """The digest of a ruleset's document: `sha256:` and 64 hexadecimal digits."""
    return "sha256:" + hashlib.sha256(canonical(dict(document))).hexdigest()
