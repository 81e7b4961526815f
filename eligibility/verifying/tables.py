"""Tables as a whole: rows that follow from the log, rulesets, the head, evaluations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from hashlib import sha256
from typing import Any as Anything
from uuid import UUID

import orjson

from eligibility.canonical import timestamp
from eligibility.storage.reading_log import EvaluationRow, HeadRow, LogReader
from eligibility.storage.records import NIL, SYSTEM, hash_text
from eligibility.verifying.acts import Expected, Row
from eligibility.verifying.verdicts import Flaw, Place, Verdict

_MALFORMED = (ValueError, KeyError, TypeError, AttributeError)
_NIL = str(NIL)
_TIMES = {"created_at", "revoked_at", "loaded_at"}

_TABLES: Mapping[str, tuple[str, ...]] = {
    "partition": ("month", "made_by"),
    "signing_key": ("id", "public", "record"),
    "principal": ("id", "name", "kind", "created_at"),
    "api_key": (
        *("id", "principal", "role", "label", "mac"),
        *("bootstrap", "created_at", "expires_at", "revoked_at"),
    ),
    "ruleset": ("digest", "version", "loaded_at", "loaded_by"),
    "ruleset_source": ("record", "ruleset", "files"),
    "ruleset_step": ("number", "record", "ruleset", "step", "actor", "due"),
    "ruleset_check": ("record", "ruleset", "kind", "against", "passed", "report"),
    "impact_sign_off": ("record", "ruleset", "impact", "group_id", "actor"),
    "retention": ("made_by", "month", "class"),
    "batch": ("id", "actor", "ruleset", "format", "state", "rows", "problem", "ended_by"),
    "batch_slice": (
        *("record", "batch", "number", "first", "line", "rows", "refused"),
        *("permitted", "prohibited", "contact_meta", "source"),
    ),
    "review_policy": (
        *("record", "sample_percent", "separate_licence", "case_by_case", "clarification", "disputed"),
        "sampled",
    ),
    "review_step": ("record", "decision", "number", "kind", "actor", "outcome"),
    "precedent": ("record", "decision", "generation", "pattern", "outcome", "expires_at", "ended_by"),
    "legal_hold": ("id", "first_month", "last_month", "released_by"),
}
"""The columns of each table that follows from the log, its key first."""

_AS_TEXT = {"expires_at", "due"}
_HASHES = {"digest", "ruleset", "against", "source"}
_HASHED = {
    ("api_key", "mac"),
    ("ruleset_source", "files"),
    ("ruleset_check", "report"),
    ("precedent", "pattern"),
}


def derived_flaws(reader: LogReader, expected: Expected) -> Iterator[Flaw]:
    """Compare the tables that follow from the log with what follows from it."""
    yield from expected.flaws
    for table, columns in _TABLES.items():
        wanted = dict(expected.tables.get(table, {}))
        for row in reader.rows(table, *columns):
            found = {name: _plain(table, name, value) for name, value in zip(columns, row, strict=True)}
            key = str(found[columns[0]])
            yield from _row_flaws(table, columns[0], found, wanted.pop(key, None))
        for key in wanted:
            what = "the log says that there is such a row, and it is missing"
            yield Place(row=key).flaw("completeness", f"{table}.{columns[0]}", what)


def _plain(table: str, column: str, value: Anything) -> Anything:
    """A value as the log writes it."""
    if isinstance(value, UUID):
        return str(value)
    if column in _AS_TEXT:
        return None if value is None else timestamp(value)
    if (table, column) in _HASHED:
        return hash_text(sha256(value).digest())
    if column in _HASHES:
        return hash_text(value)
    return value if isinstance(value, datetime) or not isinstance(value, date) else value.isoformat()


def _row_flaws(table: str, key: str, found: Row, wanted: Row | None) -> Iterator[Flaw]:
    place = Place(row=str(found[key]))
    if wanted is None:
        what = "no record of the log speaks of this row"
        yield place.flaw("completeness", f"{table}.{key}", what)
        return
    for column, value in wanted.items():
        stored = found[column]
        if stored != (SYSTEM if column == "loaded_by" and value == _NIL else value):
            yield place.flaw("integrity", f"{table}.{column}", "differs from the log", stored, value)


def ruleset_flaws(documents: Mapping[bytes, tuple[str, bytes]]) -> Iterator[Flaw]:
    """Compare rulesets, version and document by digest, with their digests."""
    for digest, (version, document) in documents.items():
        place = Place(row=hash_text(digest))
        if sha256(document).digest() != digest:
            yield place.flaw("integrity", "ruleset.document", "the digest is not that of the document")
            continue
        try:
            written = str(orjson.loads(document)["version"])
        except _MALFORMED:
            yield place.flaw("integrity", "ruleset.document", "it is no ruleset")
            continue
        if written != version:
            yield place.flaw("integrity", "ruleset.version", "differs from the document", version, written)


def head_flaws(head: HeadRow | None, last: HeadRow, in_force: str | None) -> Iterator[Flaw]:
    """Compare the head with the last block, and with what the log says is in force and signs."""
    if head is None:
        yield Flaw("completeness", "the row that heads the log is missing", column="head.singleton")
        return
    pairs: tuple[tuple[Verdict, str, object, object], ...] = (
        ("completeness", "block", head.block, last.block),
        ("completeness", "next_sequence", head.next_sequence, last.next_sequence),
        ("integrity", "hash", head.hash, last.hash),
        ("integrity", "ruleset", head.ruleset and hash_text(head.ruleset), in_force),
        ("authenticity", "key", head.key, last.key),
    )
    for verdict, column, found, expected in pairs:
        if found != expected:
            what = "differs from the end of the log"
            yield Place().flaw(verdict, f"head.{column}", what, found, expected)


def evaluation_flaws(row: EvaluationRow, *, is_known: bool, may_be_unused: bool) -> Iterator[Flaw]:
    """Compare the columns of an evaluation.

    `is_known` says that its ruleset is there, `may_be_unused` that decisions were dropped.
    """
    place = Place(row=row.key.hex())
    if not is_known:
        yield place.flaw(
            "completeness", "evaluation.ruleset", f"there is no ruleset {hash_text(row.ruleset)}"
        )
    if not row.is_named and not may_be_unused:
        yield place.flaw("completeness", "evaluation.key", "no record was made from this evaluation")
    try:
        content = orjson.loads(row.content)
        outcome, findings = content["outcome"], [made["finding"] for made in content["findings"]]
    except _MALFORMED:
        yield place.flaw("integrity", "evaluation.content", "it is not that of an evaluation")
        return
    # the canonical JSON of both, since the cells are canonical themselves
    written = b'{"cells":%b,"ruleset":"%b"}' % (row.cells, hash_text(row.ruleset).encode())
    if sha256(written).digest() != row.key:
        yield place.flaw("integrity", "evaluation.key", "it is not the hash of ruleset and cells")
    if sha256(row.content).digest() != row.content_hash:
        yield place.flaw("integrity", "evaluation.content_hash", "it is not the hash of the content")
    if outcome != row.outcome:
        yield place.flaw("integrity", "evaluation.outcome", "differs from the content", row.outcome, outcome)
    if findings != row.findings:
        what = "differs from the content"
        yield place.flaw(
            "integrity", "evaluation.findings", what, ", ".join(row.findings), ", ".join(findings)
        )
