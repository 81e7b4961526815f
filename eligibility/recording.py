"""From a decision to the entry that records it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from uuid import UUID

import uuid_utils.compat

from eligibility.canonical import canonical_of_request
from eligibility.decider import REMEMBERED, Decision
from eligibility.evaluation import Evaluation
from eligibility.storage.entries import DECISION, Entry, Idempotency, StoredEvaluation
from eligibility.storage.records import split_private

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def decision_entry(made: Decision, *, actor: str, channel: str, idempotency_key: str | None = None) -> Entry:
    """The record of a decision. `actor` is a principal's id, or `system`."""
    evaluation, document = made.evaluation, made.request.document
    vocabulary = made.decider.ruleset.vocabulary
    facts, private = split_private(document, lambda name: vocabulary.model(name) is not None)
    idempotency = None
    if idempotency_key is not None:
        idempotency = Idempotency(actor, idempotency_key, canonical_of_request(document))
        private["idempotency_key"] = idempotency_key
    identifier, as_stored = uuid_utils.compat.uuid7(), _stored(evaluation)
    return Entry(
        kind=DECISION,
        id=identifier,
        at=moment_of(identifier),
        actor=actor,
        channel=channel,
        ruleset=as_stored.ruleset,
        evaluation=as_stored,
        outcome=as_stored.outcome,
        generation=evaluation.generation,
        facts=facts,
        private=private,
        idempotency=idempotency,
        in_form=True,
    )


def stored(evaluation: Evaluation) -> StoredEvaluation:
    """An evaluation as it is stored."""
    return StoredEvaluation(
        key=evaluation.key,
        ruleset=evaluation.ruleset,
        cells=evaluation.cells_bytes,
        content=evaluation.content_bytes,
        content_hash=evaluation.content_hash,
        outcome=evaluation.outcome,
        findings=tuple(name for name, _, _ in evaluation.findings),
    )


_stored = lru_cache(REMEMBERED)(stored)
"""The same, worked out once for all the decisions that point at it."""


def moment_of(identifier: UUID) -> datetime:
    """The millisecond in which a UUIDv7 was made, so that a record's time and id never differ."""
    return _moment(identifier.int >> 80)


@lru_cache(256)  # many decisions are made in one
def _moment(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)
