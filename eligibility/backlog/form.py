"""Tables of requests and of what was decided: their columns, as Arrow types them.

A request has the nested columns of the contract: `model`, `entity`, `use`, with a leaf for each fact. Where a
line says what these columns cannot hold (a number with an exponent, an unknown member, what is no JSON at
all), its text is read instead, as a body that came over HTTP would be.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple, cast

import pyarrow as pa

from eligibility.domains import AFFILIATES, FACTS, MEMBER

TYPES: Final[Mapping[str, Any]] = {
    "code": pa.string(),
    "boolean": pa.bool_(),
    "country": pa.string(),
    "number": pa.int64(),
    "codes": pa.list_(pa.string()),
    "regions": pa.list_(pa.string()),
    "languages": pa.list_(pa.string()),
    "text": pa.string(),
    "model_name": pa.string(),
}
"""The type of a leaf, by the kind of fact."""

PATHS: Final = tuple(path for path in FACTS if not path.startswith(MEMBER))
"""The facts that have a column; those of affiliates are within theirs."""

_Tree = dict[str, Any]


def _struct(paths: Mapping[str, Any]) -> Any:
    """The type of an object, from the types of what is in it by dotted paths."""
    tree: _Tree = {}
    for path, kind in paths.items():
        *parents, name = path.split(".")
        inner = tree
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[name] = kind
    return _nested(tree)


def _nested(tree: _Tree) -> Any:
    return pa.struct(
        [(name, _nested(inner) if isinstance(inner, dict) else inner) for name, inner in tree.items()]
    )


AFFILIATE: Final = _struct(
    {path.removeprefix(MEMBER): TYPES[fact.kind] for path, fact in FACTS.items() if path.startswith(MEMBER)}
)
_REQUEST: Final = _struct(
    {path: pa.list_(AFFILIATE) if path == AFFILIATES else TYPES[FACTS[path].kind] for path in PATHS}
)
BODY: Final = pa.schema([("request_id", pa.string()), *_REQUEST])
"""What a line of a backlog holds: a request, and the caller's own name for it."""

REQUESTS: Final = pa.schema(
    [
        pa.field("line", pa.int64(), nullable=False),
        *BODY,
        ("text", pa.binary()),
        pa.field("is_read", pa.bool_(), nullable=False),
    ]
)
"""A table of requests.

`line` is the line of the file, from 1; in CSV the header is line 1, in Parquet rows are counted. `text` is
the JSON of the request where there is such; where `is_read` is false, it alone says what was asked.
"""

FAULT: Final = pa.struct([("pointer", pa.string()), ("detail", pa.string())])
ERROR: Final = pa.struct([("detail", pa.string()), ("errors", pa.list_(FAULT))])
_NAMES: Final = pa.list_(pa.string())
RESULTS: Final = pa.schema(
    [
        pa.field("line", pa.int64(), nullable=False),
        ("request_id", pa.string()),
        ("id", pa.string()),
        ("outcome", pa.string()),
        ("findings", _NAMES),
        ("obligations", _NAMES),
        ("missing_facts", _NAMES),
        ("contact_reasons", _NAMES),
        ("error", ERROR),
    ]
)
"""A table of decisions: either `outcome` and what follows it, or `error`. `id` is null where unrecorded."""

DECISION: Final = pa.field("decision", pa.string())
"""What whole decisions add to RESULTS: the JSON of the decision."""


class Part(NamedTuple):
    """Some requests of a backlog that belong together: decided and recorded in one piece.

    `number` counts parts and `first` the requests before this part, both from 0; `requests` has the columns
    of REQUESTS; `digest` is the SHA-256 of what was read.
    """

    number: int
    first: int
    requests: Any
    digest: bytes


def in_one(column: Any) -> Any:
    """A column of a table as one array; not copied where it is in one piece already."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def leaves(columns: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The arrays of all facts by path, from the arrays of the columns `model`, `entity` and `use`."""
    for name in ("model", "entity", "use"):
        yield from _leaves(name, columns[name])


def _leaves(path: str, array: Any) -> Iterator[tuple[str, Any]]:
    if not pa.types.is_struct(array.type):
        yield path, array
        return
    for field, inner in zip(array.type, array.flatten(), strict=True):
        yield from _leaves(f"{path}.{cast('str', field.name)}", inner)
