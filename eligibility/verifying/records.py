"""One record: its columns, its leaf and its private row against its envelope.

This runs for every record of a log, so what is right is found to be so in few comparisons; only what is not
is looked at member by member.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any as Anything
from uuid import UUID

import orjson

from eligibility.storage.entries import month_of
from eligibility.storage.packing import unpacked
from eligibility.storage.reading_log import RecordRow
from eligibility.storage.records import NIL, SYSTEM
from eligibility.storage.retention import KINDS
from eligibility.verifying.verdicts import Flaw, Place

_NIL = str(NIL)
_NOTHING: Mapping[str, Anything] = {}
_MALFORMED = (ValueError, KeyError, TypeError, AttributeError)

Evaluations = Mapping[bytes, tuple[str, str, str]]
"""Of each evaluation by its key, as envelopes name them: hash of the content, ruleset, outcome."""


@dataclass(frozen=True)
class Retained:
    """What the log says that retention dropped: by month (`2026-11-01`) and class, how many records."""

    months: Mapping[tuple[str, str], int]

    def covers(self, record: UUID, record_class: str) -> bool:
        """Whether what is of that class is gone from the month in which the record's id was made."""
        try:
            month = month_of(record).isoformat()
        except (ValueError, OverflowError):  # the id was made in no month
            return False
        return (month, record_class) in self.months


Checked = tuple[bytes, Mapping[str, Anything] | None, Mapping[str, Anything] | None, Sequence[Flaw]]
"""Of a record: the hash of its body; its envelope and private texts, if they are there; what is wrong."""


def check_record(
    row: RecordRow, block: int, sequence: int, evaluations: Evaluations, retained: Retained
) -> Checked:
    """Compare the columns of a record, and its private row, with its envelope."""
    identifier, kind, at, actor, channel, key, outcome = row[2:9]
    generation, subject, body, stored_leaf, salt, content, reference, erased_by = row[9:]
    body = _unpacked(body)
    leaf = sha256(b"\x00" + body).digest()
    private = None
    try:
        envelope = orjson.loads(body)
        get = envelope.get
        facts = get("facts", _NOTHING)
        commitment = get("private")
        is_right = (
            leaf == stored_leaf
            and envelope["id"] == identifier
            and envelope["kind"] == kind
            and envelope["at"] == at
            and envelope["actor"] == (SYSTEM if actor == _NIL else actor)
            and envelope["channel"] == channel
            and get("outcome") == outcome
            and (facts["model"]["generation"] if "model" in facts else None) == generation
            and facts.get("subject") == subject
            and (
                "evaluation" not in envelope
                if key is None
                else evaluations.get(key) == (envelope["evaluation"], envelope["ruleset"], outcome)
            )
        )
        if content is None or commitment is None:
            is_right = is_right and content is None and commitment is None
        else:
            private = orjson.loads(content)
            is_right = (
                is_right
                and f"sha256:{sha256(salt + content).hexdigest()}" == commitment
                and (private["entity"].get("reference") if "entity" in private else None) == reference
                and erased_by is None
            )
    except _MALFORMED:
        is_right, envelope = False, None
    if is_right:
        return leaf, envelope, private, ()
    place = Place(block, sequence, identifier)
    return leaf, envelope, private, [*_flaws(row, leaf, place, evaluations, retained)]


def _unpacked(stored: bytes) -> bytes:
    try:
        return unpacked(stored)
    except ValueError:  # no leaf is the hash of this
        return stored


def _flaws(
    row: RecordRow, leaf: bytes, place: Place, evaluations: Evaluations, retained: Retained
) -> Iterator[Flaw]:
    """What is wrong with a record, member by member: nothing, where its texts were erased by right."""
    body, key = _unpacked(row[11]), row[7]
    if leaf != row[12]:
        yield place.flaw("integrity", "record.leaf", "it is not the hash of the body", row[12], leaf)
    try:
        envelope = orjson.loads(body)
        facts = envelope.get("facts", _NOTHING)
        expected = (
            *(envelope["id"], envelope["kind"], envelope["at"], envelope["actor"], envelope["channel"]),
            *(envelope.get("outcome"), facts.get("model", _NOTHING).get("generation"), facts.get("subject")),
        )
        commitment = envelope.get("private")
    except _MALFORMED:
        yield place.flaw("integrity", "record.body", "it is no envelope of a record")
        return
    columns = (*row[2:5], SYSTEM if row[5] == _NIL else row[5], row[6], *row[8:11])
    yield from _differences(place, columns, expected)
    if key is None:
        if "evaluation" in envelope:
            what = "the record names an evaluation, and the column does not say which"
            yield place.flaw("integrity", "record.evaluation_key", what)
    else:
        yield from _evaluation_flaws(place, envelope, evaluations.get(key))
    yield from _private_flaws(row, place, commitment, retained)


def _private_flaws(
    row: RecordRow, place: Place, commitment: str | None, retained: Retained
) -> Iterator[Flaw]:
    salt, content, reference, erased_by = row[13:]
    if content is None:
        is_dropped = row[3] in KINDS["texts"] and retained.covers(UUID(row[2]), "texts")
        if commitment is not None and erased_by is None and not is_dropped:
            what = "its private texts are gone, and no record says that they were erased or dropped"
            yield place.flaw("completeness", "private.record", what)
        return
    if commitment is None:
        what = "there are private texts that the record does not speak of"
        yield place.flaw("completeness", "private.record", what)
        return
    if erased_by is not None:
        what = "its private texts were erased, and are there"
        yield place.flaw("completeness", "private.record", what)
    if f"sha256:{sha256(salt + content).hexdigest()}" != commitment:
        what = "salt and content are not what the record vouches for"
        yield place.flaw("integrity", "private.content", what)
    try:
        expected = orjson.loads(content).get("entity", _NOTHING).get("reference")
    except _MALFORMED:
        yield place.flaw("integrity", "private.content", "it is no JSON object")
        return
    if reference != expected:
        what = "differs from the private content"
        yield place.flaw("integrity", "private.entity_reference", what, reference, expected)


_COLUMNS = ("id", "kind", "at", "actor", "channel", "outcome", "generation", "subject")


def _differences(
    place: Place, columns: tuple[Anything, ...], expected: tuple[Anything, ...]
) -> Iterator[Flaw]:
    for name, column, member in zip(_COLUMNS, columns, expected, strict=True):
        if column != member:
            what = "differs from the record's body"
            yield place.flaw("integrity", f"record.{name}", what, column, member)


def _evaluation_flaws(
    place: Place, envelope: Mapping[str, Anything], stored: tuple[str, str, str] | None
) -> Iterator[Flaw]:
    if stored is None:
        what = "the evaluation that the record was made from is missing"
        yield place.flaw("completeness", "record.evaluation_key", what)
        return
    named = tuple(envelope.get(member) for member in ("evaluation", "ruleset", "outcome"))
    if stored != named:
        what = "it leads to another evaluation than the record names"
        found, expected = (", ".join(map(str, one)) for one in (stored, named))
        yield place.flaw("integrity", "record.evaluation_key", what, found, expected)
