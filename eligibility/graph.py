"""The inference graph of an evaluation, by ids: which rules fired, on what, and what follows.

A step is one conclusion with its premises. Premises are texts: the id of an atom, the name of a derived
fact or finding, or one of these after `not `. A step whose rule is empty says why a derived fact does not
hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby, islice
from operator import attrgetter
from typing import Any as Anything
from typing import NamedTuple

from eligibility.compiler import NOT, Alternative, Compiled, Literal, absent_names, literal_text
from eligibility.conditions import Atom
from eligibility.diagram import FALSE, TRUE
from eligibility.layout import Variable
from eligibility.semantics import Verdict
from eligibility.trial import Trial
from eligibility.unknowns import Reach

MOST_CUBES = 8
"""Alternatives shown for one finding; more would not be read."""


class Step(NamedTuple):
    """One conclusion: the rule that fired (empty for a derived fact that does not hold) and its premises."""

    rule: str
    concludes: str
    because: tuple[str, ...]

    def document(self) -> dict[str, Anything]:
        """The step as it is recorded."""
        return {"rule": self.rule, "concludes": self.concludes, "because": list(self.because)}


class _Certain:
    """What holds, or fails, in every combination of the unknown facts."""

    def __init__(self, trial: Trial, verdict: Verdict) -> None:
        self._atoms = trial.atoms
        self._names = dict(verdict.derived)
        for (name, effect, _), function in verdict.findings.items():
            for key in (name, f"effect {effect}"):
                self._names[key] = trial.space.either(self._names.get(key, FALSE), function)

    def __call__(self, literal: Literal) -> bool:
        key, holds = literal
        function = self._atoms[key] if isinstance(key, Atom) else self._names.get(key, FALSE)
        return function == (TRUE if holds else FALSE)


def steps_of(
    trial: Trial, verdict: Verdict, fired: Sequence[Alternative], compiled: Compiled
) -> tuple[Step, ...]:
    """The steps that hold in every row, and why negated names do not hold.

    `fired` has the ways in which rules fired that fire in every row, in their order.
    """
    is_certain = _Certain(trial, verdict)
    steps = []
    absent: dict[str, None] = {}
    for rule, ways in groupby(fired, _rule):
        way, *others = ways
        texts, names = way.texts, way.absent
        if trial.variables or others:
            literals = _common([way, *others], is_certain)
            texts, names = tuple(map(literal_text, literals)), absent_names(literals)
        absent.update(dict.fromkeys(names))
        steps.append(Step(rule.id, rule.then.name, texts))
    return (*_why_not(absent, compiled, is_certain), *steps)


_rule = attrgetter("rule")


def _common(ways: Iterable[Alternative], is_certain: _Certain) -> tuple[Literal, ...]:
    """The certain premises of all ways in which a rule fired."""
    literals = {literal for way in ways for literal in way.literals if is_certain(literal)}
    return tuple(sorted(literals, key=literal_text))


def _why_not(names: Iterable[str], compiled: Compiled, is_certain: _Certain) -> Iterator[Step]:
    """Why names do not hold: what stands in the way of the rules that could have concluded them."""
    waiting, seen = list(names), set[str]()
    while waiting:
        name = waiting.pop(0)
        if name not in seen and name in compiled.failures:
            seen.add(name)
            because = [(literal, text) for literal, text in compiled.failures[name] if is_certain(literal)]
            waiting.extend(absent_names(literal for literal, _ in because))
            yield Step("", NOT + name, tuple([text for _, text in because]))


def alternatives_under(
    trial: Trial, verdict: Verdict, found: Reach, outcome: str
) -> list[dict[str, Anything]]:
    """Where no certain finding explains the outcome: the findings that can, each with what it hangs on."""
    deciding = {"prohibited": {"prohibits"}, "contact_meta": {"contact"}, "permitted": set()}[outcome]
    if found.missing:
        deciding = {"prohibits", "contact"}
    elif any(effect in deciding for _, effect, _ in found.findings):
        return []
    return [
        {
            "finding": name,
            "effect": effect,
            "reason": reason,
            "when": [
                _cube(trial, cube) for cube in islice(trial.space.cubes(verdict.findings[made]), MOST_CUBES)
            ],
        }
        for made in found.possible_findings
        for name, effect, reason in [made]
        if effect in deciding
    ]


def _cube(trial: Trial, cube: Mapping[int, frozenset[int]]) -> dict[str, list[str]]:
    """Values of unknown facts, as answers: fact → what is true of it."""
    said: dict[str, list[str]] = {}
    for number, values in cube.items():
        variable = trial.variables[number]
        said.setdefault(variable.name, []).extend(_answers(trial, variable, values))
    return said


def _answers(trial: Trial, variable: Variable, values: frozenset[int]) -> list[str]:
    if variable.code is not None:
        return [f"has {variable.code}" if 1 in values else f"{NOT}has {variable.code}"]
    cells = [variable.cells[value] for value in values]
    answers = []
    for bit, atom in enumerate(_atoms(trial, variable)):
        yes = {bool(cell >> bit & 1) for cell in cells}
        if len(yes) == 1:
            answers.append(("" if yes.pop() else NOT) + atom.phrase)
    return answers


def _atoms(trial: Trial, variable: Variable) -> tuple[Atom, ...]:
    if variable.slot[1] >= 0:
        return trial.questions.country.atoms
    return trial.questions.program.questions[variable.slot[0]]
