"""A recorded decision decided again, under the ruleset it was recorded under or another."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from eligibility.again import Given, Recorded, Replayed
from eligibility.canonical import canonical
from eligibility.elsewhere import deciding_elsewhere
from eligibility.errors import ActRefused, RulesetInvalid
from eligibility.storage import rulesets
from eligibility.storage.database import Database
from eligibility.storage.decisions import StoredDecision
from eligibility.storage.rulesets import StoredRuleset


@dataclass(frozen=True)
class Replay:
    """What came of it, and the two rulesets."""

    before: StoredRuleset
    after: StoredRuleset
    found: Replayed

    @property
    def is_same(self) -> bool:
        """Whether nothing differs but, at most, on what grounds rules fired."""
        return self.found.content is not None and not self.found.again

    @property
    def outcome(self) -> str | None:
        """The outcome now, None where the decision could not be made again."""
        return None if self.found.content is None else str(orjson.loads(self.found.content)["outcome"])


async def replay(database: Database, stored: StoredDecision, digest: str | None = None) -> Replay:
    """Decide a recorded decision again, in a process of its own.

    Raises:
        NotFound: there is no such ruleset.
        ActRefused: it has other semantics than this release.
        EvaluatorsDisagree, EngineFailure, StorageUnavailable: there is no answer.
    """
    before = after = await rulesets.load(database, stored.ruleset)
    if digest is not None and digest != stored.ruleset:
        after = await rulesets.load(database, digest)
    recorded = Recorded(stored.ruleset, canonical(dict(stored.cells)), canonical(dict(stored.evaluation)))
    given = Given(stored.body, canonical(dict(stored.private)) if stored.private else None)
    try:
        async with deciding_elsewhere(after.document) as elsewhere:
            await elsewhere.know(before.digest, before.document)
            found = await elsewhere.again(recorded, given)
    except RulesetInvalid as invalid:
        raise ActRefused(str(invalid)) from invalid
    return Replay(before, after, found)
