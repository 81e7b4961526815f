"""What the cases of a ruleset leave untried."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

from eligibility.answering import STATUSES
from eligibility.atoms import Questions
from eligibility.cases import DECIDED, Result
from eligibility.conditions import Atom
from eligibility.decider import Decider
from eligibility.diagram import FALSE, TRUE
from eligibility.reading import request_from
from eligibility.trial import Trial


@dataclass(frozen=True)
class Untried:
    """What occurs in no case, in words. Complete cases leave nothing."""

    findings: tuple[str, ...]
    obligations: tuple[str, ...]
    values: tuple[str, ...]
    thresholds: tuple[str, ...]
    sides: tuple[str, ...]

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return any(getattr(self, field.name) for field in fields(self))


def untried(decider: Decider, results: Sequence[Result]) -> Untried:
    """Collect what the cases leave untried.

    A finding or obligation is tried where a case expects it; the literal value and each status of an
    obligation, where a case of that generation expects it; a threshold, at the number itself and one above;
    any other question that rules ask, where one case answers it with yes and another with no.
    """
    expected = _Expected(results)
    programs = decider.ruleset.programs.values()
    rules = [rule for program in programs for rule in program.rules]
    findings = dict.fromkeys(rule.then.name for rule in rules if rule.then.kind == "finding")
    obligations = dict.fromkeys(rule.then.name for rule in rules if rule.then.kind == "obligation")
    atoms = dict.fromkeys(atom for program in programs for atom in program.atoms)
    sides = _sides(decider, results)
    return Untried(
        findings=tuple(sorted(set(findings) - expected.findings)),
        obligations=tuple(sorted(set(obligations) - expected.obligations)),
        values=tuple(_values(decider, expected)),
        thresholds=tuple(_thresholds(atoms, results)),
        sides=tuple(
            f"`{atom.id}` is never {answer}"
            for atom in atoms
            for holds, answer in ((True, "so"), (False, "not so"))
            if (atom, holds) not in sides
        ),
    )


class _Expected:
    """What cases name in their expectations, but for what they expect to be absent."""

    def __init__(self, results: Iterable[Result]) -> None:
        self.findings: set[str] = set()
        self.obligations: set[str] = set()
        self.values: set[tuple[str, str, str | None]] = set()
        self.statuses: set[tuple[str, str]] = set()
        for result in results:
            expect = result.case.expect
            self.findings.update(expect.get("findings") or (), expect.get("effects") or ())
            values: Mapping[str, str | None] = expect.get("obligation_values") or {}
            statuses: Mapping[str, str] = expect.get("obligation_status") or {}
            self.obligations.update(expect.get("obligations") or (), values, statuses)
            self.statuses.update(statuses.items())
            if result.status == DECIDED:
                generation = result.case.request["model"]["generation"]
                self.values.update((generation, name, value) for name, value in values.items())


def _values(decider: Decider, expected: _Expected) -> Iterator[str]:
    """Literal values, and statuses, of obligations that no case expects."""
    statuses: set[str] = set()
    for generation, program in decider.ruleset.programs.items():
        statuses.update(program.statuses)
        due = {rule.then.name: (rule.then.values or {}).get(generation) for rule in program.rules}
        for name, value in due.items():
            if value is not None and (generation, name, value) not in expected.values:
                yield f"the value of `{name}` for `{generation}`"
    for name in sorted(statuses):
        for status in STATUSES:
            if (name, status) not in expected.statuses:
                yield f"`{name}` with the status `{status}`"


def _thresholds(atoms: Iterable[Atom], results: Iterable[Result]) -> Iterator[str]:
    """Numbers that no case meets, at them and just above them."""
    given: set[tuple[str, object]] = set()
    for result in results:
        if result.status == DECIDED:
            given.update(_numbers(result.case.request, ""))
    for atom in atoms:
        if atom.test == "above" and isinstance(atom.argument, int):
            for number in (atom.argument, atom.argument + 1):
                if (atom.fact, number) not in given:
                    yield f"`{atom.fact}` of exactly {number}"


def _numbers(members: Mapping[str, object], prefix: str) -> Iterator[tuple[str, object]]:
    for name, value in members.items():
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{prefix}{name}.")
        elif isinstance(value, int | float):
            yield f"{prefix}{name}", value


def _sides(decider: Decider, results: Iterable[Result]) -> set[tuple[Atom, bool]]:
    """Every answer that some case gives to a question."""
    found: set[tuple[Atom, bool]] = set()
    for result in results:
        if result.status == DECIDED:
            request = request_from(result.case.request, decider.ruleset.vocabulary)
            questions: Questions = decider.questions[request.facts["model.generation"]]
            answers = Trial(questions, questions.cells(request)).atoms
            found.update((atom, True) for atom, answer in answers.items() if answer == TRUE)
            found.update((atom, False) for atom, answer in answers.items() if answer == FALSE)
    return found
