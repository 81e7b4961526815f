import logging
from pathlib import Path

import pytest
from sqlalchemy import text

from eligibility.errors import Overtaken, SettingsInvalid, SigningKeyMissing
from eligibility.storage.database import Database
from eligibility.storage.key_rotation import key_rotation, mend_rotation
from eligibility.storage.log import AuditLog
from eligibility.storage.signing_keys import Signer
from tests.storage.conftest import SECRET, SIGNER
from tests.storage.making import remark


async def keys_of_blocks(database: Database) -> list[str]:
    async with database.engine.connect() as connection:
        return [row[0] for row in await connection.execute(text("SELECT key FROM block ORDER BY number"))]


async def test_the_first_record_of_a_log_is_its_key(log: AuditLog, service: Database) -> None:
    await log.append(remark())
    async with service.engine.connect() as connection:
        query = text(
            "SELECT r.kind, b.key FROM record r JOIN block b ON b.id = r.block "
            "WHERE b.number = 1 AND r.position = 0"
        )
        assert tuple((await connection.execute(query)).one()) == ("key.genesis", SIGNER.key.id)


async def test_a_process_with_another_key_cannot_write(
    log: AuditLog, service: Database, tmp_path: Path
) -> None:
    await log.append(remark())
    stranger = Signer(tmp_path / "key", may_create=True)
    async with AuditLog(service, SECRET, stranger) as other:
        with pytest.raises(SigningKeyMissing, match="put the active one there"):
            await other.ensure_ready()
        with pytest.raises(SigningKeyMissing):
            await other.append(remark())
    assert set(await keys_of_blocks(service)) == {SIGNER.key.id}


async def test_a_rotation_is_signed_by_the_former_key_and_all_go_on_with_the_next(
    service: Database, tmp_path: Path
) -> None:
    signer = Signer(tmp_path / "key", may_create=True)
    former = signer.key.id
    async with AuditLog(service, SECRET, signer) as log, AuditLog(service, SECRET, signer) as another:
        await log.append(remark())
        await another.append(remark())
        new = signer.next_key()
        assert signer.next_key() == new
        await log.append(key_rotation(new, former, actor="system", channel="cli"))
        before = await keys_of_blocks(service)
        await another.append(remark())  # finds the next key beside its own
        signer.finish_rotation()
        await log.append(remark())
        with pytest.raises(Overtaken):
            await log.append(key_rotation(new, former, actor="system", channel="cli"))
    assert set(before) == {former}
    assert (await keys_of_blocks(service))[len(before) :] == [new.id, new.id]
    assert not signer.next_path.exists()
    assert Signer(signer.path, may_create=False).key == new


async def test_a_key_that_signed_before_does_not_come_back(service: Database, tmp_path: Path) -> None:
    signer = Signer(tmp_path / "key", may_create=True)
    first = signer.key
    async with AuditLog(service, SECRET, signer) as log:
        await log.append(key_rotation(signer.next_key(), first.id, actor="system", channel="cli"))
        signer.finish_rotation()
        second = Signer(signer.path, may_create=False).key
        with pytest.raises(Overtaken):
            await log.append(key_rotation(first, second.id, actor="system", channel="cli"))


def test_a_key_file_that_was_named_is_never_made_up(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="cannot read"):
        Signer(tmp_path / "none", may_create=False)
    assert not (tmp_path / "none").exists()


def test_a_generated_key_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    Signer(tmp_path / "key", may_create=True)
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


async def rotated(service: Database, signer: Signer) -> None:
    """A rotation that the log has taken, and that this machine has not finished."""
    async with AuditLog(service, SECRET, signer) as log:
        await log.append(remark())
        await log.append(key_rotation(signer.next_key(), signer.key.id, actor="system", channel="cli"))


async def test_a_rotation_that_was_interrupted_is_finished_at_the_next_start(
    service: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    signer = Signer(tmp_path / "key", may_create=True)
    new = signer.next_key()
    await rotated(service, signer)
    again = Signer(signer.path, may_create=False)
    with caplog.at_level(logging.WARNING):
        await mend_rotation(service, again)
    assert f"the signing key was rotated to {new.id}" in caplog.text
    assert Signer(signer.path, may_create=False).key == again.key == new
    assert not signer.next_path.exists()


async def test_a_rotation_that_was_interrupted_at_its_very_end_is_finished(
    service: Database, tmp_path: Path
) -> None:
    signer = Signer(tmp_path / "key", may_create=True)
    await rotated(service, signer)
    signer.path.write_bytes(signer.next_path.read_bytes())
    await mend_rotation(service, signer)
    assert not signer.next_path.exists()


async def test_a_key_that_is_only_prepared_stays_where_it_is(log: AuditLog, service: Database) -> None:
    await log.append(remark())
    following = SIGNER.next_key()
    try:
        await mend_rotation(service, SIGNER)
        assert SIGNER.next_key() == following
        assert Signer(SIGNER.path, may_create=False).key == SIGNER.key
    finally:
        SIGNER.next_path.unlink()


async def test_where_key_files_cannot_be_changed_the_next_key_signs_from_where_it_lies(
    service: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    signer = Signer(tmp_path / "key", may_create=True)
    await rotated(service, signer)
    signer.path.unlink()  # so that it has no owner and mode that the next one could get
    with caplog.at_level(logging.WARNING):
        await mend_rotation(service, signer)
    assert "keep it, and put it there by hand" in caplog.text
    async with AuditLog(service, SECRET, signer) as log:
        await log.append(remark())
    assert (await keys_of_blocks(service))[-1] == signer.next_key().id


@pytest.mark.parametrize("mode", [0o400, 0o440, 0o600])
def test_whoever_could_read_the_key_can_read_the_next_one(tmp_path: Path, mode: int) -> None:
    signer = Signer(tmp_path / "key", may_create=True)
    signer.path.chmod(mode)
    signer.next_key()
    assert signer.next_path.stat().st_mode & 0o777 == mode
    signer.finish_rotation()
    assert signer.path.stat().st_mode & 0o777 == mode
