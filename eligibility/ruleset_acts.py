"""What people and the service do with rulesets, over HTTP and on the command line alike.

Everything is looked up and refused in plain words first; that the database would refuse it too is what makes
it safe when two act at once.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any as Anything

import orjson

from eligibility.canonical import canonical, timestamp
from eligibility.checking import Loaded, checks_elsewhere
from eligibility.errors import (
    ActRefused,
    EngineFailure,
    EvaluatorsDisagree,
    NotFound,
    Overtaken,
    RulesetInvalid,
)
from eligibility.impact import impact
from eligibility.ruleset_life import CHECKS, IMPACT, Actor, Checked, Life, Move, refusal
from eligibility.storage import rulesets
from eligibility.storage.database import Database
from eligibility.storage.log import AuditLog
from eligibility.storage.recorded import Period
from eligibility.storage.ruleset_life import due, life, source
from eligibility.storage.ruleset_moves import SYSTEM, move, record_check, replace_source, sign_off

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Record:
    """Where acts are recorded."""

    database: Database
    log: AuditLog


async def keep_draft(
    record: Record, loaded: Loaded, files: Mapping[str, str], actor: Actor, reason: str | None
) -> bool:
    """Keep a loaded ruleset as a draft; whether anything new was kept.

    A draft that is kept already takes up other files of the same ruleset, such as more cases. Raises
    ActRefused where one that is no draft any more would have to, StorageUnavailable.
    """
    document = canonical(dict(loaded.document))
    if await rulesets.save(
        record.log,
        loaded.digest,
        loaded.version,
        document,
        actor=actor.principal,
        channel=actor.channel,
        files=files,
        reason=reason,
    ):
        return True
    if await source(record.database, loaded.digest) == files:
        return False
    found = await life(record.database, loaded.digest)
    if found.state in {"in_force", "retired"}:
        raise ActRefused("the same ruleset was put in force with other cases or comments, which stay with it")
    if found.state != "draft":
        raise ActRefused(
            f"the same ruleset with other cases or comments is {found.state}: withdraw it first, so that its "
            "files can be replaced"
        )
    await replace_source(record.log, found, files, actor, reason=reason)
    return True


async def take_step(
    record: Record,
    digest: str,
    step: Move,
    actor: Actor,
    *,
    reason: str | None,
    at: datetime | None = None,
) -> None:
    """Move a ruleset. Raises ActRefused saying what to do first, Overtaken, NotFound, StorageUnavailable."""
    found = await life(record.database, digest)
    refused = refusal(found, step, actor)
    if refused is not None:
        raise ActRefused(refused)
    await move(record.log, found, step, actor, reason=reason, due=at)


async def run_checks(record: Record, digest: str, actor: Actor) -> None:
    """Make every check against the ruleset in force, and record what comes of each.

    Raises NotFound where the files were not kept, StorageUnavailable.
    """
    against, in_force = await _in_force(record, digest)
    files = await files_of(record, digest)
    done = set[str]()
    why = "it was not made, since the check before it could not be passed"
    try:
        async for checked in checks_elsewhere(files, in_force):
            done.add(checked.kind)
            await record_check(record.log, digest, checked, against=against, actor=actor)
    except EngineFailure as failed:
        logger.exception("the checks of %s failed", digest)
        why = str(failed)
    for kind in CHECKS:
        if kind not in done:
            undone = Checked(kind, passed=False, report={"summary": why})
            await record_check(record.log, digest, undone, against=against, actor=actor)


async def run_impact(record: Record, digest: str, period: Period, actor: Actor) -> None:
    """Compute the impact on the decisions of a period, and record it. Raises NotFound, StorageUnavailable."""
    against, _ = await _in_force(record, digest)
    stored = await rulesets.load(record.database, digest)
    facts = {
        name: timestamp(at) for name, at in (("from", period.from_), ("to", period.to)) if at is not None
    }
    try:
        found = await impact(record.database, stored.document, period)
    except (RulesetInvalid, EvaluatorsDisagree, EngineFailure) as failed:
        logger.warning("the impact of %s could not be computed: %s", digest, failed)
        checked = Checked(IMPACT, passed=False, report={"summary": str(failed), **facts}, facts=facts)
    else:
        changed, ways = found.decisions - found.unchanged, len(found.groups)
        summary = (
            f"{changed:,} of {found.decisions:,} decisions would change, in {ways} way{'s' * (ways != 1)}"
        )
        report = {"summary": summary, **found.document()}
        checked = Checked(IMPACT, passed=True, report=report, facts=facts)
    await record_check(record.log, digest, checked, against=against, actor=actor)


async def sign(record: Record, digest: str, group: str, actor: Actor, *, reason: str) -> None:
    """Sign off one group of the latest impact.

    Raises ActRefused, NotFound where there is no such group, Overtaken, StorageUnavailable.
    """
    found = await life(record.database, digest)
    impact = found.checks.get(IMPACT)
    known = {each["id"] for each in impact.report.get("groups", ())} if impact else set[str]()
    if impact is None or group not in known:
        raise NotFound(f"the latest impact of this ruleset has no group `{group[:80]}`")
    if actor.kind != "person":
        raise ActRefused("only a person can sign off an impact: use a key that was made with `--person`")
    if impact.against != found.in_force:
        raise ActRefused(
            "the impact is one against a ruleset that is not in force any more: compute it again"
        )
    if group not in found.unsigned:
        raise ActRefused("this group is signed off already")
    await sign_off(record.log, digest, impact, group, actor, reason=reason)


async def activate_due(record: Record) -> None:
    """Put in force what is due, by the database's clock.

    What cannot be put in force is taken off its date, and the reason recorded. Safe in any
    number of processes at once. Raises StorageUnavailable.
    """
    for digest in await due(record.database):
        found = await life(record.database, digest)
        if found.state == "scheduled":
            await _at_its_date(record, found)


async def _at_its_date(record: Record, found: Life) -> None:
    refused = refusal(found, "activated", SYSTEM)
    with contextlib.suppress(Overtaken):  # another process was quicker
        if refused is None:
            try:
                await move(record.log, found, "activated", SYSTEM)
            except ActRefused as error:  # something changed since we looked
                refused = str(error)
        if refused is not None:
            logger.error("%s was not put in force at its date: %s", found.digest, refused)
            await move(record.log, found, "unscheduled", SYSTEM, reason=refused)


async def files_of(record: Record, digest: str) -> Mapping[str, str]:
    """The files that a ruleset was loaded from. Raises NotFound, StorageUnavailable."""
    files = await source(record.database, digest)
    if files is None:
        raise NotFound("the files of this ruleset were not kept: load them again")
    return files


async def _in_force(record: Record, digest: str) -> tuple[str, Mapping[str, Anything]]:
    """The digest and document of the ruleset in force, to hold another against.

    Raises ActRefused, NotFound, StorageUnavailable.
    """
    found = await life(record.database, digest)
    if found.in_force is None:
        raise ActRefused("no ruleset is in force that this one could be held against")
    stored = await rulesets.load(record.database, found.in_force)
    return found.in_force, orjson.loads(stored.document)
