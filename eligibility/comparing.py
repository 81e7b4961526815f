"""Two rulesets side by side: what each tells a request, and where they tell it otherwise.

What a request is told is a *table*: for the outcome, the licensor, each finding and each obligation the
answers there can be, each a function of all facts. The answers of one entry exclude each other, and where
none of them holds the answer is None. So a change is a pair of answers with a function that says for which
requests: a conjunction of two functions, and FALSE proves that there are none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any as Anything
from typing import NamedTuple

from eligibility.answering import MET, OPEN, UNMET
from eligibility.diagram import FALSE, Space
from eligibility.domains import domain_of
from eligibility.ruleset import Program, Rule, Status
from eligibility.semantics import CASE_BY_CASE, Verdict

Entry = tuple[str, str]
"""What an answer is about: its kind (outcome, finding, obligation, licensor), and its name if it has one."""

OUTCOME: Entry = ("outcome", "")
LICENSOR: Entry = ("licensor", "")

Answer = Anything
"""An outcome or licensor; of a finding (effect, reason); of an obligation `Due`; None where there is none."""

Table = Mapping[Entry, Mapping[Answer, int]]


class Shows(NamedTuple):
    """How the status of an obligation follows from a fact: from some of its values, or from how it starts."""

    fact: str
    cells: frozenset[tuple[object, int]]
    start: str | None = None

    def cell(self, value: object) -> int:
        """The status that a value shows, where it is a listed one."""
        return dict(self.cells).get(value, OPEN)

    def document(self) -> dict[str, Anything]:
        """The same as JSON, as rule files say it."""
        if self.start is not None:
            return {"fact": self.fact, "starts_with": self.start}
        met, unmet = (sorted((v for v, cell in self.cells if cell == one), key=str) for one in (MET, UNMET))
        return {"fact": self.fact, "met": met, "unmet": unmet}


class Due(NamedTuple):
    """An obligation as it is told: the literal value, and how far it is met."""

    value: str | None
    shows: Shows | None


class Change(NamedTuple):
    """One entry that has another answer."""

    entry: Entry
    before: Answer
    after: Answer


Found = Mapping[str, Mapping[Change, int]]
"""For each generation: all changes, each with the requests that are told so."""


def told(program: Program, verdict: Verdict, space: Space) -> dict[Entry, dict[Answer, int]]:
    """What the rules of a generation tell a request of which every fact that counts is known."""
    table: dict[Entry, dict[Answer, int]] = {
        OUTCOME: _only(verdict.outcomes, space),
        LICENSOR: _first(verdict.licensors.items(), space),
    }
    for (name, effect, reason), function in verdict.findings.items():
        table.setdefault(("finding", name), {})[effect, reason] = function
    for (kind, name), rules in program.by_conclusion.items():
        if kind == "obligation":
            # where several rules demand it, the first that fires says what is due
            fired = ((_due(rule, program), verdict.rules.get(rule.id, FALSE)) for rule in rules)
            table[kind, name] = _first(fired, space)
    return table


def _due(rule: Rule, program: Program) -> Due:
    value = (rule.then.values or {}).get(program.generation.id)
    status, text = program.statuses.get(rule.then.name, (None, None))
    return Due(value, _shows(status, text) if status else None)


def _shows(status: Status, text: str | None) -> Shows | None:
    """What a status amounts to: rules that are written differently may show the same."""
    if status.starts_with_value:
        return Shows(status.fact, frozenset(), start=text or "")
    domain = domain_of(status.fact)
    values: tuple[object, ...] = (False, True) if domain and domain.kind == "boolean" else ()
    values = values or (domain.values if domain else ())
    cells = {
        (value, MET if value in status.met else UNMET)
        for value in values
        if value in status.met or value in status.unmet
    }
    return Shows(status.fact, frozenset(cells)) if cells else None


def _only(functions: Mapping[str, int], space: Space) -> dict[Answer, int]:
    """Where each holds and no other does."""
    return {
        name: space.both(
            function, space.negate(space.any_of(functions[other] for other in functions if other != name))
        )
        for name, function in functions.items()
    }


def _first(functions: Iterable[tuple[Answer, int]], space: Space) -> dict[Answer, int]:
    """Where each holds and none before it does."""
    found: dict[Answer, int] = {}
    before = FALSE
    for answer, function in functions:
        fresh = space.both(function, space.negate(before))
        found[answer] = space.either(found.get(answer, FALSE), fresh)
        before = space.either(before, function)
    return found


def changes(space: Space, where: int, old: Table, new: Table) -> dict[Change, int]:
    """Everything that some request is told otherwise, with the requests; among requests of a region only.

    Obligations come with a permission, so theirs are sought where both rulesets permit. Without one outcome
    (that of the entry is None) nothing else is told.
    """
    decided, permitted = where, where
    for table in (old, new):
        outcomes = table[OUTCOME]
        decided = space.both(decided, space.any_of(outcomes.values()))
        permitted = space.both(permitted, outcomes.get("permitted", FALSE))
    found = {}
    for entry in {**old, **new}:
        within = {"outcome": where, "obligation": permitted}.get(entry[0], decided)
        befores, afters = (_answers(table.get(entry, {}), within, space) for table in (old, new))
        for (before, left), (after, right) in product(befores, afters):
            function = space.both(left, right)
            if before != after and function != FALSE:
                found[Change(entry, before, after)] = function
    return found


def _answers(answers: Mapping[Answer, int], within: int, space: Space) -> list[tuple[Answer, int]]:
    """The answers within a region, with None for the rest of it."""
    found, rest = [], within
    for answer, function in answers.items():
        found.append((answer, space.both(within, function)))
        rest = space.both(rest, space.negate(function))
    return [*found, (None, rest)]


def made(rule: Rule | None, program: Program, verdict: Verdict, space: Space) -> dict[Answer, int]:
    """What one rule concludes, and for which requests."""
    if rule is None:
        return {}
    then, fires = rule.then, verdict.rules.get(rule.id, FALSE)
    named = (then.kind, then.name)
    if then.kind == "obligation":
        return {(*named, _due(rule, program)): fires}
    if then.review is None:
        return {(*named, then.effect, then.reason): fires}
    reviewed = settled(then.review, verdict, space)
    return {
        (*named, "contact", CASE_BY_CASE): space.both(fires, reviewed),
        (*named, then.effect, then.reason): space.both(fires, space.negate(reviewed)),
    }


def otherwise(space: Space, where: int, old: Mapping[Answer, int], new: Mapping[Answer, int]) -> int:
    """The requests of a region of which one rule concludes something else."""
    differing = (unlike(space, old.get(one, FALSE), new.get(one, FALSE)) for one in {**old, **new})
    return space.both(space.any_of(differing), where)


def unlike(space: Space, left: int, right: int) -> int:
    """Where just one of two functions is true."""
    if left == right:
        return FALSE
    return space.either(space.both(left, space.negate(right)), space.both(right, space.negate(left)))


def settled(name: str, verdict: Verdict, space: Space) -> int:
    """Where a derived fact or a finding holds, whatever its effect."""
    made = (function for (finding, _, _), function in verdict.findings.items() if finding == name)
    return space.either(verdict.derived.get(name, FALSE), space.any_of(made))


def having_effect(effect: str, verdict: Verdict, space: Space) -> int:
    """Where some finding has an effect."""
    return space.any_of((function for (_, has, _), function in verdict.findings.items() if has == effect))
