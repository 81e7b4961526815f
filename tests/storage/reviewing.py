"""Reviews as the service records them, of every kind and in every state, for tests."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import uuid_utils.compat

from eligibility.canonical import canonical
from eligibility.precedents import pattern_of
from eligibility.review import Case, Kind, Policy, is_sampled
from eligibility.ruleset_life import Actor
from eligibility.storage import precedents
from eligibility.storage.attachments import Attachment
from eligibility.storage.database import Database
from eligibility.storage.decisions import decision
from eligibility.storage.entries import Entry
from eligibility.storage.erasure import erase, texts_of_decisions
from eligibility.storage.keys import Keys
from eligibility.storage.log import AuditLog
from eligibility.storage.reading_log import reading_log
from eligibility.storage.review_queue import Wanted, page_of_queue
from eligibility.storage.reviews import Word, fill, find_case, keep_policy, step_entry
from eligibility.verifying import verification
from tests.conftest import FreshDatabase
from tests.storage import making
from tests.storage.making import SECRET

REASON = "a reason"
FILE = Attachment("agreement.pdf", "application/pdf", b"what was agreed")


@dataclass(frozen=True)
class Reviewing:
    """A log, and people who review its decisions without asking first."""

    database: Database
    log: AuditLog
    first: Actor
    second: Actor
    robot: Actor

    async def step(
        self, about: UUID, kind: Kind, actor: Actor | None = None, outcome: str | None = None
    ) -> UUID:
        """Take a step, which must be allowed; its record."""
        case = await find_case(self.database, about)
        assert case is not None
        identifier = uuid_utils.compat.uuid7()
        facts, texts = (FILE.facts, FILE.texts) if kind == "attach" else ({}, {})
        word = Word(kind, REASON, f"{kind} in words", outcome, facts, texts)
        entry = step_entry(about, case.number, word, actor or self.first, identifier)
        if kind == "attach":
            entry = entry._replace(also=(*entry.also, FILE.stored(identifier, about)))
        await self.log.append(entry)
        return identifier

    async def overridden(self, about: UUID, outcome: str) -> None:
        """Bring another outcome in force."""
        await self.step(about, "override", self.first, outcome)
        await self.step(about, "agree", self.second)

    async def precedent(self, about: UUID, *facts: str) -> UUID:
        """Make a precedent of an override in force."""
        stored, case = await decision(self.database, about), await find_case(self.database, about)
        assert stored is not None
        assert case is not None
        return await precedents.make(
            self.log,
            stored,
            pattern_of(stored.cells, facts),
            case.outcome_in_force,
            expires=datetime.now(UTC).replace(microsecond=0) + timedelta(days=300),
            why="others alike",
            actor=self.second,
        )


async def reviewing(database: Database, log: AuditLog) -> Reviewing:
    """Two people and a robot."""
    keys = Keys(database, SECRET)
    first, second = [
        Actor(str(await keys.principal(log, name, "person")), "person", "http") for name in ("Rita", "Sam")
    ]
    robot = Actor(str(await keys.principal(log, "reviewing robot", "system")), "system", "http")
    return Reviewing(database, log, first, second, robot)


async def review_everything(database: Database, log: AuditLog, decided: list[tuple[UUID, str]]) -> None:
    """Reviews of every kind; of decisions that are given with their outcomes, at least 8 of them."""
    made = await reviewing(database, log)
    await keep_policy(log, database, Policy(sample_percent=20, clarification=6, sampled=20))
    others = {"permitted": "prohibited", "prohibited": "permitted", "contact_meta": "permitted"}
    contact = [about for about, outcome in decided if outcome == "contact_meta"]
    await made.step(contact[0], "confirm")
    await made.step(contact[1], "ask")
    await made.step(contact[2], "ask")
    await made.step(contact[2], "answer")
    await made.step(contact[2], "attach")
    about, outcome = next(each for each in decided if each[1] == "prohibited")
    await made.step(about, "dispute", made.robot)
    await made.overridden(about, others[outcome])
    one, two = await made.precedent(about), await made.precedent(about, "entity.kind")
    await precedents.end(log, one, made.first)
    assert two != one
    about, outcome = next(each for each in decided if each[1] == "permitted")
    await made.step(about, "comment")
    await made.step(about, "override", made.first, others[outcome])
    await made.step(about, "decline", made.second)
    await made.step(about, "override", made.second, others[outcome])
    await made.step(about, "withdraw", made.second)
    await made.step(contact[3], "override", made.second, "prohibited")
    await made.step(contact[3], "attach")
    texts = await texts_of_decisions(database, [contact[2]])
    await erase(log, database, texts, reason=None, actor="system", channel="cli")


async def all_filled(database: Database) -> None:
    """See that every decision has its case."""
    while await fill(database):
        pass


def contact(*reasons: str, **changes: Any) -> Entry:
    """A decision that says to get in contact for these reasons."""
    content = canonical({"contact_reasons": sorted(reasons), "outcome": "contact_meta"})
    found = making.evaluation(len(reasons), outcome="contact_meta")
    digest = sha256(content).digest()
    evaluation = replace(found, key=digest, content=content, content_hash=digest)
    return making.decision(**{"evaluation": evaluation, "outcome": "contact_meta", **changes})


async def decided(made: Reviewing, *reasons: str, **changes: Any) -> UUID:
    entry = contact(*(reasons or ("clarification",)), **changes)
    await made.log.append(entry)
    return entry.id


def unsampled() -> UUID:
    """The id of a decision that is not looked at for quality."""
    while is_sampled(identifier := uuid_utils.compat.uuid7(), 1):
        pass
    return identifier


async def case_of(made: Reviewing, about: UUID) -> Case:
    case = await find_case(made.database, about)
    assert case is not None
    return case


async def queued(made: Reviewing, **wanted: Any) -> list[UUID]:
    await fill(made.database)
    page = await page_of_queue(made.database, Wanted(**wanted), cursor=None, limit=50)
    return [case.decision for case in page.cases]


def assert_verified(database: FreshDatabase) -> None:
    with reading_log(database.service_url) as reader:
        report = verification.verify(reader, verification.Wanted())
    made_up = ("evaluation.", "ruleset.", "record.evaluation_key")  # those of `making` are
    assert not [flaw for flaw in report.findings.flaws if not str(flaw.column).startswith(made_up)]


def after_days(case: Case, days: int) -> datetime:
    return case.opened_at + timedelta(days=days)
