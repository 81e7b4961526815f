"""Milliseconds for reasons: a decision alone, explained, and with what would change it; and the proof."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from benchmarks.requests import requests
from eligibility.decider import Decider
from eligibility.facts import EligibilityRequest
from eligibility.loading import load_rules, shipped_rules
from eligibility.proving.laws import prove
from eligibility.reading import read_request
from eligibility.reasoner import Asked, Reasoner, checked
from eligibility.ruleset import Ruleset

COUNT = 400
AIM_OF_PROOF = 60.0
"""Seconds."""

Work = Callable[[Decider, EligibilityRequest], object]


def times(ruleset: Ruleset, read: Sequence[EligibilityRequest], work: Work) -> list[float]:
    """Milliseconds that the work takes for each request, in ascending order; no decision is remembered."""
    found = []
    for request in read:
        decider = Decider(ruleset)
        decider.warm_up()
        start = time.perf_counter()
        work(decider, request)
        found.append((time.perf_counter() - start) * 1e3)
    return sorted(found)


def percentile(ascending: Sequence[float], share: float) -> float:
    """The value that this share of all does not exceed."""
    return ascending[min(len(ascending) - 1, int(len(ascending) * share))]


def main() -> None:
    """Print the table, every line beside the plain decision."""
    ruleset = load_rules(shipped_rules())
    read = [read_request(body, ruleset.vocabulary) for body in requests(COUNT)]
    reasoner = Reasoner(ruleset)
    reasoner.landscape()

    def with_reasons(asked: Asked) -> Work:
        def work(decider: Decider, request: EligibilityRequest) -> object:
            made = decider.decide(request)
            return checked(decider, request, reasoner.find(request, made.outcome, asked))

        return work

    lines: dict[str, Work] = {
        "decision": lambda decider, request: decider.decide(request),
        "decision with explanation": lambda decider, request: decider.decide(request).json(),
        "with sufficient reasons": with_reasons(Asked(sufficient_reasons=True)),
        "with why-not of one finding": with_reasons(Asked(why_not=("licence.mau-threshold",))),
        "with counterfactuals, each decided": with_reasons(Asked(counterfactuals=True)),
    }
    plain: list[float] = []
    for name, work in lines.items():
        found = times(ruleset, read, work)
        plain = plain or found
        p50, p99 = percentile(found, 0.5), percentile(found, 0.99)
        beside = (
            f"{p50 / percentile(plain, 0.5):7.1f} and {p99 / percentile(plain, 0.99):6.1f} times the decision"
        )
        print(f"{name:36} p50 {p50:8.2f} ms  p99 {p99:8.2f} ms  {beside}")
    start = time.perf_counter()
    proofs = list(prove(ruleset))
    seconds = time.perf_counter() - start
    decisions = seconds * 1e3 / percentile(plain, 0.5)
    held = sum(proof.holds for proof in proofs)
    print(
        f"proof: {held} of {len(proofs)} laws, {sum(proof.checks for proof in proofs)} questions,"
        f" {seconds:.1f} s (aim: below {AIM_OF_PROOF:.0f}), as long as {decisions:,.0f} decisions"
    )
