"""What moves rulesets: each step, check and signature is a record, with its row in the same transaction."""

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import uuid_utils.compat

from eligibility.canonical import canonical, timestamp
from eligibility.ruleset_life import Actor, Check, Checked, Life, Move
from eligibility.storage.entries import Entry, Statement
from eligibility.storage.log import AuditLog
from eligibility.storage.records import hash_bytes, hash_text, principal_id

ACTIVATED = "ruleset.activated"
LOADED = "ruleset.loaded"
CHECKED = "ruleset.checked"
SIGNED_OFF = "ruleset.signed_off"
SYSTEM = Actor("system", "system", "system")
"""The service, acting by itself."""


def move_statement(
    digest: str, step: str, actor: str, record: UUID, due: datetime | None = None
) -> Statement:
    """The step itself, which the database takes only where it is allowed; Overtaken where it was taken."""
    return Statement(
        "SELECT 1 WHERE move_ruleset(%s, %s, %s, %s, %s)",
        (hash_bytes(digest), step, principal_id(actor), record, due),
        rows=1,
    )


def source_statement(digest: str, files: Mapping[str, str], record: UUID) -> Statement:
    """Keep the files that a ruleset was loaded from."""
    return Statement(
        "INSERT INTO ruleset_source (record, ruleset, files) VALUES (%s, %s, %s)",
        (record, hash_bytes(digest), canonical(dict(files))),
    )


def source_digest(files: Mapping[str, str]) -> str:
    """What records say of the files: the SHA-256 of their canonical JSON."""
    return hash_text(sha256(canonical(dict(files))).digest())


async def move(
    log: AuditLog,
    life: Life,
    step: Move,
    actor: Actor,
    *,
    reason: str | None = None,
    due: datetime | None = None,
) -> None:
    """Take a step. Raises ActRefused, Overtaken, StorageUnavailable."""
    facts: dict[str, Any] = {"version": life.version}
    if due is not None:
        facts["due"] = timestamp(due)
    if step == "activated" and life.in_force is not None:
        facts["former"] = life.in_force
    record = uuid_utils.compat.uuid7()
    also = (move_statement(life.digest, step, actor.principal, record, due),)
    await log.append(_entry(f"ruleset.{step}", record, actor, life.digest, facts, reason, also))


async def record_check(log: AuditLog, digest: str, checked: Checked, *, against: str, actor: Actor) -> None:
    """Record what came of a check against the ruleset that was in force.

    Raises ValueError for a report that is no canonical JSON, StorageUnavailable.
    """
    record, report = uuid_utils.compat.uuid7(), canonical(dict(checked.report))
    facts = {
        **checked.facts,
        "check": checked.kind,
        "against": against,
        "passed": checked.passed,
        "report": hash_text(sha256(report).digest()),
    }
    insert = Statement(
        "INSERT INTO ruleset_check (record, ruleset, kind, against, passed, report) "
        "VALUES (%s, %s, %s, %s, %s, %s)",
        (record, hash_bytes(digest), checked.kind, hash_bytes(against), checked.passed, report),
    )
    await log.append(_entry(CHECKED, record, actor, digest, facts, None, (insert,)))


async def sign_off(
    log: AuditLog, digest: str, impact: Check, group: str, actor: Actor, *, reason: str
) -> None:
    """Record that a person answers for a group of the impact.

    Raises ActRefused, Overtaken, StorageUnavailable.
    """
    record = uuid_utils.compat.uuid7()
    insert = Statement(
        "INSERT INTO impact_sign_off (record, ruleset, impact, group_id, actor) VALUES (%s, %s, %s, %s, %s) "
        "ON CONFLICT (impact, group_id) DO NOTHING",
        (record, hash_bytes(digest), impact.id, group, principal_id(actor.principal)),
        rows=1,
    )
    facts = {"impact": str(impact.id), "group": group}
    await log.append(_entry(SIGNED_OFF, record, actor, digest, facts, reason, (insert,)))


async def replace_source(
    log: AuditLog, life: Life, files: Mapping[str, str], actor: Actor, *, reason: str | None
) -> None:
    """Keep other files of the same ruleset, such as more cases. Raises StorageUnavailable."""
    record = uuid_utils.compat.uuid7()
    facts = {"version": life.version, "source": source_digest(files)}
    also = (source_statement(life.digest, files, record),)
    await log.append(_entry(LOADED, record, actor, life.digest, facts, reason, also))


def _entry(
    kind: str,
    record: UUID,
    actor: Actor,
    digest: str,
    facts: Mapping[str, Any],
    reason: str | None,
    also: tuple[Statement, ...],
) -> Entry:
    return Entry(
        kind=kind,
        id=record,
        at=datetime.now(UTC),
        actor=actor.principal,
        channel=actor.channel,
        ruleset=digest,
        facts=facts,
        private={"reason": reason} if reason else None,
        also=also,
    )
