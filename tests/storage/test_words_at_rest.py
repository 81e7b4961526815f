"""Words are read for searches while little is recorded; what is being recorded comes first."""

import asyncio

import pytest

from api import search_filling
from eligibility.storage.database import Database
from eligibility.storage.log import AuditLog
from eligibility.storage.rulesets import genesis
from tests.storage.making import RULESET, decision
from tests.storage.test_log import rows

READ = "SELECT count(*) FROM search_part WHERE words IS NOT NULL"


async def test_words_are_read_once_less_is_recorded(
    log: AuditLog, service: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_filling, "LOOK_SECONDS", 0.2)
    monkeypatch.setattr(search_filling, "BUSY_SECONDS", 0.2)
    await genesis(log, service, RULESET, "2026.1", b"{}")
    async with search_filling.reading(service, log):
        async with asyncio.timeout(60):
            for _ in range(20):  # each of them more than a hundredth of a second may bring
                await asyncio.gather(*(log.append(decision()) for _ in range(120)))
                await asyncio.sleep(0.05)
        assert await rows(service, READ) == [(0,)]
        async with asyncio.timeout(60):
            while await rows(service, READ) == [(0,)]:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.05)
