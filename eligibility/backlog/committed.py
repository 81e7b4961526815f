"""Slices that are recorded, as the table of decisions that was made: rendered from their records alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson
import pyarrow as pa

from eligibility.backlog.answers import Refused, Said, columns_of
from eligibility.backlog.form import DECISION, RESULTS
from eligibility.backlog.ids import ids_of
from eligibility.decider import Decider
from eligibility.decision import missing_paths
from eligibility.domains import AFFILIATES
from eligibility.errors import NotFound
from eligibility.reading import flatten
from eligibility.recall import recalled
from eligibility.recent import Recent
from eligibility.recording import moment_of
from eligibility.storage.batch_reading import SliceReader, StoredDecision, StoredSlice
from eligibility.storage.records import facts_of
from eligibility.wording import Subject

ERASED: Final = Refused("what was wrong with the line was erased")
REMEMBERED: Final = 16_384

_Content = Mapping[str, Any]


class _Known(NamedTuple):
    """The content of an evaluation; the facts that were missing, where no places of affiliates name them."""

    content: _Content
    missing: tuple[str, ...] | None


@dataclass(frozen=True, eq=False)
class _Explained:
    """What is kept of an evaluation, to render decisions from; the same object for all that point at it."""

    generation: str
    content: _Content


class Stored(NamedTuple):
    """A slice as it was read: `envelopes` are those of all its decisions, or of those that are looked into.

    `refusals` are by row within the slice, None where they were erased.
    """

    batch: UUID
    slice: StoredSlice
    decisions: Sequence[StoredDecision]
    envelopes: Mapping[int, bytes]
    refusals: Mapping[int, Mapping[str, Any]] | None


class Committed:
    """Reads slices of batches under one ruleset, and renders them. Evaluations are remembered.

    Nothing is evaluated: `decider` gives the words and questions of the ruleset, and templates.
    """

    def __init__(self, decider: Decider) -> None:
        """Render by this decider, which must be of the ruleset that the batch pins."""
        self._decider = decider
        self._known: Recent[bytes, _Known] = Recent(REMEMBERED)
        self._explained: Recent[bytes, _Explained] = Recent(REMEMBERED)

    async def read(self, reader: SliceReader, batch: UUID, made: StoredSlice, *, full: bool) -> Stored:
        """Read a slice, with all that is needed to render it; `full` for whole decisions.

        Raises NotFound where its decisions were dropped under retention, StorageUnavailable.
        """
        ids = ids_of(batch)
        first, last = ids.of(made.first), ids.of(made.first + made.rows - 1 if made.rows else made.first)
        decisions = await reader.decisions(first, last) if made.rows else []
        if len(decisions) != made.rows - made.refused:
            raise NotFound(
                f"rows {made.first} to {made.first + made.rows - 1} of the batch are not all kept: "
                "retention has dropped them"
            )
        await self._learn(reader, {decision.evaluation for decision in decisions})
        if full:
            envelopes = await reader.envelopes(first, last) if made.rows else []
            found = dict(enumerate(envelopes))
        else:
            places = [
                place
                for place, decision in enumerate(decisions)
                if self._found(decision.evaluation).missing is None
            ]
            wanted = [UUID(bytes=decisions[place].id) for place in places]
            found = dict(zip(places, await reader.envelopes_of(wanted), strict=True)) if wanted else {}
        return Stored(batch, made, decisions, found, await reader.refusals(made))

    def table(self, stored: Stored, *, full: bool) -> Any:
        """The table of decisions, with the columns of RESULTS; for whole decisions, `decision` too."""
        made = stored.slice
        told, rows, which = list[Said | Refused](), list[int](), list[int]()
        seen = dict[tuple[bytes, tuple[str, ...]], int]()
        names: list[str | None] = [None] * made.rows
        for place, decision in enumerate(stored.decisions):
            row = int.from_bytes(decision.id[11:]) - made.first
            rows.append(row)
            if decision.private is not None:
                names[row] = orjson.loads(decision.private).get("request_id")
            content, missing = self._found(decision.evaluation)
            if missing is None:
                missing = self._missing(stored, place, content)
            number = seen.setdefault((decision.evaluation, missing), len(told))
            if number == len(told):
                told.append(_said(content, missing))
            which.append(number)
        text = ids_of(stored.batch).text
        ids: list[str | None] = [None] * made.rows
        places: list[int | None] = [None] * made.rows
        for row, number in zip(rows, which, strict=True):
            ids[row], places[row] = f"{text}{made.first + row:010x}", number
        for row, place_of_answer in enumerate(places):
            if place_of_answer is None:
                refused = None if stored.refusals is None else stored.refusals[row]
                places[row] = len(told)
                told.append(ERASED if refused is None else _refused(refused))
                names[row] = None if refused is None else refused["request_id"]
        table = _table(made, names, ids, told, places)
        if not full:
            return table
        whole: list[bytes | None] = [None] * made.rows
        for place, row in enumerate(rows):
            whole[row] = self._whole(stored.decisions[place], stored.envelopes[place])
        return table.append_column(DECISION, pa.array(whole, pa.binary()).cast(DECISION.type))

    def content(self, evaluation: bytes) -> Mapping[str, Any]:
        """The content of an evaluation of the slice that was read last, by its key. Raises NotFound."""
        return self._found(evaluation).content

    async def _learn(self, reader: SliceReader, keys: set[bytes]) -> None:
        unknown = [key for key in keys if self._known.get(key) is None]
        questions = next(iter(self._decider.questions.values()))
        for key, text in (await reader.contents(unknown)).items():
            content, missing = orjson.loads(text), None
            if not any(one["fact"].startswith(f"{AFFILIATES}[") for one in content["missing"]):
                missing = tuple(missing_paths(Subject(questions, {}), content))
            self._known.put(key, _Known(content, missing))

    def _found(self, key: bytes) -> _Known:
        known = self._known.get(key)
        if known is None:
            raise NotFound(f"the evaluation {key.hex()} is not kept")
        return known

    def _missing(self, stored: Stored, place: int, content: _Content) -> tuple[str, ...]:
        """The facts that were missing, named by the places of affiliates in the decision's own request."""
        facts = flatten(orjson.loads(stored.envelopes[place])["facts"])
        subject = Subject(self._decider.questions[facts["model.generation"]], facts)
        return tuple(missing_paths(subject, content))

    def _whole(self, decision: StoredDecision, body: bytes) -> bytes:
        """A decision as JSON, as it was answered."""
        envelope = orjson.loads(body)
        private = None if decision.private is None else orjson.loads(decision.private)
        document, content = facts_of(envelope, private), self._found(decision.evaluation).content
        identifier = UUID(bytes=decision.id)
        at = moment_of(identifier)
        facts = flatten(document)
        if private is None and "private" in envelope:  # texts were erased, which no template knows
            questions = self._decider.questions[facts["model.generation"]]
            return orjson.dumps(recalled(questions, content, document, identifier, at))
        explained = self._explained.get(decision.evaluation)
        if explained is None:
            explained = _Explained(facts["model.generation"], content)
            self._explained.put(decision.evaluation, explained)
        return self._decider.render(explained, facts, identifier, at)


def _said(content: _Content, missing: tuple[str, ...]) -> Said:
    return Said(
        outcome=content["outcome"],
        findings=tuple(made["finding"] for made in content["findings"]),
        obligations=tuple(due["obligation"] for due in content["obligations"]),
        missing_facts=missing,
        contact_reasons=tuple(content["contact_reasons"]),
    )


def _refused(refusal: Mapping[str, Any]) -> Refused:
    error = refusal["error"]
    errors = tuple((fault["pointer"], fault["detail"]) for fault in error["errors"])
    return Refused(error["detail"], errors)


def _table(
    made: StoredSlice,
    names: Sequence[str | None],
    ids: Sequence[str | None],
    told: Sequence[Said | Refused],
    which: Sequence[int | None],
) -> Any:
    return pa.Table.from_arrays(
        [
            pa.array(range(made.line, made.line + made.rows), pa.int64()),
            pa.array(names, pa.string()),
            pa.array(ids, pa.string()),
            *columns_of(told, pa.array(which, pa.int32())),
        ],
        schema=RESULTS,
    )
