"""Tables of requests for tests, made from JSON values; and what deciding one by one gives for the same."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from eligibility.backlog.deciding import BacklogDecider
from eligibility.backlog.form import BODY, REQUESTS
from eligibility.decider import Decider
from eligibility.errors import RequestRefused
from eligibility.reading import request_from

Row = dict[str, Any]


def table(requests: Sequence[Mapping[str, Any]]) -> Any:
    """Requests that fit the columns, as a table."""
    columns = [pa.array([one.get(name) for one in requests], BODY.field(name).type) for name in BODY.names]
    lines = pa.array(range(1, len(requests) + 1), pa.int64())
    nothing = pa.nulls(len(requests), pa.binary())
    return pa.Table.from_arrays([lines, *columns, nothing, pa.array([True] * len(requests))], schema=REQUESTS)


def texts(lines: Sequence[bytes]) -> Any:
    """Lines that are not read yet, as a table."""
    count = len(lines)
    columns = [pa.nulls(count, BODY.field(name).type) for name in BODY.names]
    numbers = pa.array(range(1, count + 1), pa.int64())
    given = pa.array(lines, pa.binary())
    return pa.Table.from_arrays([numbers, *columns, given, pa.array([False] * count)], schema=REQUESTS)


def together(backlog: BacklogDecider, requests: Any) -> list[Row]:
    """The rows of the table of decisions, without their lines."""
    rows: list[Row] = backlog.decide(requests).table().drop_columns(["line"]).to_pylist()
    return rows


def one_by_one(decider: Decider, request: Any) -> Row:
    """The row that a request must get, from what deciding it by itself says."""
    name = request.get("request_id") if isinstance(request, dict) else None
    row: Row = dict.fromkeys(
        ("id", "outcome", "findings", "obligations", "missing_facts", "contact_reasons", "error")
    )
    row = {"request_id": name if isinstance(name, str) and name.strip() else None, **row}
    vocabulary = decider.ruleset.vocabulary
    try:
        read = request_from(request, vocabulary, member_allowed_request_id=True)
    except RequestRefused as refused:
        errors = [{"pointer": fault.pointer, "detail": fault.detail} for fault in refused.problems]
        return {**row, "error": {"detail": refused.sentence, "errors": errors}}
    made = decider.decide(read).document()
    return {
        **row,
        "outcome": made["outcome"],
        "findings": [one["finding"] for one in made["findings"]],
        "obligations": [one["obligation"] for one in made["obligations"]],
        "missing_facts": [one["fact"] for one in made["missing_facts"]],
        "contact_reasons": made["contact"]["reasons"] if made["contact"] else [],
    }


def golden(path: Path, *, refused: bool = False) -> list[Row]:
    """The requests of the golden cases that are decided; with `refused`, those too that are not."""
    cases = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    return [case["request"] for case in cases if refused or "outcome" in case["expect"]]
