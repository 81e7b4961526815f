"""Entries for tests: decisions as the service would record them."""

from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import uuid_utils.compat

from eligibility.canonical import canonical
from eligibility.storage.entries import Entry, Idempotency, StoredEvaluation
from eligibility.storage.records import hash_bytes

SECRET = b"the secret of a service that lives for one test"
RULESET = "sha256:" + "11" * 32
OTHER_RULESET = "sha256:" + "22" * 32
PRINCIPAL = "01982c3e-0000-7000-8000-000000000001"


def evaluation(
    n: int = 0, *, outcome: str = "permitted", findings: tuple[str, ...] = (), ruleset: str = RULESET
) -> StoredEvaluation:
    cells = canonical({"cell": n, "outcome": outcome, "findings": list(findings)})
    content = canonical({"n": n, "outcome": outcome})
    return StoredEvaluation(
        key=sha256(hash_bytes(ruleset) + cells).digest(),
        ruleset=ruleset,
        cells=cells,
        content=content,
        content_hash=sha256(content).digest(),
        outcome=outcome,
        findings=findings,
    )


def decision(**changes: Any) -> Entry:
    fields: dict[str, Any] = {
        "kind": "decision",
        "id": uuid_utils.compat.uuid7(),
        "at": datetime.now(UTC),
        "actor": PRINCIPAL,
        "channel": "http",
        "ruleset": RULESET,
        "evaluation": evaluation(),
        "outcome": "permitted",
        "generation": "llama-4",
        "facts": {"model": {"generation": "llama-4"}, "entity": {"kind": "company"}},
        "private": {"entity": {"name": "Example Robotics Inc.", "reference": "crm-4711"}},
    }
    return Entry(**(fields | changes))


def keyed(key: str, body: bytes = b"{}", **changes: Any) -> Entry:
    return decision(idempotency=Idempotency(PRINCIPAL, key, body), **changes)


def remark(**changes: Any) -> Entry:
    """A record of no special kind, which needs no ruleset in force."""
    fields: dict[str, Any] = {
        "kind": "remark",
        "id": uuid_utils.compat.uuid7(),
        "at": datetime.now(UTC),
        "actor": "system",
        "channel": "cli",
    }
    return Entry(**(fields | changes))


def made_in(month: date) -> dict[str, Any]:
    """The id and time of a record made in the middle of a month, given by its first day."""
    at = datetime(month.year, month.month, 15, tzinfo=UTC)
    now = uuid_utils.compat.uuid7()
    past = int(at.timestamp() * 1000) << 80 | now.int % (1 << 80)
    return {"id": UUID(int=past), "at": at}
