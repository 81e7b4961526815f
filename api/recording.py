"""Deciding and recording: no decision is answered before its record is durable."""

from collections.abc import Iterable, Mapping
from typing import Final

import uuid_utils.compat

from api.answers import as_json
from api.auth import own_only
from api.deciding import Answered, By
from api.service import Service
from eligibility.errors import IdempotencyConflict, RulesetReplaced
from eligibility.recall import recalled
from eligibility.recording import moment_of
from eligibility.storage.decisions import StoredDecision, decision
from eligibility.storage.entries import Earlier, Entry
from eligibility.storage.keys import Key
from eligibility.storage.records import actor_of

CHANNEL: Final = "http"
ACCESS: Final = "access"
_TRIES: Final = 3


async def decide_and_record(
    service: Service, body: bytes, key: Key, idempotency_key: str | None, *, channel: str = CHANNEL
) -> Answered:
    """Decide a request under the ruleset in force and record it, or find what was recorded for it earlier.

    Raises RequestRefused, EvaluatorsDisagree, EngineFailure, IdempotencyConflict, StorageUnavailable;
    RulesetReplaced where the ruleset was replaced again and again.
    """
    for attempt in range(_TRIES):
        try:
            answered = await service.deciding.decide(
                body, By(actor_of(key.principal), channel), idempotency_key
            )
        except RulesetReplaced:
            if attempt == _TRIES - 1:
                raise
            await service.in_force.refresh()
            continue
        return await _earlier(service, answered, key) if isinstance(answered, Earlier) else answered
    raise AssertionError("the last try returns or raises")


async def _earlier(service: Service, earlier: Earlier, key: Key) -> Answered:
    """The decision that the same request got the first time."""
    stored = await decision(service.database, earlier.id, mine=str(key.principal))
    if stored is None:
        raise IdempotencyConflict(
            "this idempotency key belongs to something that is no decision: use a new one"
        )
    questions = await service.questions(stored.ruleset, stored.generation)
    document = recalled(questions, stored.evaluation, stored.facts, stored.id, stored.at)
    return Answered(stored.id, as_json(document), is_new=False)


async def record_access(
    service: Service, key: Key, shown: Iterable[StoredDecision], *, channel: str = CHANNEL
) -> None:
    """Record that others' decisions are about to be shown, if there are any among them.

    Raises StorageUnavailable, and then nothing may be shown.
    """
    others = [str(each.id) for each in shown if each.actor != str(key.principal)]
    if not others or own_only(key) is not None:
        return
    await record_look(service, key, {"decisions": others}, channel=channel)


async def record_look(
    service: Service, key: Key, at_what: Mapping[str, object], *, channel: str = CHANNEL
) -> None:
    """Record that something of others is about to be shown. Raises StorageUnavailable: then it may not be."""
    identifier = uuid_utils.compat.uuid7()
    await service.log.append(
        Entry(
            kind=ACCESS,
            id=identifier,
            at=moment_of(identifier),
            actor=str(key.principal),
            channel=channel,
            facts=at_what,
        )
    )
