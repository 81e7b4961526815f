"""Rulesets brought into any state, by records as the service makes them but without asking first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count
from typing import Any
from uuid import UUID

import uuid_utils.compat

from eligibility.canonical import canonical, timestamp
from eligibility.ruleset import SEMANTICS
from eligibility.ruleset_life import CHECKS, IMPACT, Actor, Checked
from eligibility.storage.database import Database
from eligibility.storage.entries import Entry
from eligibility.storage.keys import Keys
from eligibility.storage.log import AuditLog
from eligibility.storage.records import hash_text
from eligibility.storage.ruleset_life import life
from eligibility.storage.ruleset_moves import move_statement, record_check, replace_source, sign_off
from eligibility.storage.rulesets import genesis, in_force, save
from tests.storage.making import SECRET

GROUPS = ("group-1", "group-2")
_numbers = count(1)


@dataclass(frozen=True)
class Living:
    """A log with a ruleset in force, and people who act on others."""

    database: Database
    log: AuditLog
    first: str
    proposer: Actor
    approver: Actor
    robot: Actor

    async def draft(self, *, loaded_by: Actor | None = None) -> str:
        """A new ruleset, loaded as a draft."""
        digest, document = new_ruleset()
        by = loaded_by or self.proposer
        await save(
            self.log,
            digest,
            f"version {digest[7:13]}",
            document,
            actor=by.principal,
            channel=by.channel,
            files={"ruleset.yaml": digest},
            reason="to have one",
        )
        return digest

    async def step(self, digest: str, step: str, actor: Actor, *, due: datetime | None = None) -> None:
        """Take a step without asking whether it may be taken."""
        record = uuid_utils.compat.uuid7()
        facts: dict[str, Any] = {"version": "as before"}
        if due is not None:
            facts["due"] = timestamp(due)
        former = await in_force(self.database)
        if step == "activated" and former is not None:
            facts["former"] = former
        await self.log.append(
            Entry(
                kind=f"ruleset.{step}",
                id=record,
                at=datetime.now(UTC),
                actor=actor.principal,
                channel="http",
                ruleset=digest,
                facts=facts,
                private={"reason": f"{step} by a test"},
                also=(move_statement(digest, step, actor.principal, record, due),),
            )
        )

    async def checked(
        self, digest: str, kinds: Sequence[str] = (*CHECKS, IMPACT), *, passed: bool = True, against: str = ""
    ) -> None:
        """Record checks, all with one result."""
        for kind in kinds:
            groups = [{"id": group} for group in GROUPS] if kind == IMPACT else None
            report: dict[str, Any] = {"summary": "made up", **({"groups": groups} if groups else {})}
            await record_check(
                self.log,
                digest,
                Checked(kind, passed=passed, report=report),
                against=against or str(await in_force(self.database)),
                actor=self.proposer,
            )

    async def signed(self, digest: str, groups: Sequence[str] = GROUPS, actor: Actor | None = None) -> None:
        """Sign off groups of the latest impact."""
        impact = (await life(self.database, digest)).checks[IMPACT]
        for group in groups:
            await sign_off(self.log, digest, impact, group, actor or self.approver, reason="seen")

    async def sourced(self, digest: str) -> None:
        """Keep other files of it."""
        found = await life(self.database, digest)
        await replace_source(self.log, found, {"cases/more.yaml": ""}, self.proposer, reason=None)

    async def ready(self, digest: str) -> None:
        """Do all that has to be done before it is approved."""
        await self.step(digest, "proposed", self.proposer)
        await self.checked(digest)
        await self.signed(digest)

    async def approved(self, digest: str) -> None:
        """Bring a draft to its approval."""
        await self.ready(digest)
        await self.step(digest, "approved", self.approver)

    async def activated(self, digest: str) -> None:
        """Bring a draft into force."""
        await self.approved(digest)
        await self.step(digest, "activated", self.approver)


def new_ruleset() -> tuple[str, bytes]:
    """A digest of its own, and a document of this release."""
    document = canonical({"semantics": SEMANTICS, "version": str(next(_numbers))})
    return hash_text(sha256(document).digest()), document


async def living(database: Database, log: AuditLog) -> Living:
    """A log with a ruleset in force, two persons and a robot."""
    keys, (first, document) = Keys(database, SECRET), new_ruleset()
    await genesis(log, database, first, "the first", document, {"ruleset.yaml": "first"})
    ada, bea = [
        Actor(str(await keys.principal(log, name, "person")), "person", "http") for name in ("Ada", "Bea")
    ]
    robot = Actor(str(await keys.principal(log, "robot", "system")), "system", "http")
    return Living(database, log, first, ada, bea, robot)


LATER = datetime.now(UTC) + timedelta(days=300)
NOBODY = Actor(str(UUID(int=7)), "person", "http")
