"""Parts of the log, each with a filter of the words in it, so that searches pass over where nothing can be.

They follow from the log and are made afterwards, so that recording costs nothing more. A word that is erased
takes the filter of its part with it (by a trigger of the database), until it is made anew without the word.
What is in no part yet, or in one without its filter, is searched all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any, Final

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from eligibility.storage.database import STATEMENT_SECONDS, Database
from eligibility.storage.entries import DECISION
from eligibility.storage.failures import translated
from eligibility.storage.packing import packed_facts, unpacked
from eligibility.storage.records import hash_text
from eligibility.words import filter_of, texts_of, words

LEAST: Final = 1024
"""Records of a part at least; with its last block it may have some thousands more."""

HAS_DECISIONS: Final = "kind=decision"
"""What the filter of a part has that has a decision, and not only looks at some."""

SEARCHED: Final = ("batch.slice", "batch.started", "precedent.made", "review.%")
"""Kinds of records, beside decisions, whose private texts are searched."""

ONE_BY_ONE: Final = text(
    """
    SELECT set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
           set_config('max_parallel_workers_per_gather', '0', true)
    """
)
"""Lets the database look up each row by an index: what is looked at is little, whatever statistics say."""

_EXTEND: Final = text(
    """
    INSERT INTO search_part (first, last)
    SELECT min(b.first), max(b.first + b.count) - 1 FROM (
        SELECT n.first, n.count, sum(n.count) OVER (ORDER BY n.first) - n.count AS before FROM (
            SELECT k.first, k.count FROM block k
            WHERE k.first > coalesce((SELECT max(s.last) FROM search_part s), 0) ORDER BY k.first LIMIT :least
        ) n
    ) b WHERE b.before < :least HAVING sum(b.count) >= :least
    ON CONFLICT DO NOTHING
    """
)
# Whoever erases a text meanwhile waits for us here, and lets the filter be made once more.
_UNREAD: Final = text(
    """
    SELECT s.first, s.last FROM search_part s WHERE s.words IS NULL ORDER BY s.first DESC LIMIT 1
    FOR UPDATE SKIP LOCKED
    """
)
_COLUMNS: Final = "r.kind, r.at, r.actor, r.channel, r.outcome, r.generation, r.evaluation_key, r.body"
_RECORDS: Final = text(
    f"""
    SELECT {_COLUMNS}, r.subject, p.content FROM record r LEFT JOIN private p ON p.record = r.id
    WHERE r.block = ANY(ARRAY(SELECT b.id FROM block b WHERE b.first BETWEEN :first AND :last))
    """  # noqa: S608 - our own names
)
_SUBJECTS: Final = text(
    f"SELECT {_COLUMNS} FROM record r WHERE r.id = ANY(:ids) AND r.kind = 'decision'"  # noqa: S608 - our own names
)
_EVALUATIONS: Final = text("SELECT e.ruleset, e.findings FROM evaluation e WHERE e.key = ANY(:keys)")
_READ: Final = text(
    "UPDATE search_part SET words = :words, earliest = :earliest, latest = :latest WHERE first = :first"
)


async def fill_part(database: Database, *, least: int = LEAST) -> bool:
    """Make the filter of one part, the newest that lacks one; False where none does.

    Raises StorageUnavailable.
    """
    with translated():
        async with asyncio.timeout(STATEMENT_SECONDS * 4):
            async with database.engine.begin() as connection:
                await connection.execute(_EXTEND, {"least": least})
            async with database.engine.begin() as connection:
                await connection.execute(ONE_BY_ONE)
                return await _fill(connection)


async def _fill(connection: AsyncConnection) -> bool:
    part = (await connection.execute(_UNREAD)).one_or_none()
    if part is None:
        return False
    rows = (await connection.execute(_RECORDS, {"first": part.first, "last": part.last})).all()
    ids = [row.subject for row in rows if row.subject is not None and row.kind.startswith(_ABOUT_DECISIONS)]
    subjects = (await connection.execute(_SUBJECTS, {"ids": ids})).all() if ids else ()
    keys = {row.evaluation_key for row in (*rows, *subjects) if row.evaluation_key is not None}
    evaluations = (await connection.execute(_EVALUATIONS, {"keys": list(keys)})).all()
    bits = await asyncio.to_thread(_filter, rows, subjects, evaluations)
    times = [row.at for row in rows]
    values = {"first": part.first, "earliest": min(times, default=None), "latest": max(times, default=None)}
    await connection.execute(_READ, {"words": bits, **values})
    return True


_ABOUT_DECISIONS: Final = ("review.", "precedent.")


def _filter(rows: Sequence[Row[Any]], subjects: Sequence[Row[Any]], evaluations: Sequence[Row[Any]]) -> bytes:
    """The filter of some records: words of their texts, and what decisions among them are found by."""
    found = set[str]()
    for row in rows:
        if row.content is not None and is_searched(row.kind):
            for each in texts_of(orjson.loads(row.content)):
                found.update(words(each))
    asked_by = set[tuple[Any, ...]]()
    for row in (*rows, *subjects):
        if row.kind == DECISION or row.kind.startswith("batch."):
            asked_by.add((row.outcome, row.generation, row.actor, row.channel))
        if row.kind == DECISION:
            found.add(HAS_DECISIONS)
            found.update(marks_of_facts(_facts(bytes(row.body))))
    for outcome, generation, actor, channel in asked_by:
        found.update(marks(outcome=outcome, generation=generation, actor=actor, channel=channel))
    for row in evaluations:
        found.update(marks(ruleset=hash_text(row.ruleset)))
        found.update(f"finding={name}" for name in row.findings)
    return filter_of(found)


def is_searched(kind: str) -> bool:
    """Whether private texts of records of this kind are searched."""
    return kind == DECISION or any(
        kind.startswith(each[:-1]) if each.endswith("%") else kind == each for each in SEARCHED
    )


def marks(**values: object) -> Iterator[str]:
    """What a filter has beside words: `outcome=permitted` and the like, which no word can be."""
    return (f"{name}={value}" for name, value in values.items() if value is not None)


def marks_of_facts(facts: Any) -> list[str]:
    """The same of facts, nested as they are given; not of numbers, which seldom come twice."""
    found: list[str] = []
    _add_marks(facts, "", found)
    return found


def _add_marks(value: Any, path: str, found: list[str]) -> None:
    kind = type(value)  # it was read from JSON, and there are many
    if kind is str:
        found.append(f"{path}={value}")
    elif kind is dict:
        for name, inner in value.items():
            _add_marks(inner, f"{path}.{name}" if path else name, found)
    elif kind is list:
        for inner in value:
            _add_marks(inner, path, found)
    elif kind is bool:
        found.append(f"{path}=true" if value else f"{path}=false")


def _facts(body: bytes) -> Any:
    """The facts of a decision, from its envelope as it is stored."""
    found = packed_facts(body)
    return orjson.loads(found) if found is not None else orjson.loads(unpacked(body)).get("facts", {})
