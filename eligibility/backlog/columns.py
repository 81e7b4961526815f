"""Columns of facts by dotted path: their names, and how they become a table of requests."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import pyarrow as pa

from eligibility.backlog.form import BODY, PATHS, REQUESTS
from eligibility.errors import Fault
from eligibility.parsing import near
from eligibility.refusals import shown

REQUEST_ID: Final = "request_id"
COLUMNS: Final = (REQUEST_ID, *PATHS)
REQUIRED: Final = ("model.generation", "entity.kind")
"""Facts that every request needs."""

_READ: Final = pa.scalar(value=True)


def place(path: str) -> str:
    """The JSON pointer of a column of that path."""
    return "/" + path.replace("~", "~0").replace("/", "~1").replace(".", "/")


def faults_in(names: Iterable[str]) -> list[Fault]:
    """What is wrong with the names of columns: unknown, repeated, missing."""
    counts = Counter(names)
    faults = [Fault(place(name), _unknown(name)) for name in counts if name not in COLUMNS]
    faults += [
        Fault(place(name), f"there are {count} columns of this name: keep one")
        for name, count in counts.items()
        if count > 1
    ]
    missing = [name for name in REQUIRED if name not in counts]
    return faults + [Fault(place(name), "this column is missing: every request needs it") for name in missing]


def _unknown(name: str) -> str:
    if not name.strip():
        return "a column has no name: give it the dotted path of a fact, such as `entity.kind`, or delete it"
    same = [path for path in COLUMNS if path.rpartition(".")[2] == name.strip().lower()]
    remedy = f"did you mean `{same[0]}`?" if same else near(name.strip(), COLUMNS)
    return f"unknown column {shown(name)}: {remedy or 'columns have dotted paths such as `entity.kind`'}"


def json_object(fragments: Mapping[str, str]) -> bytes:
    """The JSON of a request, from the JSON of each of its facts by path."""
    tree: dict[str, Any] = {}
    for path, fragment in fragments.items():
        *parents, name = path.split(".")
        inner = tree
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[name] = fragment
    return _written(tree).encode()


def _written(tree: Mapping[str, Any]) -> str:
    members = (
        f"{json.dumps(name)}:{_written(inner) if isinstance(inner, dict) else inner}"
        for name, inner in tree.items()
    )
    return f"{{{','.join(members)}}}"


def requests_of(
    columns: Mapping[str, Any], rows: int, first_line: int, unread: Mapping[int, bytes]
) -> pa.Table:
    """A table of requests from the columns that are there, by path.

    `unread` has the texts of rows that columns cannot hold, by row; these are read by themselves.
    """
    body = [_nested(field.name, field.type, columns, rows) for field in BODY]
    if not unread:
        return with_lines(body, first_line, pa.nulls(rows, pa.binary()), pa.repeat(_READ, rows))
    texts = pa.array([unread.get(row) for row in range(rows)], pa.binary())
    return with_lines(body, first_line, texts, texts.is_null())


def with_lines(body: Sequence[Any], first_line: int, texts: Any, is_read: Any) -> pa.Table:
    """A table of requests from its columns but the lines, which follow each other."""
    lines = pa.arange(first_line, first_line + len(texts))
    return pa.Table.from_arrays([lines, *body, texts, is_read], schema=REQUESTS)


def _nested(path: str, kind: Any, columns: Mapping[str, Any], rows: int) -> Any:
    if not pa.types.is_struct(kind):
        found = columns.get(path)
        return pa.nulls(rows, kind) if found is None else found
    inner = [_nested(f"{path}.{field.name}", field.type, columns, rows) for field in kind]
    return pa.StructArray.from_arrays(inner, fields=list(kind))


def remark(words: str) -> bytes:
    """The text of a row that cannot be read at all; it is refused as no object but these words."""
    return json.dumps(words, ensure_ascii=False).encode()
