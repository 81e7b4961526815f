"""What the environment says: the only module that reads it.

Every variable is optional. A value that is not right is refused before anything starts, naming the variable,
what it holds and what would be right; values that may hold a secret are never repeated.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import platformdirs

from eligibility.errors import SettingsInvalid


class Variable(NamedTuple):
    """An environment variable: its name, its default in words, what it means."""

    name: str
    default: str
    meaning: str


VARIABLES: tuple[Variable, ...] = (
    Variable("ELIGIBILITY_HOST", "127.0.0.1", "the address it listens on"),
    Variable("ELIGIBILITY_PORT", "8000", "the port it listens on, 1 to 65535"),
    Variable(
        "ELIGIBILITY_DATABASE_URL",
        "none",
        "the service's login to a PostgreSQL; without it an embedded one is started in the data directory",
    ),
    Variable("ELIGIBILITY_OWNER_DATABASE_URL", "none", "the owner's login, for migrations"),
    Variable(
        "ELIGIBILITY_DATA_DIR",
        "a per-user data directory",
        "the embedded database and the secrets that the service generates",
    ),
    Variable(
        "ELIGIBILITY_SIGNING_KEY_FILE",
        "generated in the data directory",
        "the Ed25519 key that signs the log, as PEM, the same file on every machine of one log",
    ),
    Variable(
        "ELIGIBILITY_SERVICE_SECRET_FILE",
        "generated in the data directory",
        "the secret under which API keys and idempotency keys are hashed, "
        "the same file on every machine of one log",
    ),
    Variable(
        "ELIGIBILITY_RULES_DIR",
        "the rules shipped with it",
        "the policy put in force on an empty log, a draft afterwards",
    ),
    Variable(
        "ELIGIBILITY_ADMIN_KEY",
        "generated at the first start, kept in the data directory",
        "the first `admin` key, any text of 16 characters or more",
    ),
    Variable("ELIGIBILITY_WORKERS", "1", "server processes, 1 to 64"),
    Variable("ELIGIBILITY_BATCH_WORKERS", "1", "processes that decide backlogs, 0 to 64"),
    Variable("ELIGIBILITY_BATCHES_PER_KEY", "4", "backlogs of one caller under way at once, 1 to 1000"),
    Variable("ELIGIBILITY_BATCH_LINES", "10000000", "lines of an uploaded backlog, 1 to 1000000000"),
    Variable("ELIGIBILITY_BATCH_BYTES", "1073741824", "bytes of one as it is sent, up to 1 TiB"),
    Variable("ELIGIBILITY_REVIEW_SAMPLE_PERCENT", "1", "per cent of other decisions to review, 0 to 100"),
    Variable(
        "ELIGIBILITY_REVIEW_DAYS",
        "separate_licence=10,case_by_case=10,clarification=5,disputed=5,sampled=30",
        "days until a review is due, 1 to 365 each; those left out keep their default",
    ),
    Variable("ELIGIBILITY_REVIEW_LEASE_MINUTES", "30", "how long a reviewer holds a case, 1 to 1440"),
    Variable("ELIGIBILITY_SESSION_MINUTES", "120", "how long a session lasts without use, 5 to 720"),
    Variable("ELIGIBILITY_CHECKPOINT_FILE", "none", "a file to which checkpoints of the log are appended"),
    Variable("ELIGIBILITY_CHECKPOINT_URL", "none", "an address to which checkpoints of the log are posted"),
    Variable("ELIGIBILITY_CHECKPOINT_SECONDS", "60", "how often, 1 to 86400"),
)

_HIGHEST_PORT = 65535
_MOST_WORKERS = 64
_MOST_BATCHES = 1000
_MOST_LINES = 10**9
_MOST_BYTES = 2**40
_SECONDS_OF_A_DAY = 86_400
_MINUTES_OF_A_DAY = 1440
_DAYS_OF_A_YEAR = 365
_SHORTEST_SESSION, _LONGEST_SESSION = 5, 720  # minutes
_SHORTEST_ADMIN_KEY = 16
_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")


@dataclass(frozen=True)
class Settings:
    """The settings of one process.

    `None` stands for what is made or found by default: no database (start the embedded one), a secret in the
    data directory, the rules shipped with the package. Paths are absolute.
    """

    host: str
    port: int
    database_url: str | None
    owner_database_url: str | None
    data_dir: Path
    signing_key_file: Path | None
    service_secret_file: Path | None
    rules_dir: Path | None
    admin_key: str | None
    workers: int
    batch_workers: int
    batches_per_key: int
    batch_lines: int
    batch_bytes: int
    review_sample_percent: int
    review_days: Mapping[str, int]
    review_lease_minutes: int
    session_minutes: int
    checkpoint_file: Path | None
    checkpoint_url: str | None
    checkpoint_seconds: int

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read the settings from `environ`, by default the process's own.

        An empty value counts as absent. Raises SettingsInvalid.
        """
        source = os.environ if environ is None else environ
        given = {name: value for name, value in source.items() if value.strip()}
        database_url = _database_url(given, "ELIGIBILITY_DATABASE_URL")
        owner_url = _database_url(given, "ELIGIBILITY_OWNER_DATABASE_URL")
        if owner_url and not database_url:
            message = (
                "`ELIGIBILITY_OWNER_DATABASE_URL` is set without `ELIGIBILITY_DATABASE_URL`: "
                "set both, or neither to use the embedded database"
            )
            raise SettingsInvalid(message)
        return cls(
            host=given.get("ELIGIBILITY_HOST", "127.0.0.1"),
            port=_whole(given, "ELIGIBILITY_PORT", 8000, _HIGHEST_PORT),
            database_url=database_url,
            owner_database_url=owner_url,
            data_dir=_path(given, "ELIGIBILITY_DATA_DIR") or _default_data_dir(given),
            signing_key_file=_file(given, "ELIGIBILITY_SIGNING_KEY_FILE"),
            service_secret_file=_file(given, "ELIGIBILITY_SERVICE_SECRET_FILE"),
            rules_dir=_folder(given, "ELIGIBILITY_RULES_DIR"),
            admin_key=_admin_key(given),
            workers=_whole(given, "ELIGIBILITY_WORKERS", 1, _MOST_WORKERS),
            batch_workers=_whole(given, "ELIGIBILITY_BATCH_WORKERS", 1, _MOST_WORKERS, least=0),
            batches_per_key=_whole(given, "ELIGIBILITY_BATCHES_PER_KEY", 4, _MOST_BATCHES),
            batch_lines=_whole(given, "ELIGIBILITY_BATCH_LINES", 10_000_000, _MOST_LINES),
            batch_bytes=_whole(given, "ELIGIBILITY_BATCH_BYTES", 2**30, _MOST_BYTES),
            review_sample_percent=_whole(given, "ELIGIBILITY_REVIEW_SAMPLE_PERCENT", 1, 100, least=0),
            review_days=_days(given, "ELIGIBILITY_REVIEW_DAYS"),
            review_lease_minutes=_whole(given, "ELIGIBILITY_REVIEW_LEASE_MINUTES", 30, _MINUTES_OF_A_DAY),
            session_minutes=_whole(
                given, "ELIGIBILITY_SESSION_MINUTES", 120, _LONGEST_SESSION, least=_SHORTEST_SESSION
            ),
            checkpoint_file=_file_to_be(given, "ELIGIBILITY_CHECKPOINT_FILE"),
            checkpoint_url=_address(given, "ELIGIBILITY_CHECKPOINT_URL"),
            checkpoint_seconds=_whole(given, "ELIGIBILITY_CHECKPOINT_SECONDS", 60, _SECONDS_OF_A_DAY),
        )


