import asyncio

import orjson
import pytest
from sqlalchemy import text

from eligibility.errors import NotFound
from eligibility.storage.database import Database
from eligibility.storage.log import AuditLog
from eligibility.storage.rulesets import genesis, in_force, load, save
from tests.storage.conftest import SECRET, SIGNER
from tests.storage.making import OTHER_RULESET, RULESET


async def test_an_empty_log_has_no_ruleset_in_force(service: Database) -> None:
    assert await in_force(service) is None


async def test_genesis_puts_the_folder_in_force_as_a_recorded_act_of_the_system(
    log: AuditLog, service: Database
) -> None:
    assert await genesis(log, service, RULESET, "2026.1", b'{"rules":[]}') is None
    assert await in_force(service) == RULESET
    stored = await load(service, RULESET)
    assert (stored.version, stored.document, stored.loaded_by) == ("2026.1", b'{"rules":[]}', "system")
    async with service.engine.connect() as connection:
        [(body,)] = await connection.execute(text("SELECT body FROM record WHERE kind = 'ruleset.activated'"))
    envelope = orjson.loads(body)
    assert (envelope["actor"], envelope["ruleset"]) == ("system", RULESET)


async def test_the_same_folder_again_changes_nothing(log: AuditLog, service: Database) -> None:
    await genesis(log, service, RULESET, "2026.1", b"{}")
    first = await log_length(service)
    assert await genesis(log, service, RULESET, "2026.1", b"{}") is None
    assert await log_length(service) == first


async def log_length(service: Database) -> int:
    async with service.engine.connect() as connection:
        return int(await connection.scalar(text("SELECT next_sequence - 1 FROM head")))


async def test_a_folder_that_differs_is_a_draft_with_a_warning(log: AuditLog, service: Database) -> None:
    await genesis(log, service, RULESET, "2026.1", b"{}")
    for _ in range(2):
        warning = await genesis(log, service, OTHER_RULESET, "2026.2", b"[]")
        assert warning is not None
        assert "2026.2" in warning
        assert RULESET in warning
    assert await in_force(service) == RULESET
    assert (await load(service, OTHER_RULESET)).document == b"[]"


async def test_of_two_processes_one_makes_the_beginning(log: AuditLog, service: Database) -> None:
    async with AuditLog(service, SECRET, SIGNER) as another:
        warnings = await asyncio.gather(
            genesis(log, service, RULESET, "2026.1", b"{}"),
            genesis(another, service, RULESET, "2026.1", b"{}"),
        )
    assert set(warnings) == {None}
    async with service.engine.connect() as connection:
        count = await connection.scalar(text("SELECT count(*) FROM record WHERE kind = 'ruleset.activated'"))
    assert count == 1


async def test_a_draft_is_kept_once(log: AuditLog, service: Database) -> None:
    arguments = (RULESET, "2026.1", b"{}")
    assert await save(log, *arguments, actor="system", channel="cli")
    assert not await save(log, *arguments, actor="system", channel="cli")
    assert await in_force(service) is None


async def test_a_ruleset_that_is_not_there_is_not_found(service: Database) -> None:
    with pytest.raises(NotFound, match=RULESET):
        await load(service, RULESET)
