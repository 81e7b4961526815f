"""`eligibility rules prove`: the laws of a policy, each proved, or broken by a request that is shown."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from eligibility.commands.failures import DONE, NO
from eligibility.commands.output import console, indented, print_json
from eligibility.loading import load_rules
from eligibility.proving.breaches import Breach, Witness
from eligibility.proving.laws import LAWS, Law, Proof, Told
from eligibility.proving.laws import prove as proofs
from eligibility.ruleset import Ruleset

QUIET = 2.0
"""Seconds before progress is shown."""


def prove(folder: Path, *, as_json: bool) -> int:
    """Prove the laws of a rules folder; a law that does not hold comes with requests that break it.

    Raises RulesetInvalid.
    """
    ruleset = load_rules(folder)
    began = time.perf_counter()
    with _progress(len(LAWS) * len(ruleset.generations)) as tell:
        found = list(proofs(ruleset, tell=tell))
    seconds = time.perf_counter() - began
    if as_json:
        print_json(_document(ruleset, found, seconds))
    else:
        _print(found, seconds, console())
    return DONE if all(proof.holds for proof in found) else NO


@contextmanager
def _progress(steps: int) -> Iterator[Told]:
    """A bar on a terminal, once it takes a while: which law is examined, in which generation."""
    began = time.monotonic()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    bar = Progress(*columns, console=console(stderr=True), transient=True)
    task = bar.add_task("", total=steps)

    def tell(law: Law, generation: str) -> None:
        if bar.console.is_terminal and not bar.live.is_started and time.monotonic() - began > QUIET:
            bar.start()
        bar.update(task, advance=1, description=f"{law.id}, {generation}")

    try:
        yield tell
    finally:
        if bar.live.is_started:
            bar.stop()


def _document(ruleset: Ruleset, found: list[Proof], seconds: float) -> dict[str, object]:
    return {
        "version": ruleset.version,
        "digest": ruleset.digest,
        "proved": all(proof.holds for proof in found),
        "seconds": round(seconds, 3),
        "laws": [proof.document() for proof in found],
    }


def _print_proof(proof: Proof, out: Console) -> None:
    mark, style = ("✓", "bold green") if proof.holds else ("✗", "bold red")
    out.print(Text.assemble((f"{mark} ", style), (proof.law.id, "bold"), f": {proof.law.sentence}"))
    for breach in proof.breaches:
        _print_breach(breach, out)
    for reason in proof.unknown:
        indented(out, 2, ("not proved: ", "bold yellow"), reason)


def _print_breach(breach: Breach, out: Console) -> None:
    indented(out, 2, ("broken: ", "bold red"), breach.sentence)
    if breach.witness is not None:
        _print_witness("request" if breach.after is None else "before", breach.witness, out)
    if breach.after is not None:
        _print_witness("after", breach.after, out)


def _print_witness(what: str, witness: Witness, out: Console) -> None:
    outcomes = ", ".join(witness.outcomes) or "none"
    indented(out, 4, f"{what}: {orjson.dumps(witness.request).decode()}")
    indented(out, 4, f"outcomes under the rules: {outcomes}; decision: {witness.decision}")


def _print(found: list[Proof], seconds: float, out: Console) -> None:
    for proof in found:
        _print_proof(proof, out)
    broken = sum(not proof.holds for proof in found)
    checks = sum(proof.checks for proof in found)
    words = f"{broken} of {len(found)} laws not proved" if broken else f"all {len(found)} laws proved"
    out.print(f"{words}, {checks} checks, {seconds:.1f} s", style="bold red" if broken else "bold green")
