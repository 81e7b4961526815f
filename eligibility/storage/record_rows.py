"""Records and their private texts as rows: their columns in binary, and the statements that store them."""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from eligibility.storage.arrays import (
    BYTES,
    INT,
    TEXT,
    TIME,
    UUIDS,
    BinaryArray,
    binary_array,
    binary_text,
    binary_time,
)
from eligibility.storage.entries import Prepared

_RECORD: Final = {
    "id": UUIDS,
    "block": UUIDS,
    "position": INT,
    "kind": TEXT,
    "at": TIME,
    "actor": UUIDS,
    "channel": TEXT,
    "evaluation_key": BYTES,
    "outcome": TEXT,
    "generation": TEXT,
    "subject": UUIDS,
    "body": BYTES,
    "leaf": BYTES,
}
_PRIVATE: Final = {"record": UUIDS, "salt": BYTES, "content": BYTES, "entity_reference": TEXT}
_TYPES: Final = {UUIDS: "uuid", INT: "int", TEXT: "text", TIME: "timestamptz", BYTES: "bytea"}


def _insert(table: str, columns: Mapping[str, int]) -> str:
    arrays = ", ".join(f"%({table}_{name})b::{_TYPES[element]}[]" for name, element in columns.items())
    return f"INSERT INTO {table} ({', '.join(columns)}) SELECT * FROM unnest({arrays})"  # noqa: S608 - our own names


STORE_RECORDS: Final = _insert("record", _RECORD)
STORE_TEXTS: Final = _insert("private", _PRIVATE)


def record_columns(group: Sequence[Prepared], block_id: UUID) -> dict[str, BinaryArray]:
    """What `STORE_RECORDS` takes: the records of a group, at their places in a block."""
    block = block_id.bytes
    return _columns("record", _RECORD, [record_row(p, block, place) for place, p in enumerate(group)])


def text_columns(group: Sequence[Prepared]) -> dict[str, BinaryArray]:
    """What `STORE_TEXTS` takes: the private texts of a group; nothing where there are none."""
    rows = [
        (p.entry.id.bytes, p.salt, p.private, binary_text(p.reference))
        for p in group
        if p.private is not None
    ]
    return _columns("private", _PRIVATE, rows) if rows else {}


def _columns(
    table: str, columns: Mapping[str, int], rows: Sequence[Sequence[bytes | None]]
) -> dict[str, BinaryArray]:
    return {
        f"{table}_{name}": binary_array(element, values)
        for (name, element), values in zip(columns.items(), zip(*rows, strict=True), strict=True)
    }


def record_row(prepared: Prepared, block_id: bytes, position: int) -> tuple[bytes | None, ...]:
    """The columns of a record, in the order in which they are stored and copied."""
    e = prepared.entry
    return (
        e.id.bytes,
        block_id,
        position.to_bytes(4),
        e.kind.encode(),
        binary_time(e.at),
        prepared.actor.bytes,
        e.channel.encode(),
        e.evaluation.key if e.evaluation else None,
        binary_text(e.outcome),
        binary_text(e.generation),
        e.subject.bytes if e.subject else None,
        prepared.packed,
        prepared.leaf,
    )
