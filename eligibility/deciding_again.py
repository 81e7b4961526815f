"""Evaluating recorded cells again, under any ruleset that is kept, in processes that end afterwards.

The engine never frees a ruleset, so those that are not in force are not run where decisions are made.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from functools import partial
from itertools import islice
from multiprocessing import get_context
from typing import Any as Anything

import orjson

from eligibility.answering import STATUSES
from eligibility.atoms import UNKNOWN, Cells, Question, Questions
from eligibility.building import build
from eligibility.canonical import canonical
from eligibility.domains import AFFILIATES
from eligibility.engine import engine_for
from eligibility.errors import EligibilityError
from eligibility.evaluation import evaluate
from eligibility.parsing import Faults
from eligibility.ruleset import SEMANTICS, Ruleset
from eligibility.semantics import Semantics

ROWS_AT_ONCE = 256

Contents = Callable[[bytes, Iterable[bytes]], Iterable[bytes | None]]
"""From the document of a ruleset and rows of cells, as they are recorded, to the contents of evaluations.

A row of cells that the ruleset does not have gives None. Raises CannotRun.
"""


class CannotRun(Exception):
    """The ruleset cannot be run by this release; the message says why."""


class Evaluator:
    """Evaluates recorded cells under one ruleset, in this process and thread."""

    def __init__(self, document: bytes) -> None:
        """Prepare the ruleset. Raises CannotRun."""
        self._ruleset = _ruleset(document)
        self._parts: dict[str, tuple[Questions, Semantics]] = {}

    def content(self, cells: bytes) -> bytes | None:
        """The content of the evaluation of recorded cells, None where they are not cells of the ruleset."""
        try:
            recorded = orjson.loads(cells)
            generation = recorded["model.generation"]
            if generation not in self._parts:
                program = self._ruleset.program(generation)
                self._parts[generation] = Questions(self._ruleset, program), Semantics(program)
            questions, semantics = self._parts[generation]
            read = cells_of(questions, recorded)
            if canonical(questions.document(read)) != cells:
                return None
            return evaluate(questions, semantics, engine_for(self._ruleset, generation), read).content_bytes
        except (ValueError, KeyError, TypeError, AttributeError, EligibilityError):
            return None


def cells_of(questions: Questions, recorded: Mapping[str, Anything]) -> Cells:
    """The cells that `Questions.document` wrote. Raises KeyError, ValueError or TypeError for others."""
    return Cells(
        tuple(_cell(question, recorded[question.fact]) for question in questions.asked),
        tuple(STATUSES.index(recorded[f"status of {obligation}"]) for obligation, _ in questions.statuses),
        tuple(
            (_cell(questions.country, country), _cell(questions.involvement, involved))
            for country, involved in recorded[AFFILIATES]
        ),
    )


def _cell(question: Question, phrases: list[str] | None) -> int:
    if phrases is None:
        return UNKNOWN
    places = {atom.phrase: place for place, atom in enumerate(question.atoms)}
    return sum(1 << places[phrase] for phrase in phrases)


def _ruleset(document: bytes) -> Ruleset:
    try:
        written = orjson.loads(document)
        semantics = written["semantics"]
        if semantics != SEMANTICS:
            raise CannotRun(f"it has semantics {semantics}, and this release {SEMANTICS}")
        return build(written)
    except (ValueError, KeyError, TypeError, AttributeError, Faults) as error:
        raise CannotRun("it is no ruleset") from error


def contents_elsewhere(
    document: bytes, rows: Iterable[bytes], *, processes: int = 1
) -> Iterator[bytes | None]:
    """Evaluate rows of cells in processes of their own, in order; see `Contents`. Raises CannotRun."""
    _ruleset(document)
    pieces = iter(partial(_piece, iter(rows)), [])
    with ProcessPoolExecutor(processes, get_context("spawn"), _begin, (document,)) as pool:
        waiting: deque[Future[list[bytes | None]]] = deque()
        try:
            for piece in pieces:
                waiting.append(pool.submit(_evaluate, piece))
                if len(waiting) > 2 * processes:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _piece(rows: Iterator[bytes]) -> list[bytes]:
    return list(islice(rows, ROWS_AT_ONCE))


_evaluators: list[Evaluator] = []
"""In a process of the pool: its one evaluator."""


def _begin(document: bytes) -> None:
    _evaluators.append(Evaluator(document))


def _evaluate(rows: list[bytes]) -> list[bytes | None]:
    return list(map(_evaluators[0].content, rows))
