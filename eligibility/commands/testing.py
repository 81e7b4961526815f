"""`eligibility rules test`: the cases beside the rules decided, and what they leave untried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any as Anything

from rich.console import Console
from rich.text import Text

from eligibility import describing
from eligibility.cases import Result, load_cases, run
from eligibility.commands.failures import DONE, NO
from eligibility.commands.output import console, indented, print_json
from eligibility.commands.rules import faulty
from eligibility.conditions import Not
from eligibility.coverage import Untried, untried
from eligibility.decider import Decider
from eligibility.errors import RulesetInvalid
from eligibility.loading import load_rules
from eligibility.mattering import Coverage, Share, Uncovered, coverage
from eligibility.ruleset import Ruleset


@dataclass(frozen=True)
class _Tested:
    """What came of the cases, and the bar that coverage has to reach, in percent."""

    ruleset: Ruleset
    results: Sequence[Result]
    lacking: Untried
    coverage: Coverage
    at_least: float

    @property
    def failed(self) -> list[Result]:
        return [result for result in self.results if result.complaints]

    @property
    def passes(self) -> bool:
        return not self.failed and not self.lacking and self.coverage.reaches(self.at_least)


def test(folder: Path, *, at_least: float, as_json: bool) -> int:
    """Decide the cases that stand beside the rules; say which fail, and what they neither try nor cover.

    `at_least` is the percentage of rules, and of conditions, that have to be covered both ways.
    Raises EvaluatorsDisagree, EngineFailure.
    """
    try:
        ruleset = load_rules(folder)
        cases = load_cases(folder, ruleset)
    except RulesetInvalid as invalid:
        return faulty(invalid, as_json=as_json)
    decider = Decider(ruleset)
    results = [run(decider, case) for case in cases]
    tested = _Tested(ruleset, results, untried(decider, results), coverage(decider, results), at_least)
    if as_json:
        print_json(_document(tested))
    else:
        _print(tested, console())
    return DONE if tested.passes else NO


def _lacking_document(lacking: Untried) -> dict[str, Anything]:
    return {field.name: list(getattr(lacking, field.name)) for field in fields(lacking)}


def _document(tested: _Tested) -> dict[str, Anything]:
    return {
        "cases": len(tested.results),
        "failed": [
            {
                "case": result.case.name,
                "file": result.case.file,
                "line": result.case.line,
                "complaints": list(result.complaints),
            }
            for result in tested.failed
        ],
        "untried": _lacking_document(tested.lacking),
        "coverage": {
            "rules": tested.coverage.rules._asdict(),
            "conditions": tested.coverage.conditions._asdict(),
            "at_least": tested.at_least,
            "uncovered": [
                {
                    "rule": one.rule.id,
                    "condition": _condition(one, tested.ruleset) if one.condition else None,
                    "holds": one.holds,
                }
                for one in tested.coverage.uncovered
            ],
        },
    }


_LACKING = {
    "findings": "findings that no case expects",
    "obligations": "obligations that no case expects",
    "values": "values and statuses of obligations that no case expects",
    "thresholds": "numbers at a threshold that no case gives",
    "sides": "questions that no case answers both ways",
}


def _print(tested: _Tested, out: Console) -> None:
    for result in tested.failed:
        case = result.case
        out.print(Text.assemble(("FAILED ", "bold red"), f"{case.file}:{case.line}: ", (case.name, "bold")))
        for complaint in result.complaints:
            indented(out, 2, complaint)
    for kind, names in _lacking_document(tested.lacking).items():
        if names:
            out.print(Text(f"{_LACKING[kind]}:", style="bold yellow"))
            for name in names:
                indented(out, 2, name)
    if tested.coverage.uncovered:
        out.print(Text("what the cases do not cover both ways:", style="bold yellow"))
        for one in tested.coverage.uncovered:
            indented(out, 2, (one.rule.id, "bold"), f": {_words(one, tested.ruleset)}")
    rules, conditions = tested.coverage.rules, tested.coverage.conditions
    out.print(f"rules {_said(rules)}, conditions {_said(conditions)} covered both ways")
    colour = "green" if tested.passes else "red" if tested.failed else "yellow"
    complete = "" if tested.lacking else "; every finding, obligation and threshold is tried"
    out.print(f"{len(tested.results)} cases, {len(tested.failed)} failed{complete}", style=f"bold {colour}")


def _said(share: Share) -> str:
    return f"{share.covered} of {share.of}"


def _words(one: Uncovered, ruleset: Ruleset) -> str:
    if one.condition is None:
        return f"fires in {'no' if one.holds else 'every'} case"
    return f"no case turns on it that `{_condition(one, ruleset)}`"


def _condition(one: Uncovered, ruleset: Ruleset) -> str:
    """A condition as it holds, or fails, where no case turns on it."""
    leaf = one.condition
    if leaf is None:
        return ""
    return "; ".join(line for _, line in describing.condition(leaf if one.holds else Not(leaf), ruleset))
