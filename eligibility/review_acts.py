"""What people do with cases and precedents: refused in plain words first, and by the database in any case."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID

import uuid_utils.compat

from eligibility.errors import ActRefused, Fault, NotFound, Overtaken, UnacceptableRequest
from eligibility.precedents import LONGEST, pattern_of
from eligibility.recording import moment_of
from eligibility.review import ANY_NUMBER, Case, Step, refusal
from eligibility.storage import precedents
from eligibility.storage.reviews import Word, find_case, step_entry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eligibility.ruleset_acts import Record
    from eligibility.ruleset_life import Actor
    from eligibility.storage.attachments import Attachment
    from eligibility.storage.database import Database
    from eligibility.storage.decisions import StoredDecision

_TRIES: Final = 5


async def take_step(
    record: Record,
    decision: UUID,
    word: Word,
    actor: Actor,
    *,
    number: int | None = None,
    attached: Attachment | None = None,
) -> UUID:
    """Take a step with the case of a decision; its record.

    The case must be at that `number`; for a few kinds of steps it need not be named.

    Raises ActRefused saying why not, Overtaken where the case has changed, NotFound, StorageUnavailable.
    """
    if actor.kind != "person" and word.kind != "dispute":
        raise ActRefused("only a person can review a decision: use a key that was made with `--person`")
    for attempt in range(_TRIES):
        case = await _case(record.database, decision)
        any_will_do = number is None and word.kind in ANY_NUMBER
        if not any_will_do and number != case.number:
            raise _changed(case)
        identifier = uuid_utils.compat.uuid7()
        step = Step(word.kind, UUID(actor.principal), moment_of(identifier), word.outcome)
        refused = refusal(case, step)
        if refused is not None:
            raise ActRefused(refused)
        entry = step_entry(decision, case.number, word, actor, identifier)
        append = record.log.append
        if attached is not None:
            entry = entry._replace(also=(*entry.also, attached.stored(identifier, decision)))
            append = record.log.append_aside  # megabytes: nobody else's record is to wait for them
        try:
            await append(entry)
        except Overtaken:
            if not any_will_do or attempt == _TRIES - 1:
                raise _changed(await _case(record.database, decision)) from None
        else:
            return identifier
    raise AssertionError("the last try returns or raises")


async def _case(database: Database, decision: UUID) -> Case:
    case = await find_case(database, decision)
    if case is None:
        raise NotFound(f"there is no decision `{decision}`")
    return case


def _changed(case: Case) -> Overtaken:
    return Overtaken(
        f"the case has changed meanwhile: it is `{case.state}`, and `number` is {case.number}: look again"
    )


async def overridden(database: Database, decision: UUID) -> Case:
    """The case of a decision that has another outcome in force, so that it can become a precedent.

    Raises ActRefused where it has not, NotFound, StorageUnavailable.
    """
    case = await _case(database, decision)
    if case.outcome_in_force == case.outcome:
        raise ActRefused("only an override that is in force can become a precedent")
    return case


async def make_precedent(
    record: Record, stored: StoredDecision, facts: Sequence[str], actor: Actor, *, expires: datetime, why: str
) -> UUID:
    """Make a precedent of an override in force, for decisions alike in these facts; its id.

    Raises ActRefused, UnacceptableRequest, StorageUnavailable.
    """
    if actor.kind != "person":
        raise ActRefused("only a person can make a precedent: use a key that was made with `--person`")
    case = await overridden(record.database, stored.id)
    faults = [
        Fault(f"/facts/{place}", f"the decision has no cell of `{fact[:80]}`: use the names of its facts")
        for place, fact in enumerate(facts)
        if fact not in stored.cells
    ]
    if not expires_in_time(expires):
        faults.append(Fault("/expires", "a precedent expires in the future, within two years"))
    if faults:
        raise UnacceptableRequest(faults)
    pattern = pattern_of(stored.cells, facts)
    return await precedents.make(
        record.log, stored, pattern, case.outcome_in_force, expires=expires, why=why, actor=actor
    )


def expires_in_time(expires: datetime) -> bool:
    """Whether a precedent made now can expire then."""
    now = datetime.now(UTC)
    return now < expires <= now + LONGEST


async def end_precedent(record: Record, precedent: UUID, actor: Actor) -> None:
    """End a precedent. Raises ActRefused, NotFound, StorageUnavailable."""
    if actor.kind != "person":
        raise ActRefused("only a person can end a precedent: use a key that was made with `--person`")
    if await precedents.find(record.database, precedent) is None:
        raise NotFound(f"there is no precedent `{precedent}`")
    try:
        await precedents.end(record.log, precedent, actor)
    except Overtaken:
        raise ActRefused("the precedent has ended already") from None
