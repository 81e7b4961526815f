"""Microseconds a decision: new and remembered, against zen-engine and the C functions with the same rules."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import durable_rules_engine
import orjson

from benchmarks.requests import requests
from benchmarks.zen_model import Zen
from eligibility.compiler import compile_program
from eligibility.decider import Decider
from eligibility.diagram import TRUE
from eligibility.domains import NATURAL_PERSONS, ORGANISATIONS
from eligibility.engine import engine_for
from eligibility.evaluation import evaluate
from eligibility.loading import load_rules, shipped_rules
from eligibility.reading import read_request
from eligibility.semantics import Semantics
from eligibility.trial import Trial

COUNT = 5_000
ROUNDS = 5


def best(work: Callable[..., object], things: Sequence[Sequence[Any]]) -> float:
    """Microseconds for one call of the work: the best of some rounds over the things it is called with."""
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for arguments in things:
            work(*arguments)
        times.append(time.perf_counter() - start)
    return min(times) / len(things) * 1e6


class Direct:
    """The C functions driven with the same definitions and as little Python as they allow."""

    def __init__(self, name: str, compiled: Any) -> None:
        """Build the ruleset."""
        self._handle = durable_rules_engine.create_ruleset(name, orjson.dumps(compiled.definition).decode())
        self._sessions = 0

    def run(self, facts: Sequence[dict[str, bool]]) -> int:
        """One session with one fact for each level; the number of rules fired."""
        self._sessions += 1
        session, fired = f"d{self._sessions}", 0
        for number, fact in enumerate(facts):
            text = orjson.dumps({"id": str(number), "sid": session, **fact}).decode()
            _, state = durable_rules_engine.assert_fact(self._handle, text)
            message = durable_rules_engine.start_action_for_state(self._handle, state)
            while message:
                fired += 1
                message = durable_rules_engine.complete_and_start_action(self._handle, state)
        durable_rules_engine.delete_state(self._handle, session)
        return fired


def _facts(compiled: Any, engine: Any, true_atoms: list[Any]) -> list[dict[str, bool]]:
    """The facts that our engine asserts for a row, level by level."""
    holding: set[Any] = set(true_atoms)
    for alternative in engine.run(true_atoms).alternatives:
        holding.update(alternative.settles)
    found = []
    for level in compiled.levels:
        present = {name: True for key, holds, name in level.properties if (key in holding) is holds}
        found.append({level.marker: True, **present})
    return found


def run() -> dict[str, float]:
    """Measure everything; microseconds by name."""
    ruleset = load_rules(shipped_rules())
    decider = Decider(ruleset)
    bodies = requests(COUNT)
    read = [read_request(body, ruleset.vocabulary) for body in bodies]
    zen = Zen(ruleset)
    semantics = {name: Semantics(program) for name, program in ruleset.programs.items()}
    compiled = {name: compile_program(program) for name, program in ruleset.programs.items()}
    direct = {name: Direct(f"direct-{name}", compiled[name]) for name in ruleset.programs}
    new, open_rows, driven, contexts = [], [], [], []
    for request in read:
        generation = request.facts["model.generation"]
        questions = decider.questions[generation]
        cells = questions.cells(request)
        trial = Trial(questions, cells)
        row = (questions, semantics[generation], engine_for(ruleset, generation), cells)
        if trial.variables:
            open_rows.append(row)
            continue
        new.append(row)
        true_atoms = [atom for atom, function in trial.atoms.items() if function == TRUE]
        driven.append((direct[generation], _facts(compiled[generation], row[2], true_atoms)))
        context = zen.context(generation, {atom.id for atom in true_atoms})
        contexts.append((generation, context))
        assert zen.outcome(generation, context) == decider.decide(request).outcome
    distinct = len({(row[0].generation, row[3]) for row in new})
    print(
        f"{COUNT} requests, {len(open_rows)} with unknown facts, {distinct} distinct complete rows of cells"
    )
    vocabulary = ruleset.vocabulary
    each = [(body,) for body in bodies]
    return {
        "reading the request": best(lambda body: read_request(body, vocabulary), each),
        "reading, decision remembered": best(
            lambda body: decider.decide(read_request(body, vocabulary)), each
        ),
        "reading, decision remembered, JSON answer": best(
            lambda body: decider.decide(read_request(body, vocabulary)).json(), each
        ),
        "decision remembered": best(decider.decide, [(request,) for request in read]),
        "new: both evaluators and explanation": best(evaluate, new),
        "new, with unknown facts": best(evaluate, open_rows),
        "C functions driven directly": best(Direct.run, driven),
        "zen-engine, given the atoms": best(zen.engine.evaluate, contexts),
    }


def coldest() -> float:
    """Milliseconds for the slowest request of which nothing is known but generation and kind."""
    ruleset = load_rules(shipped_rules())
    slowest = 0.0
    for generation in ruleset.generations:
        for kind in NATURAL_PERSONS + ORGANISATIONS:
            body = orjson.dumps({"model": {"generation": generation}, "entity": {"kind": kind}})
            decider = Decider(ruleset)
            decider.warm_up()
            start = time.perf_counter()
            decider.decide(read_request(body, ruleset.vocabulary)).json()
            slowest = max(slowest, (time.perf_counter() - start) * 1e3)
    return slowest


def main() -> None:
    """Print the table and how it compares with the aims."""
    found = run()
    for name, microseconds in found.items():
        print(f"{name:45} {microseconds:9.1f} µs")
    remembered = found["reading, decision remembered"] - found["reading the request"]
    new = found["new: both evaluators and explanation"] / found["C functions driven directly"]
    everything = found["reading, decision remembered, JSON answer"] / found["zen-engine, given the atoms"]
    print(f"remembered, on top of reading: {remembered:.1f} µs (aim: at most 10)")
    print(f"new, as a multiple of the C functions: {new:.2f} (aim: at most 3)")
    print(f"nothing known but generation and kind, the slowest: {coldest():.1f} ms (aim: below 50)")
    print(f"everything remembered, as a share of zen: {everything:.2f} (aim: below 1)")
