"""Worked examples of batches."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from api.batches import told
from eligibility.backlog.ids import row_id
from eligibility.decider import Decision
from eligibility.recording import moment_of
from eligibility.storage.batches import Batch, Progress

_BATCH: Final = UUID("01982c3e-5a00-7000-8000-000000000006")
_PRINCIPAL: Final = "01982c3e-5a00-7000-8000-000000000003"
_SECONDS: Final = 60


def batch_examples(made: Decision) -> dict[str, Any]:
    """A batch that is done, and what its lines say; one of them is a decision that was made."""
    batch = Batch(
        id=_BATCH,
        actor=_PRINCIPAL,
        ruleset=made.evaluation.ruleset,
        format="jsonl",
        state="done",
        rows=1_000_000,
        problem=None,
        ended_at=moment_of(_BATCH) + timedelta(seconds=_SECONDS),
        progress=Progress(245, 1_000_000, 7, 812_345, 61_648, 126_000),
    )
    document = made.document()
    told_batch = told(batch, made.decider.ruleset.version, "example-portal")
    return {
        "batch": told_batch,
        "batches": {"batches": [told_batch], "next": None},
        "batch_result": {
            "line": 1,
            "request_id": "row-1",
            "id": str(row_id(_BATCH, 0)),
            "outcome": made.outcome,
            "findings": [finding["finding"] for finding in document["findings"]],
            "obligations": [due["obligation"] for due in document["obligations"]],
            "missing_facts": [missing["fact"] for missing in document["missing_facts"]],
            "contact_reasons": [] if document["contact"] is None else document["contact"]["reasons"],
        },
        "batch_refused": {
            "line": 2,
            "request_id": "row-2",
            "error": {
                "detail": "/entity/kind: `entity.kind` is missing: add it",
                "errors": [{"pointer": "/entity/kind", "detail": "`entity.kind` is missing: add it"}],
            },
        },
    }
