"""Which rules are responsible for what two runs tell otherwise.

Where the evaluations of both are known, these are the rules that fire otherwise and on which the difference
rests; those first whose own text, or the data that they ask about, is not the same in both rulesets. Where
only results are known, they are the rules that conclude the names that came or went.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from eligibility.backlog.answers import Said
from eligibility.backlog.comparing_sides import Telling
from eligibility.comparing import OUTCOME, Entry
from eligibility.dependence import concerned, other_data
from eligibility.replay import Changed, Told, compare, told
from eligibility.rule_differences import LOGIC
from eligibility.ruleset import Rule, Ruleset

_POSSIBLE: Final = "possible_findings"
_LISTS: Final = {
    "findings": "finding",
    _POSSIBLE: "finding",
    "obligations": "obligation",
    "possible_obligations": "obligation",
}


class Responsible:
    """Finds the rules behind differences between two rulesets; that of the earlier run may not be known."""

    def __init__(self, before: Ruleset | None, now: Ruleset) -> None:
        """Look at what each rule says and what rests on it."""
        rulesets = [now] if before is None else [before, now]
        self._rules = {rule.id: rule for ruleset in rulesets for rule in ruleset.rules}
        self._concerned: dict[str, set[Entry]] = {}
        for ruleset in rulesets:
            for rule, entries in concerned(ruleset).items():
                self._concerned.setdefault(rule, set()).update(entries)
        self._mended = frozenset[str]() if before is None else frozenset(_mended(before, now))

    def title(self, rule: str) -> str | None:
        """What a rule is called, now if it is still there."""
        found = self._rules.get(rule)
        return None if found is None else found.title

    def rules(self, before: Telling, now: Telling) -> tuple[str, ...]:
        """The ids of the rules responsible, sorted; none where a row was refused, or nothing names them."""
        if before.said is None or now.said is None:
            return ()
        old, new = _told(before), _told(now)
        if new is None:
            return ()
        found = self._by_names(before.said, now.said, new) if old is None else self._by_firing(old, new)
        return tuple(sorted(found))

    def _by_firing(self, old: Told, new: Told) -> Collection[str]:
        """The rules responsible for the move of the outcome; where it does not move, for all that differs."""
        changed = compare(old, new)
        return (changed.moves_outcome and self._behind({OUTCOME}, changed, old, new)) or self._behind(
            _entries(changed), changed, old, new
        )

    def _behind(self, entries: set[Entry], changed: Changed, old: Told, new: Told) -> Collection[str]:
        """The likeliest of the rules on which one of these entries rests."""
        fired = {*changed.only_before, *changed.only_after}
        is_open = bool(old.lists["missing"] or new.lists["missing"])
        possible = {("finding", change.name) for change in changed.lists[_POSSIBLE]}
        suspects: tuple[Iterable[str], ...] = (
            self._mended & fired,
            self._mended & (old.rules | new.rules),  # the same rule, which concludes something else
            self._mended if is_open else (),  # rules that may fire
            (rule for rule in fired if self._entry(rule) in entries - {OUTCOME}),
            (rule for rule in fired if self._kind(rule) == "finding"),
            (rule for rule in fired if self._kind(rule) != "outcome"),
            self._concluding(possible, new),
        )
        found = ([rule for rule in some if self._rests(entries, rule)] for some in suspects)
        return next(filter(None, found), [])

    def _by_names(self, old: Said, new: Said, now: Told) -> Collection[str]:
        """The rules that conclude the findings that came or went, else the obligations, else what may be."""
        moves = old.outcome != new.outcome
        findings = {("finding", name) for name in {*old.findings} ^ {*new.findings}}
        found = [
            rule for rule in self._concluding(findings, now) if not moves or self._rests({OUTCOME}, rule)
        ]
        found = found or list(self._concluding(findings, now))
        if not found and not moves:
            obligations = {("obligation", name) for name in {*old.obligations} ^ {*new.obligations}}
            found = list(self._concluding(obligations, now))
        return found or list(self._concluding({("finding", name) for name in now.lists[_POSSIBLE]}, now))

    def _concluding(self, entries: Collection[Entry], now: Told) -> Iterator[str]:
        """The rules that conclude one of these: those that fired, or else all that could have."""
        generations = self._generations(now)
        for entry in entries:
            rules = [rule for rule in self._rules.values() if _entry_of(rule) == entry]
            fired = [rule.id for rule in rules if rule.id in now.rules]
            yield from fired or [rule.id for rule in rules if generations & {*rule.generations}]

    def _generations(self, now: Told) -> set[str]:
        """The generations that the request can be about, by the rules that fired."""
        every = {one for rule in self._rules.values() for one in rule.generations}
        fired = (self._rules[rule].generations for rule in now.rules if rule in self._rules)
        return every.intersection(*fired)

    def _rests(self, entries: set[Entry], rule: str) -> bool:
        return not entries.isdisjoint(self._concerned.get(rule, ()))

    def _entry(self, rule: str) -> Entry | None:
        return _entry_of(self._rules[rule]) if rule in self._rules else None

    def _kind(self, rule: str) -> str | None:
        return self._rules[rule].then.kind if rule in self._rules else None


def _told(telling: Telling) -> Told | None:
    content = telling.content
    return None if content is None else told(content)


def _entries(changed: Changed) -> set[Entry]:
    """All that is told otherwise. What facts are missing, and why Meta is asked, goes with the outcome."""
    found = {(kind, change.name) for listed, kind in _LISTS.items() for change in changed.lists[listed]}
    if changed.lists["missing"] or changed.contact_reasons[0] != changed.contact_reasons[1]:
        found.add(OUTCOME)
    return found


def _entry_of(rule: Rule) -> Entry:
    return OUTCOME if rule.then.kind == "outcome" else (rule.then.kind, rule.then.name)


def _mended(before: Ruleset, now: Ruleset) -> Iterator[str]:
    """The rules that one of them has not, or that ask or conclude something else, or ask about other data."""
    olds, news = _entries_of(before), _entries_of(now)
    rules = {rule.id: rule for rule in now.rules}
    for name in {*olds, *news}:
        old, new = olds.get(name), news.get(name)
        is_same = old is not None and new is not None and all(old[part] == new[part] for part in LOGIC)
        if not is_same or any(other_data(rules[name], before, now, _common(rules[name], before))):
            yield name


def _entries_of(ruleset: Ruleset) -> dict[str, Mapping[str, Any]]:
    return {rule["id"]: rule for rule in ruleset.document["rules"]}


def _common(rule: Rule, before: Ruleset) -> Iterable[str]:
    return (name for name in rule.generations if name in before.generations)
