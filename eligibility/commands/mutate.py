"""`eligibility rules mutate`: whether the cases notice when one thing in the policy is changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any as Anything

from rich.console import Console
from rich.progress import track
from rich.text import Text

from eligibility.cases import Result, load_cases, run
from eligibility.commands.failures import DONE, NO
from eligibility.commands.output import console, indented, print_json
from eligibility.commands.rules import faulty
from eligibility.decider import Decider
from eligibility.errors import RuleFault, RulesetInvalid
from eligibility.killing import Fate, fates
from eligibility.loading import load_rules
from eligibility.mattering import Share
from eligibility.mutants import mutants_of
from eligibility.survivors import Survivor, load_survivors, overtaken


@dataclass(frozen=True)
class _Tried:
    """What became of the mutants, the justified survivors, and the bar in percent."""

    fates: Sequence[Fate]
    survivors: Mapping[str, Survivor]
    at_least: float

    def of(self, kind: str) -> list[Fate]:
        return [fate for fate in self.fates if fate.kind == kind]

    @property
    def killed(self) -> Share:
        killed = len(self.of("killed"))
        return Share(killed, killed + len(self.of("survived")))

    @property
    def unjustified(self) -> list[Fate]:
        return [fate for fate in self.of("survived") if fate.mutant.id not in self.survivors]

    @property
    def faults(self) -> list[RuleFault]:
        return list(overtaken(self.survivors, self.fates))

    @property
    def passes(self) -> bool:
        return self.killed.reaches(self.at_least) and not self.unjustified and not self.faults


def mutate(folder: Path, *, at_least: float, as_json: bool) -> int:
    """Try every mutant of the rules on the cases beside them, and report those that no case kills.

    `at_least` is the percentage of mutants, but for those refused, that cases have to kill.
    Raises EvaluatorsDisagree, EngineFailure.
    """
    try:
        ruleset = load_rules(folder)
        cases = load_cases(folder, ruleset)
        mutants = mutants_of(ruleset)
        survivors = load_survivors(folder, mutants)
    except RulesetInvalid as invalid:
        return faulty(invalid, as_json=as_json)
    decider = Decider(ruleset)
    results = [run(decider, case) for case in cases]
    failed = [result for result in results if result.complaints]
    if failed:
        return _failing(failed, as_json=as_json)
    progress = console(stderr=True)
    found = track(
        fates(ruleset, results, mutants),
        f"trying {len(mutants)} mutants",
        total=len(mutants),
        console=progress,
        transient=True,
        disable=not progress.is_terminal,
    )
    tried = _Tried(tuple(found), survivors, at_least)
    if as_json:
        print_json(_document(tried))
    else:
        _print(tried, console())
    return DONE if tried.passes else NO


def _failing(failed: Sequence[Result], *, as_json: bool) -> int:
    """Cases that fail under the policy itself would kill every mutant."""
    if as_json:
        print_json({"failed": [result.case.name for result in failed]})
    else:
        fail = "1 case fails" if len(failed) == 1 else f"{len(failed)} cases fail"
        console(stderr=True).print(
            f"{fail} without any change: see `eligibility rules test`", style="bold red"
        )
    return NO


def _document(tried: _Tried) -> dict[str, Anything]:
    return {
        "mutants": len(tried.fates),
        "killed": tried.killed._asdict(),
        "at_least": tried.at_least,
        "survivors": [
            {
                "mutant": fate.mutant.id,
                "sentence": fate.mutant.sentence,
                "reason": tried.survivors[fate.mutant.id].reason
                if fate.mutant.id in tried.survivors
                else None,
            }
            for fate in tried.of("survived")
        ],
        "refused": [{"mutant": fate.mutant.id, "why": fate.why} for fate in tried.of("refused")],
        "faults": [
            {"file": fault.file, "line": fault.line, "detail": fault.detail, "remedy": fault.remedy}
            for fault in tried.faults
        ],
    }


def _print(tried: _Tried, out: Console) -> None:
    if tried.unjustified:
        out.print(Text("mutants that no case kills:", style="bold yellow"))
        for fate in tried.unjustified:
            indented(out, 2, (fate.mutant.id, "bold"))
            indented(out, 4, fate.mutant.sentence)
    for fault in tried.faults:
        out.print(Text(str(fault), style="yellow"))
    killed, justified = tried.killed, len(tried.of("survived")) - len(tried.unjustified)
    out.print(f"{len(tried.of('refused'))} more mutants were refused: loading would not have them")
    out.print(
        f"{killed.covered} of {killed.of} mutants killed; of the survivors {justified} are justified,"
        f" {len(tried.unjustified)} are not",
        style=f"bold {'green' if tried.passes else 'yellow'}",
    )
