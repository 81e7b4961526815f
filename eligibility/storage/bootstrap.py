"""The first key: what lets the first admin in."""

import secrets
from datetime import UTC, datetime
from pathlib import Path

import uuid_utils.compat

from eligibility.errors import Overtaken, SettingsInvalid
from eligibility.settings import Settings
from eligibility.storage.keys import PREFIX, Key, Keys
from eligibility.storage.log import AuditLog
from eligibility.storage.secret_files import read_or_create, write_private

PRINCIPAL = "bootstrap"


def admin_key_file(data_dir: Path) -> Path:
    """Where the bootstrap key is kept, readable by its owner only."""
    return data_dir / "admin-key"


async def ensure_admin_key(keys: Keys, log: AuditLog, settings: Settings) -> str | None:
    """See that the bootstrap key works, and that its file holds it; a warning where it does not.

    It is `ELIGIBILITY_ADMIN_KEY`, which revokes a former one, or else the one in the data directory, made at
    the first start. One that was revoked stays so. Raises SettingsInvalid, StorageUnavailable.
    """
    file = admin_key_file(settings.data_dir)
    others = [key for key in await keys.list() if key.bootstrap and key.revoked_at is None]
    if settings.admin_key is None and others and not file.exists():
        return f"`{file}` is not there, and the log has a bootstrap key already: keep using that one"
    secret = settings.admin_key or read_or_create(file, lambda: PREFIX + secrets.token_urlsafe(32))
    known = await keys.by_secret(secret)
    if known is None and others and settings.admin_key is None:
        return f"the key in `{file}` is not the log's bootstrap key: it does not work here"
    if known is not None and known.revoked_at is not None:
        if settings.admin_key is not None:
            raise SettingsInvalid("`ELIGIBILITY_ADMIN_KEY` was revoked: choose another, or unset it")
        return f"the key in `{file}` was revoked: it does not work any more"
    if known is None:
        await _insert(keys, log, secret, replaces=settings.admin_key is not None)
    if settings.admin_key is not None:
        write_private(file, secret)
    return None


async def _insert(keys: Keys, log: AuditLog, secret: str, *, replaces: bool) -> None:
    key = Key(
        id=uuid_utils.compat.uuid7(),
        principal=await keys.principal(log, PRINCIPAL, "system"),
        name=PRINCIPAL,
        kind="system",
        role="admin",
        label="bootstrap",
        bootstrap=True,
        created_at=datetime.now(UTC),
        expires_at=None,
        revoked_at=None,
    )
    try:
        await keys.insert(log, key, secret, actor="system", channel="system", replaces_bootstrap=replaces)
    except Overtaken:  # another process kept the same key at the same time
        return
