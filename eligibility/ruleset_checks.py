"""The checks of a ruleset before it can be put in force: what `checking` runs in a process of its own.

As a program it reads one JSON object (`files`, the document `in_force`, the `kinds` of checks) and writes a
line of JSON for each check; without kinds it only loads, and writes what that gave.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any as Anything
from typing import Final

from eligibility.building import build
from eligibility.cases import load_cases
from eligibility.cases import run as run_case
from eligibility.coverage import untried
from eligibility.decider import Decider
from eligibility.difference import difference, document
from eligibility.errors import RulesetInvalid
from eligibility.loading import load_rules
from eligibility.mattering import coverage
from eligibility.proving.laws import Proof, prove
from eligibility.register import load_register
from eligibility.rules_folder import write_folder
from eligibility.ruleset import Ruleset
from eligibility.ruleset_life import Checked

_NICE: Final = 10
"""How far the child steps back for processes that decide."""

_MEMORY: Final = 4 * 1024**3
"""Bytes that the child may take: files that were sent can hold texts that unfold."""

Report = dict[str, Anything]


def checks(
    files: Mapping[str, str], in_force: Mapping[str, Anything] | None, kinds: Sequence[str]
) -> Iterator[Checked]:
    """Make checks of a rules folder, in this process; those after one that cannot go on are not made."""
    with tempfile.TemporaryDirectory(prefix="eligibility-rules-") as name:
        folder = Path(name)
        write_folder(files, folder)
        try:
            ruleset = load_rules(folder)
            counts = {
                "rules": len(ruleset.rules),
                "cases": len(load_cases(folder, ruleset)),
                "clauses": len(load_register(folder, ruleset)),
            }
        except RulesetInvalid as invalid:
            faults = [asdict(fault) for fault in invalid.faults]
            yield Checked("load", passed=False, report={"summary": _faults(faults), "faults": faults})
            return
        yield Checked("load", passed=True, report={"summary": _counted(counts), **counts})
        if "tests" in kinds:
            yield _tests(ruleset, folder)
        if "proof" in kinds:
            yield _proof(ruleset)
        if "difference" in kinds and in_force is not None:
            yield _difference(build(in_force), ruleset)


def _faults(faults: Sequence[object]) -> str:
    return f"{len(faults)} fault{'s' * (len(faults) != 1)}"


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {what}" for what, number in counts.items())


def _tests(ruleset: Ruleset, folder: Path) -> Checked:
    """The cases beside the rules, and what they leave untried or uncovered."""
    decider = Decider(ruleset)
    results = [run_case(decider, case) for case in load_cases(folder, ruleset)]
    failed = [result for result in results if result.complaints]
    lacking, covered = untried(decider, results), coverage(decider, results)
    summary = f"{len(results)} cases, {len(failed)} failed" + (
        "; some findings, obligations or thresholds are not tried" if lacking else ""
    )
    rules, conditions = covered.rules, covered.conditions
    summary += (
        f"; rules {rules.covered} of {rules.of}, conditions {conditions.covered} of {conditions.of} covered"
    )
    report = {
        "summary": summary,
        "cases": len(results),
        "failed": [
            {
                "case": result.case.name,
                "file": result.case.file,
                "line": result.case.line,
                "complaints": list(result.complaints),
            }
            for result in failed
        ],
        "untried": {name: list(entries) for name, entries in asdict(lacking).items()},
        "uncovered": sorted({one.rule.id for one in covered.uncovered}),
    }
    passed = not failed and not lacking and covered.reaches(100)
    return Checked("tests", passed=passed, report=report)


def _proof(ruleset: Ruleset) -> Checked:
    """The laws of the policy over every request."""
    found = list(prove(ruleset))
    broken = [proof for proof in found if not proof.holds]
    summary = f"{len(found) - len(broken)} of {len(found)} laws proved"
    if broken:
        summary += f"; not proved: {', '.join(proof.law.id for proof in broken)}"
    return Checked(
        "proof",
        passed=not broken,
        report={"summary": summary, "laws": [_law(proof) for proof in found]},
    )


def _law(proof: Proof) -> dict[str, Anything]:
    """What came of a law, without what differs from run to run."""
    return {name: value for name, value in proof.document().items() if name != "seconds"}


def _difference(old: Ruleset, new: Ruleset) -> Checked:
    """What the ruleset means otherwise than the one in force; passed once it is worked out."""
    try:
        told = dict(document(difference(old, new)))
    except RulesetInvalid as invalid:
        return Checked("difference", passed=False, report={"summary": str(invalid)})
    if told["equal"]:
        summary = "the same for every request"
    else:
        moves, rules = len(told["moves"]), len(told["rules"])
        summary = f"ways in which outcomes move: {moves}; rules that differ: {rules}"
    return Checked("difference", passed=True, report={"summary": summary, **told})


def main() -> None:
    """The child: answer what stands on the input."""
    os.nice(_NICE)
    with contextlib.suppress(ValueError, OSError):  # where the system has no such limit
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    asked = json.load(sys.stdin.buffer)
    if asked["kinds"]:
        for checked in checks(asked["files"], asked["in_force"], asked["kinds"]):
            _answer({"kind": checked.kind, "passed": checked.passed, "report": dict(checked.report)})
        return
    with tempfile.TemporaryDirectory(prefix="eligibility-rules-") as name:
        write_folder(asked["files"], Path(name))
        try:
            ruleset = load_rules(Path(name))
        except RulesetInvalid as invalid:
            _answer({"faults": [asdict(fault) for fault in invalid.faults]})
        else:
            _answer(
                {"digest": ruleset.digest, "version": ruleset.version, "document": dict(ruleset.document)}
            )


def _answer(answer: Report) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
