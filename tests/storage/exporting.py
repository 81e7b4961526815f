"""A log to export, and exports read back."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pyarrow.parquet as pq

from eligibility.canonical import canonical, timestamp
from eligibility.decider import Decider, Decision
from eligibility.export import announce, export
from eligibility.export_formats import Format
from eligibility.reading import read_request
from eligibility.recording import decision_entry
from eligibility.storage.database import Database
from eligibility.storage.entries import Entry
from eligibility.storage.exporting import Wanted
from eligibility.storage.keys import Keys
from eligibility.storage.log import AuditLog
from eligibility.storage.rulesets import genesis
from tests.api.bodies import permitted, prohibited, unclear

NAMES = (
    "Example Robotics Inc.",
    'A "quoted" name, with a comma',
    "two\nlines\r\nand a\ttab",
    "=HYPERLINK(1)",
    "+1;=2",
    "\uff1dwide",
    "🤖 Müller; 東京",
)
BODIES = (
    *(permitted(name=name, reference=f"crm-{n}") for n, name in enumerate(NAMES)),
    prohibited(name="Exemple"),
    unclear(name="Little is known", affiliates=[{"relation": "parent"}, {"relation": "subsidiary"}]),
    unclear(),
)


@dataclass
class Exports:
    """A log with decisions of every sort, and the exports of it."""

    log: AuditLog
    url: str
    made: dict[str, tuple[Decision, dict[str, Any], Entry]]

    async def of(self, form: Format, **wanted: Any) -> bytes:
        return b"".join([piece async for piece in self.pieces(form, **wanted)])

    async def pieces(self, form: Format, **wanted: Any) -> AsyncIterator[bytes]:
        asked = Wanted(**wanted)
        announced = await announce(self.log, asked, form, actor="system", channel="cli")
        for piece in export(self.url, asked, form, announced):
            yield piece.data

    async def lines(self, **wanted: Any) -> list[dict[str, Any]]:
        """The records of an export as JSONL, whose end is checked."""
        found = [json.loads(line) for line in (await self.of("jsonl", **wanted)).splitlines()]
        end = found.pop()
        records = [line for line in found if line.keys() != {"block"}]
        assert end["end"]["records"] == len(records)
        return records


async def exports_of(log: AuditLog, service: Database, decider: Decider, secret: bytes) -> Exports:
    """Record decisions of every sort, the first in a block of its own."""
    ruleset = decider.ruleset
    await genesis(log, service, ruleset.digest, ruleset.version, canonical(dict(ruleset.document)))
    key, _ = await Keys(service, secret).create(log, name="=a portal", kind="system", role="portal")
    made = {}
    for body in BODIES:
        decision = decided(decider, body)
        entry = decision_entry(decision, actor=str(key.principal), channel="http")
        made[str(entry.id)] = (decision, body, entry)
    entries = [entry for _, _, entry in made.values()]
    await log.append(entries[0])
    await asyncio.gather(*map(log.append, entries[1:]))
    return Exports(log, service.url, made)


def decided(decider: Decider, body: dict[str, Any]) -> Decision:
    return decider.decide(read_request(json.dumps(body).encode(), decider.ruleset.vocabulary))


def from_csv(data: bytes) -> list[dict[str, Any]]:
    """The rows of a CSV, typed again. Its texts stay defused."""
    rows: list[dict[str, Any]] = []
    for row in csv.DictReader(io.StringIO(data.decode(), newline=""), strict=True):
        typed: dict[str, Any] = {name: value or None for name, value in row.items()}
        for name in ("findings", "obligations", "missing_facts", "proof"):
            if name in typed:
                typed[name] = row[name].split(";") if row[name] else []
        for name in ("sequence", "block", "index", "facts", "texts_erased", "texts", "block_header"):
            if typed.get(name) is not None:
                typed[name] = json.loads(row[name])
        rows.append(typed)
    return rows


def from_parquet(data: bytes) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(io.BytesIO(data)).to_pylist()
    for row in rows:
        row["at"] = timestamp(row["at"])
        for name in ("facts", "texts", "block_header"):
            if row.get(name) is not None:
                row[name] = json.loads(row[name])
    return rows
