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

from eligibility.storage.entries import DECISION, month_of
from eligibility.storage.packing import before_facts, unpacked
from eligibility.storage.reading_log import RecordRow
from eligibility.storage.records import NIL, SYSTEM
from eligibility.storage.retention import KINDS
from eligibility.verifying.verdicts import Flaw, Place

_NIL = str(NIL)
_OUR_ERA = "AD"
_NOTHING: Mapping[str, Anything] = {}
_MALFORMED = (ValueError, KeyError, TypeError, AttributeError)

Evaluations = Mapping[bytes, tuple[str, str, str, bytes, bytes]]
"""Of each evaluation by its key, as envelopes name them: hash of the content, ruleset, outcome.

The last two are these hashes in binary.
"""


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


Envelope = Mapping[str, Anything]
Checked = tuple[bytes, Envelope | None, Mapping[str, Anything] | None, Sequence[Flaw]]
"""Of a record: the hash of its body; its envelope and private texts, if they are there; what is wrong.

Of the envelope of a decision in which nothing is wrong, there is only what its meaning follows from.
"""


def check_record(
    row: RecordRow, block: int, sequence: int, evaluations: Evaluations, retained: Retained
) -> Checked:
    """Compare the columns of a record, and its private row, with its envelope.

    Nearly all are decisions that are stored packed, with their texts and with nothing wrong. The body of such
    a one is written anew from the columns: where the leaf is the hash of that, it proves each of them.
    """
    _, _, identifier, kind, at, actor, channel, key, outcome, generation, subject, *more = row
    stored, stored_leaf, salt, content, reference, erased_by, ids = more
    try:
        evaluation, ruleset, decided, content_hash, ruleset_hash = evaluations[key]
        digest = sha256(salt + content).digest()
        when, era = at[:26], at[26:]
        hashes, words = content_hash + digest + ruleset_hash, f"{when}{channel} {outcome} ".encode()
        begin = before_facts(ids, hashes, words)
        if stored.startswith(begin):
            packed_facts = stored[len(begin) :]
            facts, private = orjson.loads(packed_facts), orjson.loads(content)
            who = SYSTEM if actor == _NIL else actor
            body = (
                f'{{"actor":"{who}","at":"{when}Z","channel":"{channel}","evaluation":"{evaluation}",'
                f'"facts":{packed_facts.decode()},"id":"{identifier}","kind":"decision","outcome":"{outcome}",'
                f'"private":"sha256:{digest.hex()}","ruleset":"{ruleset}","v":1}}'
            )
            leaf = sha256(f"\x00{body}".encode()).digest()
            if (
                leaf == stored_leaf
                and era == _OUR_ERA
                and kind == DECISION
                and outcome == decided
                and channel.isidentifier()  # JSON writes it as it is, and it holds no space
                and outcome.isidentifier()
                and facts["model"]["generation"] == generation
                and facts.get("subject") == subject
                and private.get("entity", _NOTHING).get("reference") == reference
                and erased_by is None
            ):
                return leaf, {"ruleset": ruleset, "facts": facts}, private, ()
    except _MALFORMED:  # what is wrong is found member by member
        pass
    return _any_record(row, Place(block, sequence, identifier), evaluations, retained)


def _any_record(row: RecordRow, place: Place, evaluations: Evaluations, retained: Retained) -> Checked:
    """Compare the columns of any record, and its private row, member by member."""
    body, content = _unpacked(row[11]), row[14]
    leaf = sha256(b"\x00" + body).digest()
    flaws: list[Flaw] = []
    if leaf != row[12]:
        flaws.append(place.flaw("integrity", "record.leaf", "it is not the hash of the body", row[12], leaf))
    try:
        envelope = orjson.loads(body)
        facts = envelope.get("facts", _NOTHING)
        expected = (
            *(envelope["id"], envelope["kind"], envelope["at"], envelope["actor"], envelope["channel"]),
            *(envelope.get("outcome"), facts.get("model", _NOTHING).get("generation"), facts.get("subject")),
        )
        commitment = envelope.get("private")
    except _MALFORMED:
        flaws.append(place.flaw("integrity", "record.body", "it is no envelope of a record"))
        return leaf, None, None, flaws
    columns = (*row[2:4], _as_written(row[4]), SYSTEM if row[5] == _NIL else row[5], row[6], *row[8:11])
    if columns != expected:
        flaws.extend(_differences(place, columns, expected))
    flaws.extend(_evaluation_flaws(place, envelope, row[7], evaluations))
    try:
        private = None if content is None else orjson.loads(content)
        reference = private and private.get("entity", _NOTHING).get("reference")
    except _MALFORMED:
        flaws.append(place.flaw("integrity", "private.content", "it is no JSON object"))
        return leaf, None, None, flaws
    flaws.extend(_private_flaws(row, place, commitment, reference, retained))
    return leaf, envelope, private, flaws


def _as_written(at: str | None) -> str | None:
    """A time of our era as envelopes write it; another is told by its era."""
    return f"{at.removesuffix(_OUR_ERA)}Z" if at and at.endswith(_OUR_ERA) else at


def _unpacked(stored: bytes) -> bytes:
    try:
        return unpacked(stored)
    except ValueError:  # no leaf is the hash of this
        return stored


def _private_flaws(
    row: RecordRow, place: Place, commitment: str | None, expected: str | None, retained: Retained
) -> Iterator[Flaw]:
    """What is wrong with the private row; `expected` is the reference that its content gives."""
    salt, content, reference, erased_by = row[13:17]
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
    place: Place, envelope: Mapping[str, Anything], key: bytes | None, evaluations: Evaluations
) -> Iterator[Flaw]:
    if key is None:
        if "evaluation" in envelope:
            what = "the record names an evaluation, and the column does not say which"
            yield place.flaw("integrity", "record.evaluation_key", what)
        return
    stored = evaluations.get(key)
    if stored is None:
        what = "the evaluation that the record was made from is missing"
        yield place.flaw("completeness", "record.evaluation_key", what)
        return
    named = tuple(envelope.get(member) for member in ("evaluation", "ruleset", "outcome"))
    if stored[:3] != named:
        what = "it leads to another evaluation than the record names"
        found, expected = (", ".join(map(str, one)) for one in (stored[:3], named))
        yield place.flaw("integrity", "record.evaluation_key", what, found, expected)
