"""Bringing a database to the newest revision."""

import re
from functools import cache
from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from eligibility.errors import StorageUnavailable
from eligibility.storage.failures import translated
from eligibility.storage.urls import sqlalchemy_url

_OF_OTHERS = re.compile(r"(record|private)_\d{4}_\d{2}|procrastinate_\w+")


def is_ours(name: str | None, kind: str, _parents: object = None) -> bool:
    """Whether the tables of this package say what a table of the database looks like.

    Partitions the database makes by itself, and those of the queue are procrastinate's.
    """
    return kind != "table" or name is None or _OF_OTHERS.fullmatch(name) is None


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("migrations")).replace("%", "%%"))
    return config


@cache
def newest_revision() -> str:
    """The revision that this release of the service needs."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    if head is None:
        raise StorageUnavailable("the package holds no migrations: install it again")
    return head


def upgrade(owner_url: str, revision: str = "head") -> None:
    """Migrate to a revision, the newest, as the owner, all of it or nothing. Raises StorageUnavailable."""
    engine = create_engine(sqlalchemy_url(owner_url), connect_args={"connect_timeout": 5})
    try:
        with translated(), engine.begin() as connection:
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
    finally:
        engine.dispose()


def current(url: str) -> str | None:
    """The revision a database is at, None for one that was never migrated. Raises StorageUnavailable."""
    engine = create_engine(sqlalchemy_url(url), connect_args={"connect_timeout": 5})
    try:
        with translated(), engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()


def is_current(url: str) -> bool:
    """Whether a database is at the revision that the service needs. Raises StorageUnavailable."""
    return current(url) == newest_revision()