def _default_data_dir(given: Mapping[str, str]) -> Path:
    """Where data live when nobody says.

    The embedded server refuses to run as root and cannot reach a closed home from another account, so root's
    default is the system's place for such data and does not depend on the mode of `/root`.
    """
    if os.geteuid() == 0 and "XDG_DATA_HOME" not in given:
        return platformdirs.site_state_path("eligibility")
    return platformdirs.user_data_path("eligibility")


def _whole(given: Mapping[str, str], name: str, default: int, most: int, *, least: int = 1) -> int:
    text = given.get(name)
    if text is None:
        return default
    if not (text.strip().isascii() and text.strip().isdigit() and least <= int(text) <= most):
        message = f"`{name}` is `{text}`: give a whole number from {least} to {most}"
        raise SettingsInvalid(message)
    return int(text)


def _days(given: Mapping[str, str], name: str) -> Mapping[str, int]:
    """Days by what they are for, as in the default; those that are not given are as there."""
    [default] = [variable.default for variable in VARIABLES if variable.name == name]
    pairs = [pair.partition("=") for pair in default.split(",")]
    days = {what: int(number) for what, _, number in pairs}
    for pair in given.get(name, default).split(","):
        what, _, number = (part.strip() for part in pair.partition("="))
        if what not in days or not (
            number.isascii() and number.isdigit() and 1 <= int(number) <= _DAYS_OF_A_YEAR
        ):
            message = (
                f"`{name}` holds `{pair.strip()}`: give days from 1 to {_DAYS_OF_A_YEAR}, as in `{default}`"
            )
            raise SettingsInvalid(message)
        days[what] = int(number)
    return days


