"""Deciding a recorded decision again: what came of it, and what differs, by rule.

All of it is by ids, as evaluations are; `titled` adds the words of the rulesets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any as Anything

from eligibility.refusing import Reason
from eligibility.ruleset import Program
from eligibility.wording import pattern_of

Content = Mapping[str, Anything]
Answer = Mapping[str, Anything]

LISTED = ("findings", "possible_findings", "obligations", "possible_obligations", "missing")
"""The parts of an evaluation that are lists of named things, as `Told.lists` has them."""

_CONCLUSIONS = {
    "findings": "finding",
    "possible_findings": "finding",
    "obligations": "obligation",
    "possible_obligations": "obligation",
}
_NAMES = {**_CONCLUSIONS, "missing": "fact"}


@dataclass(frozen=True)
class Told:
    """What one evaluation says, ready to be compared: which rules fired, the outcome, and the lists by name.

    `lists` has, for each of `LISTED`, what is said of each name. `concludes` says what each rule that fired
    gave, and `grounds` on which premises.
    """

    outcome: str
    rules: frozenset[str]
    lists: Mapping[str, Mapping[str, Answer]]
    contact_reasons: tuple[str, ...]
    licensor: str | None
    concludes: Mapping[str, str]
    grounds: Mapping[str, tuple[str, ...]]


def told(content: Content) -> Told:
    """Read the content of an evaluation.

    Affiliates are not told apart: an evaluation numbers their cells, and two rulesets number them otherwise.
    """
    steps = [step for step in content["steps"] if step["rule"]]
    missing: dict[str, set[str]] = {}
    for one in content["missing"]:
        missing.setdefault(pattern_of(one["fact"]), set()).update(one["outcomes"])
    possible = {
        one["obligation"]: {"depends_on": sorted({pattern_of(fact) for fact in one["depends_on"]})}
        for one in content["possible_obligations"]
    }
    return Told(
        outcome=content["outcome"],
        rules=frozenset(step["rule"] for step in steps),
        lists={
            "findings": _findings(content["findings"]),
            "possible_findings": _findings(content["alternatives"]),
            "obligations": {due["obligation"]: {"status": due["status"]} for due in content["obligations"]},
            "possible_obligations": possible,
            "missing": {fact: {"outcomes": sorted(outcomes)} for fact, outcomes in sorted(missing.items())},
        },
        contact_reasons=tuple(content["contact_reasons"]),
        licensor=content["licensor"],
        concludes={step["rule"]: step["concludes"] for step in steps},
        grounds={step["rule"]: tuple(step["because"]) for step in steps},
    )


def _findings(made: Iterable[Content]) -> dict[str, Answer]:
    return {one["finding"]: {"effect": one["effect"], "reason": one["reason"]} for one in made}


@dataclass(frozen=True)
class Change:
    """One named thing told otherwise: None where it is not told. `rules` gave it, on either side."""

    name: str
    before: Answer | None
    after: Answer | None
    rules: tuple[str, ...]


@dataclass(frozen=True)
class Changed:
    """What differs between two evaluations of the same facts. Pairs are before and after.

    `only_before` and `only_after` are rules that fired on one side only; `otherwise` those that fired on both
    sides, but on other grounds, which changes the explanation and nothing else.
    """

    outcome: tuple[str, str]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]
    otherwise: tuple[str, ...]
    lists: Mapping[str, tuple[Change, ...]]
    contact_reasons: tuple[tuple[str, ...], tuple[str, ...]]
    licensor: tuple[str | None, str | None]

    def __bool__(self) -> bool:
        """Whether anything but an explanation differs."""
        return bool(
            self.only_before
            or self.only_after
            or any(self.lists.values())
            or any(one[0] != one[1] for one in (self.outcome, self.contact_reasons, self.licensor))
        )

    @cached_property
    def moves_outcome(self) -> bool:
        """Whether the outcome is another."""
        return self.outcome[0] != self.outcome[1]

    def document(self) -> dict[str, Anything]:
        """The same as JSON."""
        found = self.essence()
        found["rules"]["otherwise"] = list(self.otherwise)
        return {
            **found,
            **{name: [_written(name, change) for change in self.lists[name]] for name in LISTED},
            "contact_reasons": _pair([list(reasons) for reasons in self.contact_reasons]),
            "licensor": _pair(self.licensor),
        }

    def essence(self) -> dict[str, Anything]:
        """What like changes have in common, as JSON: the rules, the outcome, and the findings.

        The rest is in it where the outcome is the same; where it moves, the rest follows from that.
        """
        found: dict[str, Anything] = {
            "what": "changed",
            "outcomes": _pair(self.outcome),
            "rules": {"only_before": list(self.only_before), "only_after": list(self.only_after)},
            "findings": [_written("findings", change) for change in self.lists["findings"]],
        }
        if not self.moves_outcome:
            for name in LISTED[1:]:
                if self.lists[name]:
                    found[name] = [_written(name, change) for change in self.lists[name]]
            for name, pair in (("contact_reasons", self.contact_reasons), ("licensor", self.licensor)):
                if pair[0] != pair[1]:
                    found[name] = _pair([list(one) if isinstance(one, tuple) else one for one in pair])
        return found


@dataclass(frozen=True)
class NotAccepted:
    """The other ruleset refuses the recorded facts, for these reasons."""

    reasons: tuple[Reason, ...]

    def document(self) -> dict[str, Anything]:
        """The same as JSON."""
        return {
            "what": "refused",
            "reasons": [{"fact": fact, "code": code or None} for fact, code in self.reasons],
        }

    essence = document


@dataclass(frozen=True)
class NotDecidable:
    """Texts were erased, and the recorded cells do not answer what the other ruleset asks of these facts."""

    facts: tuple[str, ...]

    def document(self) -> dict[str, Anything]:
        """The same as JSON."""
        return {"what": "undecidable", "facts": list(self.facts)}

    essence = document


@dataclass(frozen=True)
class NotAsRecorded:
    """The recorded ruleset gives the recorded cells an evaluation that says the same for other reasons."""

    def document(self) -> dict[str, Anything]:
        """The same as JSON."""
        return {"what": "explanation"}

    essence = document


Again = Changed | NotAccepted | NotDecidable | NotAsRecorded
"""What comes of deciding a recorded decision again."""


def compare(before: Told, after: Told) -> Changed:
    """What differs between two evaluations of the same facts."""
    return Changed(
        outcome=(before.outcome, after.outcome),
        only_before=tuple(sorted(before.rules - after.rules)),
        only_after=tuple(sorted(after.rules - before.rules)),
        otherwise=tuple(
            sorted(rule for rule in before.rules & after.rules if before.grounds[rule] != after.grounds[rule])
        ),
        lists={name: tuple(_changes(name, before, after)) for name in LISTED},
        contact_reasons=(before.contact_reasons, after.contact_reasons),
        licensor=(before.licensor, after.licensor),
    )


def _changes(listed: str, before: Told, after: Told) -> Iterable[Change]:
    olds, news = before.lists[listed], after.lists[listed]
    for name in sorted({*olds, *news}):
        old, new = olds.get(name), news.get(name)
        if old != new:
            yield Change(name, old, new, _giving(name, before, after) if listed in _CONCLUSIONS else ())


def _giving(name: str, *sides: Told) -> tuple[str, ...]:
    return tuple(sorted({rule for side in sides for rule, given in side.concludes.items() if given == name}))


def _written(listed: str, change: Change) -> dict[str, Anything]:
    found = {
        _NAMES[listed]: change.name,
        "before": change.before and dict(change.before),
        "after": change.after and dict(change.after),
    }
    return {**found, "rules": list(change.rules)} if listed in _CONCLUSIONS else found


def _pair(pair: Sequence[Anything]) -> dict[str, Anything]:
    return {"before": pair[0], "after": pair[1]}


def titled(document: Mapping[str, Anything], before: Program, after: Program) -> dict[str, Anything]:
    """A document of what came of deciding again, with the titles of rules and conclusions.

    Rules become objects of `rule`, `title` and `concludes`. What one ruleset does not have is said in the
    words of the other; the new words are preferred.
    """
    found = dict(document)
    if "rules" in found:
        found["rules"] = {
            name: [_titled_rule(rule, after, before) for rule in rules]
            for name, rules in found["rules"].items()
        }
    for name, kind in _CONCLUSIONS.items():
        if name in found:
            found[name] = [
                {**change, "title": _title(kind, change[kind], after, before)} for change in found[name]
            ]
    return found


def _titled_rule(name: str, *programs: Program) -> dict[str, Anything]:
    rule = next((program.by_id[name] for program in programs if name in program.by_id), None)
    if rule is None:
        return {"rule": name, "title": None, "concludes": None}
    return {
        "rule": name,
        "title": rule.title,
        "concludes": {"kind": rule.then.kind, "name": rule.then.name},
    }


def _title(kind: str, name: str, *programs: Program) -> str | None:
    rules = next((found for one in programs if (found := one.by_conclusion.get((kind, name)))), None)
    return rules[0].title if rules else None
