"""Lines of a backlog to lines of results on one core: by our function, by hand, and by zen-engine."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from benchmarks import by_hand
from benchmarks.zen_model import Zen
from eligibility.atoms import Questions
from eligibility.backlog.cutting import cut
from eligibility.backlog.deciding import BacklogDecider
from eligibility.backlog.reading import requests_in
from eligibility.backlog.unrecorded import ROWS
from eligibility.backlog.writing import result_writer
from eligibility.conditions import Atom
from eligibility.decider import Decider
from eligibility.domains import AFFILIATES
from eligibility.facts import BacklogLine, EligibilityRequest, Vocabulary
from eligibility.loading import load_rules, shipped_rules
from eligibility.ruleset import Ruleset

SAMPLE: Final = 50_000
"""Lines that the others are given: what a line costs them does not hang on how many there are."""

_NEW_OBJECTS: Final = 1_000_000
"""New objects after which Python looks for garbage, as in the command: less often is better for all three."""

_ANSWERED: Final = ("outcome", "findings", "obligations", "missing_facts", "contact_reasons")


class Measured(NamedTuple):
    """Microseconds of processor time a line, from lines to lines."""

    ours: float
    by_hand: float
    by_hand_checked: float
    zen: float


def measured(path: Path, rows: int) -> Measured:
    """Let each decide the lines of a file.

    The others get the first of every so many, in turns with ours, so that what else the machine does is the
    same to all. By hand must answer like ours.
    """
    gc.set_threshold(_NEW_OBJECTS, 50, 1_000)
    ruleset = load_rules(shipped_rules())
    zen, ours, spent = _ByZen(ruleset), _ours(ruleset, path), [0.0] * len(Measured._fields)
    checked = partial(_checked, ruleset.vocabulary)
    share = max(min(SAMPLE, rows) * ROWS // rows, 1)
    done = sampled = 0
    with path.open("rb") as file:
        while written := _timed(spent, 0, partial(next, ours, b"")):
            results = written.splitlines()
            lines = list(enumerate(islice(file, len(results)), done + 1))
            some = lines[:share]
            by_other = _timed(spent, 1, partial(_all, by_hand.decide, some))
            assert by_other == _timed(spent, 2, partial(_all, checked, some))
            _timed(spent, 3, partial(_all, zen.decide, some))
            for one, other in zip(results, by_other, strict=False):
                assert _answer(one) == _answer(other), f"ours: {one!r}, by hand: {other!r}"
            done, sampled = done + len(results), sampled + len(some)
    assert done == rows, f"{rows:,} lines went in, {done:,} came out"
    return Measured(spent[0] / done * 1e6, *(each / sampled * 1e6 for each in spent[1:]))


def _checked(vocabulary: Vocabulary, number: int, line: bytes) -> bytes:
    """By hand, with the form checked by pydantic's model of it, which refuses what is none."""
    request = orjson.loads(line)
    BacklogLine.__pydantic_validator__.validate_python(request, context=vocabulary)
    return by_hand.result(number, request)


def _all(decide: Callable[[int, bytes], bytes], lines: Sequence[tuple[int, bytes]]) -> list[bytes]:
    return [decide(number, line) for number, line in lines]


def _timed(spent: list[float], place: int, work: Callable[[], Any]) -> Any:
    start = time.process_time()
    found = work()
    spent[place] += time.process_time() - start
    return found


def _ours(ruleset: Ruleset, path: Path) -> Iterator[bytes]:
    backlog, writer = BacklogDecider(Decider(ruleset), slim=True), result_writer("jsonl", full=False)
    with path.open("rb") as source:
        for piece in cut(source, "jsonl", None, ROWS):
            yield writer.write_decided(backlog.decide(requests_in("jsonl", piece)))


def _answer(line: bytes) -> dict[str, Any]:
    """What a line says, in no order."""
    said = orjson.loads(line)
    return {name: sorted(said[name]) if isinstance(said[name], list) else said[name] for name in _ANSWERED}


class _ByZen:
    """zen with the rules, and what a caller of it has to do for a line.

    It is given the answers to the questions that the rules ask (what is not known answers them with no), and
    says the outcome and the findings; what is missing it could not say.
    """

    def __init__(self, ruleset: Ruleset) -> None:
        self._zen = Zen(ruleset)
        self._questions = {name: Questions(ruleset, ruleset.program(name)) for name in ruleset.generations}
        self._findings = {
            name: [
                (rule.then.name, self._zen.names[name][rule.then.name])
                for rule in program.rules
                if rule.then.kind == "finding"
            ]
            for name, program in ruleset.programs.items()
        }

    def decide(self, number: int, line: bytes) -> bytes:
        """The line of results of a line."""
        request = orjson.loads(line)
        facts = dict(_flat(request))
        generation = facts["model.generation"]
        true = {atom.id for atom in _true_atoms(self._questions[generation], facts)}
        outcome, found = self._zen.decide(generation, self._zen.context(generation, true))
        findings = [name for name, short in self._findings[generation] if found.get(short) is True]
        said = {
            "line": number,
            "request_id": request.get("request_id"),
            "outcome": outcome,
            "findings": findings,
        }
        return orjson.dumps(said, option=orjson.OPT_APPEND_NEWLINE)


def _flat(value: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from _flat(inner, f"{path}{name}.")
        else:
            yield f"{path}{name}", tuple(inner) if isinstance(inner, list) else inner


def _true_atoms(questions: Questions, facts: dict[str, Any]) -> Iterator[Atom]:
    cells = questions.cells(EligibilityRequest({}, facts))
    for question, cell in zip(questions.asked, cells.asked, strict=True):
        if cell > 0:
            yield from question.yes(cell)
    if facts.get(AFFILIATES):
        for atom in questions.some:
            if any(
                all(questions.part_answer(part, pair) for part in atom.parts) for pair in cells.affiliates
            ):
                yield atom
