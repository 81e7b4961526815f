"""A log as a service would have written it in a busy while: what verification is tried on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from uuid import UUID

import orjson
import uuid_utils.compat

from eligibility.again import Decides
from eligibility.building import build, rebuilt
from eligibility.canonical import canonical
from eligibility.chain import signed_document
from eligibility.decider import Decider
from eligibility.reading import read_request
from eligibility.recording import decision_entry
from eligibility.ruleset import Ruleset
from eligibility.ruleset_life import Actor
from eligibility.signing import SigningKey
from eligibility.storage.batches import By, Format, Input, cancel, fail, finish
from eligibility.storage.database import Database
from eligibility.storage.entries import Entry
from eligibility.storage.erasure import erase, texts_of_decisions
from eligibility.storage.holds import release, set_hold
from eligibility.storage.key_rotation import key_rotation
from eligibility.storage.keys import Key, Keys
from eligibility.storage.log import AuditLog
from eligibility.storage.reading_log import reading_log
from eligibility.storage.retention import Class, drop, months
from eligibility.storage.rulesets import genesis, in_force, save
from eligibility.storage.signing_keys import Signer
from eligibility.verifying.anchors import read_checkpoints
from eligibility.verifying.verification import Wanted
from tests.conftest import FreshDatabase
from tests.properties.requests import document
from tests.storage.backlogs import ROWS, record, started
from tests.storage.living import Living
from tests.storage.making import SECRET, made_in, remark
from tests.storage.reviewing import all_filled, review_everything

DECISIONS = 72
MONTHS, HELD = (date(2025, 3, 1), date(2025, 4, 1), date(2025, 5, 1)), date(2025, 6, 1)
DROPPED: dict[date, Class] = dict(zip(MONTHS, ("texts", "decisions", "accesses"), strict=True))
_GROUP = 9


@dataclass(frozen=True)
class MadeLog:
    """The log, and what is known of it outside the database: its first key, its end."""

    database: FreshDatabase
    genesis: SigningKey
    active: SigningKey
    checkpoint: bytes


def make_log(database: FreshDatabase, folder: Path, decider: Decider) -> MadeLog:
    """Write a log of some blocks: decisions of several people under two rulesets, keys of all sorts."""
    signer = Signer(folder / "signing-key", may_create=True)
    first = signer.key
    asyncio.run(_write(database, signer, decider))
    with reading_log(database.service_url) as reader:
        end = reader.block(reader.last_block())
        assert end is not None
        checkpoint = orjson.dumps(signed_document(end.header, end.signature))
    return MadeLog(database, first, signer.key, checkpoint)


async def _write(database: FreshDatabase, signer: Signer, decider: Decider) -> None:
    ruleset, random = decider.ruleset, Random(4)
    draft = build({**ruleset.document, "version": "a draft"})
    service = Database.open(database.service_url)
    async with AuditLog(service, SECRET, signer) as log:
        files = {"ruleset.yaml": ruleset.version}
        await genesis(log, service, ruleset.digest, ruleset.version, canonical(dict(ruleset.document)), files)
        keys = Keys(service, SECRET)
        principals = await _let_people_in(keys, log)
        await _put_in_force(log, service, keys, draft)
        deciders, decided = (decider, Decider(draft)), list[tuple[UUID, str]]()
        for begin in range(0, DECISIONS, _GROUP):
            if begin == DECISIONS // 2:
                await log.append(
                    key_rotation(signer.next_key(), signer.key.id, actor=principals[0], channel="cli")
                )
                signer.finish_rotation()
            group = [
                _decision(random, deciders, random.choice(principals), n)
                for n in range(begin, begin + _GROUP)
            ]
            await asyncio.gather(*map(log.append, group))
            decided += [(entry.id, str(entry.outcome)) for entry in group]
            await log.append(remark(subject=group[0].id, actor=principals[1]))
            if begin == DECISIONS // 2:
                numbers = range(DECISIONS, DECISIONS + 3 * len(MONTHS))
                old = [_decision(random, deciders, random.choice(principals), number) for number in numbers]
                await _take_away(log, service, old, group)
                await _backlogs(log, service, signer, deciders[1], principals[0])
                await review_everything(service, log, decided)
        await all_filled(service)
    await service.close()


async def _backlogs(log: AuditLog, service: Database, signer: Signer, decider: Decider, actor: str) -> None:
    """Decide backlogs of each fate, some slices of each."""
    by = By(actor, "http")
    fates: dict[str, Format] = {"done": "jsonl", "cancelled": "csv", "failed": "csv", "running": "parquet"}
    for fate, form in fates.items():
        rows = 2 * ROWS if fate in {"done", "running"} else None
        made = await started(log, decider, Input(form, rows, source="requests of November"), actor=actor)
        await record(log, service, signer, made, range(2))
        if fate == "done":
            await finish(log, service, made.batch, by, rows=2 * ROWS)
        elif fate == "cancelled":
            await cancel(log, service, made.batch, by)
        elif fate == "failed":
            await fail(log, service, made.batch, by, problem="the file ends within a line")


async def _put_in_force(log: AuditLog, service: Database, keys: Keys, draft: Ruleset) -> None:
    """Bring another ruleset into force, with all that this takes, and schedule nothing but in vain."""
    people = [str(await keys.principal(log, name, "person")) for name in ("Grace", "Joan")]
    proposer, approver = (Actor(person, "person", "http") for person in people)
    former = str(await in_force(service))
    living = Living(service, log, former, proposer, approver, approver)
    document = canonical(dict(draft.document))
    files = {"ruleset.yaml": draft.version}
    await save(log, draft.digest, draft.version, document, actor="system", channel="cli", files=files)
    await living.sourced(draft.digest)
    await living.step(draft.digest, "proposed", proposer)
    await living.step(draft.digest, "withdrawn", proposer)
    await living.approved(draft.digest)
    due = datetime.now(UTC) + timedelta(days=1)
    await living.step(draft.digest, "scheduled", approver, due=due)
    await living.step(draft.digest, "unscheduled", approver)
    await living.step(draft.digest, "activated", approver)


async def _take_away(log: AuditLog, service: Database, old: list[Entry], last: list[Entry]) -> None:
    """Erase some texts, drop a month of each class, and keep months from going by holds."""
    for erasing in (last[:3], last[4:5]):
        texts = await texts_of_decisions(service, [entry.id for entry in erasing if entry.private])
        await erase(log, service, texts, reason="asked for", actor="system", channel="cli")
    for number, entry in enumerate(old):
        await log.append(entry._replace(**made_in(MONTHS[number % len(MONTHS)])))
    for month in MONTHS:
        await log.append(remark(kind="access", **made_in(month)))
    for month in (MONTHS[0], HELD):
        hold = await set_hold(log, month, month, "a lawsuit", actor="system", channel="cli")
        if month != HELD:
            await release(log, hold)
    for month, record_class in DROPPED.items():
        found = await months(service, record_class, month.replace(month=month.month + 1))
        await drop(log, next(one for one in found if one.month == month))


def _decision(random: Random, deciders: tuple[Decider, Decider], actor: str, number: int) -> Entry:
    decider = random.choice(deciders)
    request = read_request(orjson.dumps(document(random)), decider.ruleset.vocabulary)
    key = f"key {number}" if number % 2 else None
    entry = decision_entry(decider.decide(request), actor=actor, channel="http", idempotency_key=key)
    return entry._replace(pinned=True)


async def _let_people_in(keys: Keys, log: AuditLog) -> list[str]:
    """Keys with and without label and end, one revoked, and two bootstrap keys of which one was replaced."""
    portal, _ = await keys.create(log, name="portal", kind="system", role="portal")
    expires = datetime.now(UTC) + timedelta(days=90)
    reviewer, _ = await keys.create(
        log, name="Ada", kind="person", role="reviewer", label="hers", expires=expires
    )
    gone, _ = await keys.create(log, name="Ada", kind="person", role="portal", actor=str(reviewer.principal))
    await keys.revoke(log, gone.id, actor=str(reviewer.principal))
    for number in (1, 2):
        await _bootstrap(keys, log, f"a bootstrap key, number {number}")
    return [str(portal.principal), str(reviewer.principal)]


async def _bootstrap(keys: Keys, log: AuditLog, secret: str) -> None:
    principal = await keys.principal(log, "bootstrap", "system")
    key = Key(
        id=uuid_utils.compat.uuid7(),
        principal=principal,
        name="bootstrap",
        kind="system",
        role="admin",
        label="bootstrap",
        bootstrap=True,
        created_at=datetime.now(UTC),
        expires_at=None,
        revoked_at=None,
    )
    await keys.insert(log, key, secret, actor="system", channel="system", replaces_bootstrap=True)


@cache
def _evaluator(document: bytes) -> Callable[[bytes], bytes | None]:
    return cache(Decides(rebuilt(document)).content)


def contents(document: bytes, rows: Iterable[bytes]) -> Iterator[bytes | None]:
    """Evaluates again in this process, and remembers: one log is verified over and over."""
    return map(_evaluator(document), rows)


def everything(made: MadeLog, folder: Path) -> Wanted:
    """All that there is to verify the log against."""
    file = folder / "checkpoints"
    file.write_bytes(made.checkpoint)
    return Wanted(
        checkpoints=tuple(read_checkpoints(file)), pinned=made.genesis.id, contents=contents, secret=SECRET
    )
