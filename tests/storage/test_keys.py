import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text

from eligibility.errors import NotFound, RecordRefused, SettingsInvalid, StorageUnavailable
from eligibility.settings import Settings
from eligibility.storage.bootstrap import admin_key_file, ensure_admin_key
from eligibility.storage.database import Database
from eligibility.storage.keys import Keys
from eligibility.storage.log import AuditLog
from tests.storage.conftest import SECRET, SIGNER

GIVEN = "an admin key given by whoever set it up"
ANOTHER = "another admin key, given later on"


@pytest.fixture
def keys(service: Database) -> Keys:
    return Keys(service, SECRET)


async def kinds(service: Database) -> list[str]:
    async with service.engine.connect() as connection:
        query = text(
            "SELECT kind FROM record WHERE kind NOT IN ('key.genesis', 'partition.made') ORDER BY id"
        )
        return [row[0] for row in await connection.execute(query)]


async def test_a_key_is_found_by_its_secret_and_by_no_other(keys: Keys, log: AuditLog) -> None:
    key, secret = await keys.create(log, name="crm", kind="system", role="portal", label="the CRM's")
    assert secret.startswith("elk_")
    assert len(secret) == 47
    assert await keys.find(secret) == key
    assert await keys.find(secret + "x") is None
    assert await keys.find("") is None


async def test_the_key_itself_is_nowhere_in_the_database(
    keys: Keys, log: AuditLog, service: Database
) -> None:
    _, secret = await keys.create(log, name="crm", kind="system", role="portal", label="l")
    async with service.engine.connect() as connection:
        for table in ("api_key", "record", "private", "principal"):
            rows = (await connection.execute(text(f"SELECT t::text FROM {table} t"))).scalars().all()  # noqa: S608 - the names are ours
            assert not any(secret in row or secret.encode().hex() in row for row in rows)


async def test_making_and_revoking_keys_is_recorded(keys: Keys, log: AuditLog, service: Database) -> None:
    key, _ = await keys.create(log, name="crm", kind="system", role="portal")
    await keys.create(log, name="crm", kind="system", role="monitor")
    await keys.revoke(log, key.id)
    assert await kinds(service) == ["principal.created", "key.created", "key.created", "key.revoked"]


async def test_two_keys_of_one_name_belong_to_one_principal(keys: Keys, log: AuditLog) -> None:
    first, _ = await keys.create(log, name="crm", kind="system", role="portal")
    second, _ = await keys.create(log, name="crm", kind="system", role="portal")
    assert first.principal == second.principal
    assert [key.id for key in await keys.list()] == [first.id, second.id]


async def test_two_at_once_make_one_principal(keys: Keys, log: AuditLog) -> None:
    made = await asyncio.gather(
        *(keys.create(log, name="crm", kind="system", role="portal") for _ in range(5))
    )
    assert len({key.principal for key, _ in made}) == 1


async def test_a_person_and_a_system_are_never_one_principal(keys: Keys, log: AuditLog) -> None:
    await keys.create(log, name="crm", kind="system", role="portal")
    with pytest.raises(RecordRefused, match="`crm` is a system"):
        await keys.create(log, name="crm", kind="person", role="reviewer")


async def test_a_revoked_key_works_no_more(keys: Keys, log: AuditLog) -> None:
    key, secret = await keys.create(log, name="crm", kind="system", role="portal")
    assert await keys.find(secret) is not None
    await keys.revoke(log, key.id)
    assert await keys.find(secret) is None
    with pytest.raises(NotFound):
        await keys.revoke(log, key.id)


async def test_a_key_that_is_not_there_cannot_be_revoked(keys: Keys, log: AuditLog) -> None:
    with pytest.raises(NotFound):
        await keys.revoke(log, UUID(int=1))


