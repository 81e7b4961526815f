"""A table of requests in, a table of decisions out: the same answers as one by one, with less work.

Each column is reduced to the classes of its values, and these to what they show to the rules that count for
the row. Rows that look alike are decided once, for the first of them, by the functions that decide any
request; what was decided is joined back. A row with anything out of the ordinary is read by itself, as a body
that came over HTTP.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from eligibility.backlog.answers import UNRELIABLE, Answer, Refused, Said, columns_of
from eligibility.backlog.classes import ABSENT, ODD, Classes, Column, Numbers
from eligibility.backlog.form import PATHS, RESULTS, in_one, leaves
from eligibility.backlog.sights import NOTHING, Sights
from eligibility.contradictions import contradictions
from eligibility.decider import Decider
from eligibility.decision import in_order
from eligibility.errors import EvaluatorsDisagree, RequestRefused
from eligibility.evaluation import Agreed, contact_reasons
from eligibility.facts import EligibilityRequest
from eligibility.layout import slot_name
from eligibility.reading import parse_json, request_from
from eligibility.recent import Recent
from eligibility.wording import Subject

logger = logging.getLogger(__name__)

REMEMBERED: Final = 24_576
"""Answers that are kept, by what a row shows to the rules: some 4 KB each with their evaluations.

Without these it is 1 KB, so that twice as many are kept.
"""

_LARGEST_KEY: Final = 2**62
_NAMED_LIKE: Final = "entity.reference"
"""A fact with the form of a `request_id`: a text that no rule reads."""


@dataclass(frozen=True, eq=False)
class Decided:
    """What was decided about the rows of a table.

    `which` has a number for each row, the place of its answer in `answers`. `alone` has the requests that
    were read by themselves, by row. `request_ids` are as given, null where they are not in good form.
    """

    requests: Any
    which: Any
    answers: Sequence[Answer]
    alone: Mapping[int, EligibilityRequest]
    request_ids: Any

    @cached_property
    def told(self) -> tuple[Sequence[Said | Refused], Any]:
        """What rows are told, each once, and for each row which of it: many answers say the same."""
        places: dict[Said | Refused, int] = {}
        numbers = [places.setdefault(answer.told, len(places)) for answer in self.answers]
        return list(places), pa.array(numbers, pa.int32()).take(self.which)

    def table(self, ids: Any = None) -> Any:
        """The table of decisions, with the columns of RESULTS; `ids` are texts, null where refused."""
        given = pa.nulls(len(self.which), pa.string()) if ids is None else ids
        lines = in_one(self.requests["line"])
        return pa.Table.from_arrays([lines, self.request_ids, given, *columns_of(*self.told)], schema=RESULTS)


class BacklogDecider:
    """Decides tables under one ruleset. Belongs to the thread that first decides with it."""

    def __init__(self, decider: Decider, *, slim: bool = False, begins_at: float = 0.0) -> None:
        """Decide as this decider does. If `slim`, answers are all that is wanted: they have no evaluation.

        `begins_at` says with which share of new rows to begin, from 0 to 1: who begins elsewhere than others
        hears from them what they evaluate meanwhile.
        """
        self.decider = decider
        self._slim = slim
        self._begins_at = begins_at
        self._vocabulary = decider.ruleset.vocabulary
        self._classes = Classes(tuple(decider.questions.values()), self._vocabulary, statuses=not slim)
        self._paths = tuple(path for path in PATHS if path not in self._classes.idle)
        self._sights = Sights(decider.questions, self._paths, statuses=not slim)
        self._answers: Recent[tuple[int, ...], Answer] = Recent(REMEMBERED * (2 if slim else 1))

    def decide(self, requests: Any) -> Decided:
        """Decide a table with the columns of REQUESTS.

        Raises EngineFailure where nothing can be decided at the moment.
        """
        rows = _Rows(requests, self._classes)
        keys = _keys([column.given for column in rows.columns.values()], requests.num_rows)
        alike, first = _distinct(pc.if_else(rows.is_odd, None, keys))
        answers, places = self._answers_of(
            {path: column.at(first) for path, column in rows.columns.items()}, len(first)
        )
        which, ids, alone = places.take(alike), rows.request_ids, dict[int, EligibilityRequest]()
        is_odd = rows.is_odd
        contradict = [number for number, answer in enumerate(answers) if isinstance(answer.told, Refused)]
        if contradict:
            is_odd = pc.or_(is_odd, pc.is_in(which, value_set=pa.array(contradict, which.type)))
        odd = pc.indices_nonzero(is_odd).to_pylist()
        if odd:
            places, given = which.to_pylist(), ids.to_pylist()
            for row in odd:
                answer, request, given[row] = self._alone(rows, row)
                if request is not None:
                    alone[row] = request
                places[row] = len(answers)
                answers.append(answer)
            which, ids = pa.array(places, pa.int32()), pa.array(given, pa.string())
        return Decided(requests, which, answers, alone, ids)

    def _answers_of(self, columns: Mapping[str, Column], count: int) -> tuple[list[Answer], Any]:
        """The answers of so many rows in good form, and for each row which of them it gets.

        Those that contradict themselves are refused.
        """
        sorts, shown = self._sights.of(columns, count)
        which, rows = _distinct(_keys([sorts, *shown.values()], count))
        sights = [
            repeat(NOTHING, len(rows)) if one is None or not one.highest else one.array.take(rows).to_pylist()
            for one in (sorts, *map(shown.get, self._paths))
        ]
        keys = list(zip(*sights, strict=True))
        known = list(map(self._answers.get, keys))
        new = [place for place, answer in enumerate(known) if answer is None]
        first = int(len(new) * self._begins_at)
        new = new[first:] + new[:first]
        facts = _facts(columns, rows.take(pa.array(new, pa.int64())))
        made = dict(zip(new, map(self._answer, facts), strict=True))
        answers = [
            self._remember(key, made[place]) if one is None else one
            for place, (key, one) in enumerate(zip(keys, known, strict=True))
        ]
        return answers, which

    def _remember(self, key: tuple[int, ...], answer: Answer) -> Answer:
        self._answers.put(key, answer)
        return answer

    def _answer(self, facts: dict[str, Any]) -> Answer:
        if "model.generation" not in facts or "entity.kind" not in facts:
            return _refused("a fact that every request needs is missing")
        if contradictions(facts, self._vocabulary):
            return _refused("facts contradict each other")
        return self._decided(EligibilityRequest({}, facts))

    def _decided(self, request: EligibilityRequest) -> Answer:
        try:
            evaluation = None if self._slim else self.decider.evaluated(request)
            agreed = self.decider.agreed(request) if evaluation is None else evaluation.agreed
        except EvaluatorsDisagree:
            logger.exception("a row could not be decided")
            return Answer(UNRELIABLE)
        return Answer(self._said(agreed, request.facts), evaluation)

    def _said(self, agreed: Agreed, facts: Mapping[str, Any]) -> Said:
        outcome, found, _ = agreed
        missing: list[str] = []
        if found.missing:
            subject = Subject(self.decider.questions[facts["model.generation"]], facts)
            missing += (path for slot, _ in found.missing for path in subject.paths(slot_name(slot)))
        return Said(
            outcome=outcome,
            findings=tuple([name for name, _, _ in found.findings]),
            obligations=found.obligations if outcome == "permitted" else (),
            missing_facts=tuple(sorted(missing, key=in_order)),
            contact_reasons=tuple(contact_reasons(found, outcome)),
        )

    def _alone(self, rows: _Rows, row: int) -> tuple[Answer, EligibilityRequest | None, str | None]:
        """What becomes of a row that is read by itself, with its own name if that is in good form."""
        name: str | None = None
        try:
            value = rows.value(row)
            name = self._name_in(value)
            request = request_from(value, self._vocabulary, member_allowed_request_id=True)
        except RequestRefused as refused:
            errors = tuple((fault.pointer, fault.detail) for fault in refused.problems)
            return Answer(Refused(refused.sentence, errors)), None, name
        answer = self._decided(request)
        return answer, None if answer.refused else request, name

    def _name_in(self, value: object) -> str | None:
        name = value.get("request_id") if isinstance(value, dict) else None
        is_good = isinstance(name, str) and self._classes.number(_NAMED_LIKE, name) not in {ABSENT, ODD}
        return name if is_good else None


class _Rows:
    """The rows of a table, by columns of classes."""

    def __init__(self, requests: Any, classes: Classes) -> None:
        arrays = {name: in_one(requests[name]) for name in requests.column_names}
        self._requests = requests
        self._text, self._is_read = arrays["text"], arrays["is_read"]
        given = {
            path: classes.column(path, array)
            for path, array in leaves(arrays)
            if array.null_count < len(array)
        }
        self.columns = {path: column for path, column in given.items() if path not in classes.idle}
        names = classes.column(_NAMED_LIKE, arrays["request_id"])
        self.request_ids = pc.if_else(pc.equal(names.classes, ABSENT), None, arrays["request_id"])
        is_odd = pc.invert(self._is_read)
        for column in (*given.values(), names):
            if column.lowest == ODD:
                is_odd = pc.or_(is_odd, pc.equal(column.classes, ODD))
        self.is_odd = is_odd

    def value(self, row: int) -> object:
        """A row as parsed JSON. Raises UnreadableRequest."""
        text = self._text[row].as_py()
        if text is not None:
            return parse_json(text)
        [found] = self._requests.slice(row, 1).select(["request_id", "model", "entity", "use"]).to_pylist()
        return _without_nulls(found)


def _facts(columns: Mapping[str, Column], rows: Any) -> list[dict[str, Any]]:
    """The facts of some rows in good form, by dotted path."""
    found: list[dict[str, Any]] = [{} for _ in rows]
    for path, column in columns.items():
        classes = column.classes.take(rows).to_pylist()
        for facts, number, value in zip(found, classes, column.values(rows), strict=True):
            if number != ABSENT:
                facts[path] = value
    return found


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(inner) for name, inner in value.items() if inner is not None}
    return [_without_nulls(inner) for inner in value] if isinstance(value, list) else value


def _refused(why: str) -> Answer:
    """An answer that sends its rows to be read by themselves, which tells the faults of each."""
    return Answer(Refused(why))


def _distinct(keys: Any) -> tuple[Any, Any]:
    """For each row the place of its key among the distinct ones, and the first row of each of these."""
    encoded = keys.dictionary_encode()
    return encoded.indices, pc.index_in(encoded.dictionary, value_set=keys)


def _keys(columns: Sequence[Numbers], rows: int) -> Any:
    """A number for each row; rows have the same where they have the same in all columns."""
    keys, size = pa.repeat(pa.scalar(0, pa.int64()), rows), 1
    for column, highest in columns:
        if not highest:
            continue
        most = highest + 1
        if size * most > _LARGEST_KEY:
            encoded = keys.dictionary_encode()
            keys, size = encoded.indices.cast(pa.int64()), len(encoded.dictionary)
        keys = pc.add(pc.multiply(keys, most), column)
        size *= most
    return keys
