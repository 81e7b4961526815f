"""Columns of Parquet files: whether their names are those of facts, and what they hold fits these."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import pyarrow as pa

from eligibility.backlog.columns import COLUMNS, REQUEST_ID, faults_in, place
from eligibility.backlog.form import AFFILIATE, TYPES
from eligibility.domains import AFFILIATES, FACTS
from eligibility.errors import Fault
from eligibility.parsing import near

_HELD: Final[Mapping[str, str]] = {
    "boolean": "true and false",
    "number": "whole numbers",
    "codes": "lists of texts",
    "regions": "lists of texts",
    "languages": "lists of texts",
}
"""What columns of other facts than texts hold."""


def faults_of(schema: Any) -> list[Fault]:
    """What is wrong with the columns: their names, or the types of what they hold."""
    found = [leaf for field in schema for leaf in _types(field.name, field.type)]
    faults = faults_in(path for path, _ in found)
    for path, form in found:
        if path == AFFILIATES:
            faults += _faults_of_affiliates(form)
        elif path in COLUMNS:
            kind = "text" if path == REQUEST_ID else FACTS[path].kind
            if not _fits(kind, form):
                detail = f"must hold {_HELD.get(kind, 'texts')}, not `{form}`"
                faults.append(Fault(place(path), f"this column {detail}"))
    return faults


def _types(path: str, form: Any) -> Iterator[tuple[str, Any]]:
    """The types of all columns by path. An object of which nothing is known has no columns."""
    if pa.types.is_null(form) and any(name.startswith(f"{path}.") for name in COLUMNS):
        return
    if not pa.types.is_struct(form):
        yield path, form
        return
    for field in form:
        yield from _types(f"{path}.{field.name}", field.type)


def _faults_of_affiliates(form: Any) -> list[Fault]:
    if pa.types.is_null(form):
        return []
    if not _is_list(form) or not pa.types.is_struct(form.value_type):
        return [Fault(place(AFFILIATES), f"this column must hold lists of objects, not `{form}`")]
    faults = []
    for field in form.value_type:
        path = f"{AFFILIATES}[].{field.name}"
        if path not in FACTS:
            names = [known.name for known in AFFILIATE]
            remedy = near(field.name, names) or f"the members are {', '.join(names)}"
            faults.append(Fault(place(AFFILIATES), f"unknown member `{field.name}` of affiliates: {remedy}"))
        elif not _fits(FACTS[path].kind, field.type):
            detail = f"must hold {_HELD.get(FACTS[path].kind, 'texts')}, not `{field.type}`"
            faults.append(Fault(place(AFFILIATES), f"the member `{field.name}` of affiliates {detail}"))
    return faults


def _fits(kind: str, form: Any) -> bool:
    """Whether values of a type can be those of a kind of facts, each or some of them."""
    if pa.types.is_null(form):
        return True
    if kind == "boolean":
        return bool(pa.types.is_boolean(form))
    if kind == "number":
        return any(
            is_such(form) for is_such in (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
        )
    if pa.types.is_list(TYPES[kind]):
        return _is_list(form) and _is_text(form.value_type)
    return _is_text(form)


def _is_list(form: Any) -> bool:
    return any(
        is_such(form)
        for is_such in (
            pa.types.is_list,
            pa.types.is_large_list,
            pa.types.is_fixed_size_list,
            pa.types.is_list_view,
            pa.types.is_large_list_view,
        )
    )


def _is_text(form: Any) -> bool:
    if pa.types.is_dictionary(form):
        return _is_text(form.value_type)
    return any(
        is_such(form)
        for is_such in (
            pa.types.is_null,
            pa.types.is_string,
            pa.types.is_large_string,
            pa.types.is_string_view,
        )
    )