async def test_a_key_revoked_elsewhere_works_for_two_seconds_at_most(
    keys: Keys, log: AuditLog, service: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, secret = await keys.create(log, name="crm", kind="system", role="portal")
    clock = [100.0]
    monkeypatch.setattr("eligibility.storage.keys.time.monotonic", lambda: clock[0])
    assert await keys.find(secret) is not None
    await Keys(service, SECRET).revoke(log, key.id)
    clock[0] += 1.9
    assert await keys.find(secret) is not None
    clock[0] += 0.2
    assert await keys.find(secret) is None


async def test_a_key_expires_even_out_of_the_cache(keys: Keys, log: AuditLog) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=2)
    _, secret = await keys.create(log, name="crm", kind="system", role="portal", expires=soon)
    assert await keys.find(secret) is not None
    await asyncio.sleep((soon - datetime.now(UTC)).total_seconds() + 0.05)
    assert await keys.find(secret) is None


async def test_another_service_secret_knows_none_of_the_keys(
    keys: Keys, log: AuditLog, service: Database
) -> None:
    _, secret = await keys.create(log, name="crm", kind="system", role="portal")
    assert await Keys(service, b"another secret").find(secret) is None


async def test_without_a_database_nobody_is_let_in_or_turned_away() -> None:
    nowhere = Database.open("postgresql://u:p@127.0.0.1:1/d")
    with pytest.raises(StorageUnavailable):
        await Keys(nowhere, SECRET).find("elk_x")
    await nowhere.close()


def settings(folder: Path, admin_key: str | None = None) -> Settings:
    environ = {"ELIGIBILITY_DATA_DIR": str(folder)}
    return Settings.from_environment(environ | ({"ELIGIBILITY_ADMIN_KEY": admin_key} if admin_key else {}))


async def test_a_bootstrap_key_is_made_once_and_kept_for_its_owner(
    keys: Keys, log: AuditLog, tmp_path: Path
) -> None:
    assert await ensure_admin_key(keys, log, settings(tmp_path)) is None
    file = admin_key_file(tmp_path)
    secret = file.read_text().strip()
    assert file.stat().st_mode & 0o777 == 0o600
    assert await ensure_admin_key(keys, log, settings(tmp_path)) is None
    [key] = await keys.list()
    found = await keys.find(secret)
    assert found == key
    assert (key.role, key.label) == ("admin", "bootstrap")


async def test_a_given_admin_key_works_and_another_revokes_it(
    keys: Keys, log: AuditLog, tmp_path: Path
) -> None:
    await ensure_admin_key(keys, log, settings(tmp_path))
    generated = admin_key_file(tmp_path).read_text().strip()
    for given, former in ((GIVEN, generated), (ANOTHER, GIVEN)):
        await ensure_admin_key(keys, log, settings(tmp_path, given))
        assert await keys.find(given) is not None
        assert await keys.find(former) is None
        assert admin_key_file(tmp_path).read_text().strip() == given
    with pytest.raises(SettingsInvalid, match="was revoked"):
        await ensure_admin_key(keys, log, settings(tmp_path, GIVEN))


async def test_a_revoked_bootstrap_key_stays_revoked(keys: Keys, log: AuditLog, tmp_path: Path) -> None:
    await ensure_admin_key(keys, log, settings(tmp_path))
    [key] = await keys.list()
    await keys.revoke(log, key.id)
    warning = await ensure_admin_key(keys, log, settings(tmp_path))
    assert warning is not None
    assert "revoked" in warning
    assert [k.revoked_at is not None for k in await keys.list()] == [True]


async def test_a_second_machine_makes_no_second_bootstrap_key(
    keys: Keys, log: AuditLog, tmp_path: Path
) -> None:
    await ensure_admin_key(keys, log, settings(tmp_path / "one"))
    warning = await ensure_admin_key(keys, log, settings(tmp_path / "two"))
    assert warning is not None
    assert not admin_key_file(tmp_path / "two").exists()
    assert len(await keys.list()) == 1


async def test_two_processes_that_start_at_once_agree_on_the_key(
    keys: Keys, log: AuditLog, service: Database, tmp_path: Path
) -> None:
    async with AuditLog(service, SECRET, SIGNER) as another:
        await asyncio.gather(
            ensure_admin_key(keys, log, settings(tmp_path)),
            ensure_admin_key(Keys(service, SECRET), another, settings(tmp_path)),
        )
    [key] = await keys.list()
    assert key.works(datetime.now(UTC))