def _path(given: Mapping[str, str], name: str) -> Path | None:
    text = given.get(name)
    if text is None:
        return None
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError as error:
        message = f"`{name}` is `{text}`: the home directory it speaks of is not known, give a full path"
        raise SettingsInvalid(message) from error


def _file(given: Mapping[str, str], name: str) -> Path | None:
    path = _path(given, name)
    if path is not None and not path.is_file():
        message = f"`{name}` is `{given[name]}`: there is no such file, create it or unset the variable"
        raise SettingsInvalid(message)
    return path


def _file_to_be(given: Mapping[str, str], name: str) -> Path | None:
    path = _path(given, name)
    if path is not None and (path.is_dir() or not path.parent.is_dir()):
        message = f"`{name}` is `{given[name]}`: name a file, new or not, in a folder that exists"
        raise SettingsInvalid(message)
    return path


def _folder(given: Mapping[str, str], name: str) -> Path | None:
    path = _path(given, name)
    if path is not None and not path.is_dir():
        message = f"`{name}` is `{given[name]}`: there is no such folder"
        raise SettingsInvalid(message)
    return path


def _database_url(given: Mapping[str, str], name: str) -> str | None:
    url = given.get(name)
    if url is None:
        return None
    wanted = "give `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`"
    try:
        parts = urlsplit(url.strip())
        for host in parts.netloc.rpartition("@")[2].split(","):  # with replicas there are several
            urlsplit(f"//{host}").port  # noqa: B018  # reading it is what checks it
    except ValueError as error:
        message = f"`{name}` is no URL: {error}; {wanted}"
        raise SettingsInvalid(message) from error
    if parts.scheme not in _SCHEMES:
        message = f"`{name}` begins with `{parts.scheme}`, which is no PostgreSQL: {wanted}"
        raise SettingsInvalid(message)
    if len(parts.path) < len("/x"):
        message = f"`{name}` names no database: {wanted}"
        raise SettingsInvalid(message)
    return url.strip()


def _address(given: Mapping[str, str], name: str) -> str | None:
    """An address to post to. It may hold a secret, so it is never repeated."""
    url = given.get(name)
    if url is None:
        return None
    url = url.strip()
    wanted = "give `https://HOST/PATH`, without login and fragment"
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  # reading it is what checks it
    except ValueError as error:
        message = f"`{name}` is no URL: {wanted}"
        raise SettingsInvalid(message) from error
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.fragment or "@" in parts.netloc:
        message = f"`{name}` cannot be posted to: {wanted}"
        raise SettingsInvalid(message)
    if not url.isascii() or not url.isprintable() or " " in url:
        message = f"`{name}` holds a character that no address can: write it percent-encoded"
        raise SettingsInvalid(message)
    return url


def _admin_key(given: Mapping[str, str]) -> str | None:
    key = given.get("ELIGIBILITY_ADMIN_KEY")
    if key is None:
        return None
    key = key.strip()
    if len(key) < _SHORTEST_ADMIN_KEY:
        message = (
            f"`ELIGIBILITY_ADMIN_KEY` has {len(key)} characters: give {_SHORTEST_ADMIN_KEY} or more, "
            "or unset it to have one generated"
        )
        raise SettingsInvalid(message)
    if not key.isprintable():
        message = "`ELIGIBILITY_ADMIN_KEY` holds a character that no header can carry: use printable ones"
        raise SettingsInvalid(message)
    return key
