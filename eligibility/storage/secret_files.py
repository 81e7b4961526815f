"""Secrets that live in files: made once, whole or not at all, readable by their owner only."""

import os
import secrets
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

from eligibility.errors import SettingsInvalid
from eligibility.settings import Settings

_SHORTEST_SECRET = 32


def write_private(path: Path, text: str, *, like: Path | None = None) -> None:
    """Replace the file at `path` in one step, with mode 0600, or with owner and mode of the file `like`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    name = _written_beside(path, text, like)
    Path(name).replace(path)


def read_or_create(path: Path, make: Callable[[], str], *, like: Path | None = None) -> str:
    """Read the secret at `path`; where there is none, make one, in a file as `write_private` writes it.

    Of two processes that start at once, both get the one that was there first. Raises SettingsInvalid.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            name = _written_beside(path, make(), like)
            try:
                os.link(name, path)
            except FileExistsError:
                pass
            finally:
                os.unlink(name)  # noqa: PTH108  # the name, not the path, is at hand
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        message = f"cannot keep a secret in `{path}`: {error.strerror}"
        raise SettingsInvalid(message) from error


def service_secret(settings: Settings) -> bytes:
    """The secret under which API keys and idempotency keys are hashed.

    Machines that share a log share it, else neither knows the other's keys. Raises SettingsInvalid.
    """
    given = settings.service_secret_file
    path = given or settings.data_dir / "service-secret"
    secret = read_or_create(path, secrets.token_urlsafe) if given is None else read(path)
    if len(secret) < _SHORTEST_SECRET:
        message = (
            f"the service secret in `{path}` has {len(secret)} characters: give {_SHORTEST_SECRET} or more"
        )
        raise SettingsInvalid(message)
    return secret.encode()


def known_service_secret(settings: Settings) -> bytes | None:
    """The service's secret, if this machine has it: none is made. Raises SettingsInvalid."""
    if settings.service_secret_file is None and not (settings.data_dir / "service-secret").exists():
        return None
    return service_secret(settings)


def read(path: Path) -> str:
    """The secret in a file that must be there. Raises SettingsInvalid."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        message = f"cannot read the secret in `{path}`: {error.strerror}"
        raise SettingsInvalid(message) from error


def _written_beside(path: Path, text: str, like: Path | None) -> str:
    """Write `text` to a new file in the same folder, safely on disk, and name it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp gives mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            if like is not None:
                wanted = like.stat()
                if (wanted.st_uid, wanted.st_gid) != (os.geteuid(), os.getegid()):
                    os.fchown(file.fileno(), wanted.st_uid, wanted.st_gid)
                os.fchmod(file.fileno(), stat.S_IMODE(wanted.st_mode))
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        os.unlink(name)  # noqa: PTH108  # as above
        raise
    return name
