"""What was decided about a part of a backlog, as it is recorded: everything hashed and written beforehand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import uuid_utils.compat

from eligibility.backlog.answers import Answer, Refused
from eligibility.backlog.deciding import Decided
from eligibility.backlog.form import Part
from eligibility.backlog.ids import ids_of
from eligibility.backlog.request_json import written
from eligibility.canonical import canonical_of_request
from eligibility.evaluation import Evaluation
from eligibility.facts import EligibilityRequest, Vocabulary
from eligibility.recording import moment_of, stored
from eligibility.storage.batch_slices import OUTCOMES, SLICE, Slice
from eligibility.storage.entries import Entry, Prepared, prepare
from eligibility.storage.records import hash_text, split_private
from eligibility.storage.slice_rows import BATCH, Common, Decisions, Made, copied

Known = Callable[[bytes], bytes | None]
"""Says of an evaluation's key with which hash of its content it is stored, None where that is not known."""


class Run(NamedTuple):
    """What all slices of a batch have in common: its id, the ruleset it pins, and who asked for it.

    `actor` is a principal's id, or `system`.
    """

    batch: UUID
    ruleset: str
    actor: str


def slice_of(
    run: Run, part: Part, decided: Decided, vocabulary: Vocabulary, known: Known = lambda _: None
) -> Slice:
    """The slice that records what was decided about a part, at most LARGEST_SLICE rows.

    `vocabulary` is that of the pinned ruleset; evaluations that are `known` to be stored are not written
    again. Raises ValueError for facts that are no canonical JSON.
    """
    answers, which = decided.answers, decided.which.to_pylist()
    refused = [row for row, place in enumerate(which) if answers[place].refused is not None]
    places, evaluations = _places(answers, which)
    told = (answers[place].told for place in which)
    outcomes = Counter(one.outcome for one in told if not isinstance(one, Refused))
    last = _record(run, part, decided, refused, outcomes)
    common = Common(ids_of(run.batch).start, moment_of(run.batch), run.actor, run.ruleset)
    made = [Made(one.key, one.content_hash, one.outcome, one.generation) for one in evaluations]
    new = [one for one in evaluations if known(one.key) != one.content_hash]
    decisions = _decisions(part.first, decided, [places.get(place) for place in which], vocabulary)
    return Slice(
        batch=run.batch,
        number=part.number,
        first=part.first,
        line=_first_line(part),
        rows=len(which),
        refused=len(refused),
        outcomes=dict(outcomes),
        source=part.digest,
        record=last,
        evaluations={one.key: stored(one) for one in new},
        copied=copied(common, made, decisions, last),
    )


def _places(answers: Sequence[Answer], which: Sequence[int]) -> tuple[Mapping[int, int], list[Evaluation]]:
    """The evaluations that rows were decided from, each once; and the place of that of each answer."""
    places, seen = dict[int, int](), dict[Evaluation, int]()
    for place in dict.fromkeys(which):
        evaluation = answers[place].evaluation
        if evaluation is not None:
            places[place] = seen.setdefault(evaluation, len(seen))
    return places, list(seen)


def _record(
    run: Run, part: Part, decided: Decided, refused: Sequence[int], outcomes: Mapping[str, int]
) -> Prepared:
    """The record that says what the slice is. Its private texts are the lines that were refused."""
    identifier = uuid_utils.compat.uuid7()
    facts = {
        "number": part.number,
        "first": part.first,
        "line": _first_line(part),
        "rows": len(decided.which),
        "refused": len(refused),
        "outcomes": {outcome: outcomes.get(outcome, 0) for outcome in OUTCOMES},
        "input": hash_text(part.digest),
    }
    entry = Entry(
        kind=SLICE,
        id=identifier,
        at=moment_of(identifier),
        actor=run.actor,
        channel=BATCH,
        ruleset=run.ruleset,
        subject=run.batch,
        facts=facts,
        private={"refused": list(_refusals(decided, refused))} if refused else None,
    )
    return prepare(entry, b"")


def _first_line(part: Part) -> int:
    """The line of the file that the first row stands in. The others follow it, one by one."""
    lines = part.requests["line"]
    if not len(lines):
        return part.first + 1
    line: int = lines[0].as_py()
    if lines[-1].as_py() != line + len(lines) - 1:
        message = "the lines of a slice do not follow one another"
        raise ValueError(message)
    return line


def _refusals(decided: Decided, rows: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Lines that were refused: the row within the slice, the caller's name for it, and why."""
    for row in rows:
        refused = decided.answers[decided.which[row].as_py()].refused
        error = None if refused is None else refused.document()
        yield {"row": row, "request_id": decided.request_ids[row].as_py(), "error": error}


def _decisions(first: int, decided: Decided, made: Sequence[int | None], vocabulary: Vocabulary) -> Decisions:
    """The decisions about the rows that were not refused. `made` says which evaluation belongs to a row."""
    texts = written(decided.requests, decided.request_ids, vocabulary)
    columns: tuple[list[Any], ...] = (
        list(range(first, first + len(made))),
        list(made),
        *(column.to_pylist() for column in texts),
    )
    for row, request in decided.alone.items():
        for column, value in zip(columns[2:], _alone(request, vocabulary), strict=True):
            column[row] = value
    if None in made:
        columns = tuple(
            [value for value, place in zip(column, made, strict=True) if place is not None]
            for column in columns
        )
    return Decisions(*columns)


def _alone(request: EligibilityRequest, vocabulary: Vocabulary) -> tuple[bytes, bytes | None, str | None]:
    """What is written of a request that was read by itself: as of those that are written together."""
    facts, private = split_private(request.document, lambda name: vocabulary.model(name) is not None)
    if request.request_id is not None:
        private["request_id"] = request.request_id
    return (
        canonical_of_request(facts),
        canonical_of_request(private) if private else None,
        private.get("entity", {}).get("reference"),
    )
