"""The canonical JSON of many requests at once, made column by column.

The bytes are those that `split_private` and `canonical_of_request` give for each request by itself. Each
member is made once for each distinct value where values repeat, and joined to the others by Arrow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from eligibility.backlog.form import leaves
from eligibility.domains import AFFILIATES, FACTS, MEMBER
from eligibility.facts import Vocabulary

REQUEST_ID: Final = "request_id"
REFERENCE: Final = "entity.reference"
MODEL_NAME: Final = "model.name"
_SEPARATOR: Final = "\x1f"
_TO_ESCAPE: Final = r'["\\\x00-\x1f]'
_TO_SEE: Final = "[!-~]"
_LISTS: Final = {"codes", "regions", "languages"}

_Tree = dict[str, Any]
"""Members by name: arrays of `,"name":value`, null where absent, or such trees."""


class Written(NamedTuple):
    """Requests as they are recorded: for each row canonical JSON, null where there is none.

    `facts` stand in the record, `private` beside it with the caller's own name of the request. `references`
    are what is searched for.
    """

    facts: Any
    private: Any
    references: Any


def written(requests: Any, request_ids: Any, vocabulary: Vocabulary) -> Written:
    """Write the requests of a table with the columns of REQUESTS.

    What is written of a row that is not in good form means nothing. `request_ids` are the callers' own names.
    """
    arrays = {name: requests[name].combine_chunks() for name in ("model", "entity", "use")}
    facts, private = _Tree(), _Tree()
    references = pa.nulls(requests.num_rows, pa.string())
    for path, array in (*leaves(arrays), (REQUEST_ID, request_ids)):
        if array.null_count == len(array):
            continue
        if path == AFFILIATES:
            _put(facts, path, _affiliates(array))
        elif path == MODEL_NAME:
            for tree, member in zip((facts, private), _model_names(array, vocabulary), strict=True):
                _put(tree, path, member)
        elif path == REQUEST_ID or FACTS[path].kind == "text":
            given = pc.if_else(_is_blank(array), None, array)
            if path == REFERENCE:
                references = given
            _put(private, path, _texts(path, given))
        else:
            _put(facts, path, _member(path, array))
    rows = requests.num_rows
    return Written(_objects(facts, rows), _objects(private, rows), references)


def _put(tree: _Tree, path: str, array: Any) -> None:
    *parents, name = path.split(".")
    for parent in parents:
        tree = tree.setdefault(parent, {})
    tree[name] = array


def _objects(tree: _Tree, rows: int) -> Any:
    """Objects of these members, null where they have none."""
    if not tree:
        return pa.nulls(rows, pa.binary())
    members = _members(tree)
    return pc.if_else(pc.equal(pc.binary_length(members), 0), None, _wrapped(b"{", members, b"}"))


def _members(tree: _Tree) -> Any:
    """All members in their order, each with a comma before it."""
    arrays = []
    for name in sorted(tree):
        array = tree[name]
        if isinstance(array, dict):
            inner = _members(array)
            made = _wrapped(b',"%b":{' % name.encode(), inner, b"}")
            array = pc.if_else(pc.equal(pc.binary_length(inner), 0), None, made)
        arrays.append(array.cast(pa.binary()))
    # not `skip`: with it, rows without any value are left out altogether
    return pc.binary_join_element_wise(*arrays, b"", null_handling="replace", null_replacement=b"")


def _wrapped(start: bytes, members: Any, end: bytes) -> Any:
    """Members without the comma before the first, between brackets."""
    return pc.binary_join_element_wise(start, pc.binary_replace_slice(members, 0, 1, b""), end, b"")


def _start(path: str) -> str:
    return f',"{path.rpartition(".")[2]}":'


def _member(path: str, array: Any) -> Any:
    """A member that is no text of its own kind."""
    kind, start = FACTS[path].kind, _start(path)
    if kind == "number":
        return pc.binary_join_element_wise(start, array.cast(pa.string()), "")
    if kind == "boolean":
        return pc.if_else(array, f"{start}true", f"{start}false")
    if kind in _LISTS:
        return _lists(path, array)
    return _each(array, lambda value: None if not value.strip() else start + _json(value))


def _each(array: Any, made: Callable[[str], str | None]) -> Any:
    """Something made of each text, once for each distinct one."""
    encoded = array.dictionary_encode()
    return pa.array(list(map(made, encoded.dictionary.to_pylist())), pa.string()).take(encoded.indices)


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _lists(path: str, array: Any) -> Any:
    """Lists, which are sets: sorted, each entry once."""
    start = _start(path)

    def made(joined: str) -> str:
        return start + _json(sorted(set(joined.split(_SEPARATOR))) if joined else [])

    return _each(pc.binary_join(array, _SEPARATOR), made)


def _texts(path: str, array: Any) -> Any:
    """Texts that seldom repeat: escaped as JSON where they need it."""
    needs = pc.match_substring_regex(array, _TO_ESCAPE)
    if pc.any(needs).as_py():
        hits = pc.fill_null(needs, False)  # noqa: FBT003 - arrow's own order of arguments
        escaped = [_json(value)[1:-1] for value in array.filter(hits).to_pylist()]
        array = pc.replace_with_mask(array, hits, pa.array(escaped, pa.string()))
    return pc.binary_join_element_wise(f'{_start(path)}"', array, '"', "")


def _is_blank(array: Any) -> Any:
    """Whether texts show nothing, as few do; only those without a plain letter or sign are looked at."""
    doubtful = pc.invert(pc.match_substring_regex(array, _TO_SEE))
    if not pc.any(doubtful).as_py():
        return doubtful
    return pa.array([text is not None and not text.strip() for text in array.to_pylist()])


def _model_names(array: Any, vocabulary: Vocabulary) -> Iterator[Any]:
    """The names of models: those in the catalogue, and those that are private."""
    start = _start(MODEL_NAME)
    for is_known in (True, False):

        def made(name: str, *, is_known: bool = is_known) -> str | None:
            is_wanted = name.strip() and (vocabulary.model(name) is not None) is is_known
            return start + _json(name) if is_wanted else None

        yield _each(array, made)


def _affiliates(array: Any) -> Any:
    """Lists of affiliates, in the order in which they are given."""
    items = pc.list_flatten(array)
    parts = {field.name: part for field, part in zip(items.type, items.flatten(), strict=True)}
    given = {
        name: _member(f"{MEMBER}{name}", part) for name, part in parts.items() if part.null_count < len(part)
    }
    members = _members(given) if given else pa.array([b""] * len(items), pa.binary())
    lengths = pc.fill_null(pc.list_value_length(array), 0).cast(pa.int32())
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths)])
    lists = pa.ListArray.from_arrays(offsets, _wrapped(b"{", members, b"}"), mask=array.is_null())
    joined = pc.binary_join(lists, b",")
    return pc.binary_join_element_wise(_start(AFFILIATES).encode() + b"[", joined, b"]", b"")
