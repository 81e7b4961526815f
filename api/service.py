"""What handlers work with: the ruleset in force, the log, the keys. One event loop owns it all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import orjson
from litestar.connection import ASGIConnection

from api.dashboard.today_figures import Figures
from api.deciding import Deciding
from api.jobs import Jobs
from api.reasons import Reasons
from api.turns import Turns
from eligibility.atoms import Questions
from eligibility.beside import Beside, What
from eligibility.building import build, check_semantics
from eligibility.decider import Decider
from eligibility.errors import RulesetInvalid, StorageUnavailable
from eligibility.recent import Recent
from eligibility.ruleset import Ruleset
from eligibility.ruleset_acts import Record
from eligibility.settings import Settings
from eligibility.storage import rulesets
from eligibility.storage.database import Database
from eligibility.storage.keys import Keys
from eligibility.storage.log import AuditLog
from eligibility.storage.sessions import Sessions

FRESH_SECONDS: Final = 1.5
"""How old what was last seen in force may be when an answer is begun: none leaves two seconds too late."""

MOST_EXPORTS: Final = 4
"""Exports that one process sends at a time: each has a connection to the database, and a thread."""

MOST_UPLOADS: Final = 4
"""Backlogs that one process takes in at a time: each has a file, a connection, and a thread."""


async def recorded_ruleset(database: Database, digest: str) -> Ruleset:
    """The ruleset of that digest, as the database keeps it. Raises NotFound, StorageUnavailable."""
    stored = await rulesets.load(database, digest)
    return build(orjson.loads(stored.document))


class InForce:
    """The ruleset in force, and the decider that works under it."""

    def __init__(self, database: Database, decider: Decider, looked: float) -> None:
        """`looked` is the monotonic time when it was asked what is in force."""
        self.decider = decider
        self._database = database
        self._looked = looked
        self._one_at_a_time = asyncio.Lock()

    @classmethod
    async def at_start(cls, database: Database, shipped: Ruleset) -> InForce:
        """Take up what is in force; `shipped` spares building it again where it is the same.

        Raises StorageUnavailable, RulesetInvalid.
        """
        looked = time.monotonic()
        digest = await _digest_in_force(database)
        found = shipped if digest == shipped.digest else await recorded_ruleset(database, digest)
        return cls(database, _ready(found), looked)

    async def refresh(self) -> None:
        """See what is in force now.

        Raises StorageUnavailable, also where this release cannot decide under it.
        """
        began = time.monotonic()
        async with self._one_at_a_time:
            if self._looked > began:  # somebody else has looked while we waited
                return
            began = time.monotonic()  # what is put in force from now on may not be seen
            digest = await _digest_in_force(self._database)
            if digest != self.decider.ruleset.digest:
                found = await recorded_ruleset(self._database, digest)
                try:
                    self.decider = _ready(found)
                except RulesetInvalid as invalid:
                    raise StorageUnavailable(str(invalid), retry_after=30) from invalid
            self._looked = began

    async def current(self) -> Decider:
        """The decider under what was in force at most FRESH_SECONDS ago. Raises as `refresh` does."""
        if time.monotonic() - self._looked > FRESH_SECONDS:
            await self.refresh()
        return self.decider


async def _digest_in_force(database: Database) -> str:
    digest = await rulesets.in_force(database)
    if digest is None:
        raise StorageUnavailable("no ruleset is in force: start the service again")
    return digest


def _ready(ruleset: Ruleset) -> Decider:
    """A decider that is warm. Raises RulesetInvalid."""
    check_semantics(ruleset.document)
    decider = Decider(ruleset)
    decider.warm_up()
    return decider


@dataclass(frozen=True)
class Service:
    """Everything that handlers need."""

    settings: Settings
    database: Database
    log: AuditLog
    keys: Keys
    sessions: Sessions
    in_force: InForce
    deciding: Deciding
    reasons: Reasons = field(default_factory=Reasons)
    jobs: Jobs = field(default_factory=Jobs)
    figures: Figures = field(default_factory=Figures)
    readings: Jobs = field(default_factory=Jobs)
    beside: Recent[tuple[str, What], Beside] = field(default_factory=lambda: Recent(4))
    verifications: Jobs = field(default_factory=Jobs)
    exports: Turns = field(
        default_factory=partial(Turns, "exports", at_once=MOST_EXPORTS, waiting=0, retry_after=30)
    )
    uploads: Turns = field(
        default_factory=partial(Turns, "uploads", at_once=MOST_UPLOADS, waiting=0, retry_after=10)
    )
    results: Turns = field(
        default_factory=partial(Turns, "results", at_once=MOST_EXPORTS, waiting=0, retry_after=10)
    )
    replays: Turns = field(default_factory=partial(Turns, "replays"))
    rendered: Recent[Hashable, bytes] = field(default_factory=lambda: Recent(64))
    _rulesets: Recent[str, Ruleset] = field(default_factory=lambda: Recent(8))
    _questions: Recent[tuple[str, str], Questions] = field(default_factory=lambda: Recent(32))
    _versions: Recent[str, str] = field(default_factory=lambda: Recent(32))

    @property
    def record(self) -> Record:
        """Where acts on rulesets are recorded."""
        return Record(self.database, self.log)

    async def ruleset(self, digest: str) -> Ruleset:
        """A ruleset that something was recorded under. Raises NotFound, StorageUnavailable."""
        ruleset = self._rulesets.get(digest) or await recorded_ruleset(self.database, digest)
        self._rulesets.put(digest, ruleset)
        return ruleset

    async def version_of(self, digest: str) -> str:
        """The version that the authors of a recorded ruleset gave it. Raises NotFound, StorageUnavailable."""
        found = self._versions.get(digest)
        if found is None:
            found = (await rulesets.load(self.database, digest)).version
            self._versions.put(digest, found)
        return found

    async def questions(self, digest: str, generation: str) -> Questions:
        """The questions of a generation under a ruleset that decisions were recorded under.

        Raises NotFound, StorageUnavailable.
        """
        decider = self.in_force.decider
        if digest == decider.ruleset.digest:
            return decider.questions[generation]
        found = self._questions.get((digest, generation))
        if found is None:
            ruleset = await self.ruleset(digest)
            found = Questions(ruleset, ruleset.program(generation))
            self._questions.put((digest, generation), found)
        return found


def service_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Service:
    """The service that the application was started with."""
    service: Service = connection.app.state.service
    return service
