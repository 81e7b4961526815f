"""`eligibility db …`: migrations, and the roles that a database needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from eligibility.commands.failures import DONE, NO
from eligibility.commands.output import console, print_json
from eligibility.errors import SettingsInvalid
from eligibility.settings import Settings
from eligibility.storage import migrate
from eligibility.storage.embedded import start_or_join
from eligibility.storage.roles import create_roles_sql, role_names


@contextmanager
def _owner_login(settings: Settings) -> Iterator[str]:
    """The owner's login: the configured one, or that of the embedded database."""
    if settings.owner_database_url is not None:
        yield settings.owner_database_url
    elif settings.database_url is not None:
        raise SettingsInvalid(
            "`ELIGIBILITY_OWNER_DATABASE_URL` is not set: migrations need the login of the owner, "
            "whose name ends in `_owner`"
        )
    else:
        with start_or_join(settings.data_dir) as server:
            yield server.owner_url


def upgrade(settings: Settings, *, as_json: bool) -> int:
    """Migrate to the newest revision, as the owner. Raises SettingsInvalid, StorageError."""
    with _owner_login(settings) as url:
        before = migrate.current(url)
        migrate.upgrade(url)
        after = migrate.current(url)
    if as_json:
        print_json({"from": before, "to": after})
    elif before == after:
        console().print(f"the database was at revision {after} already")
    else:
        console().print(f"migrated from {before or 'an empty database'} to revision {after}")
    return DONE


def current(settings: Settings, *, as_json: bool) -> int:
    """Say which revision the database is at; NO where the service needs another.

    Raises SettingsInvalid, StorageError.
    """
    if settings.database_url is not None:
        revision = migrate.current(settings.database_url)
    else:
        with _owner_login(settings) as url:
            revision = migrate.current(url)
    newest = migrate.newest_revision()
    if as_json:
        print_json({"revision": revision, "newest": newest, "current": revision == newest})
    elif revision == newest:
        console().print(f"the database is at revision {revision}, the newest")
    else:
        at = f"at revision {revision}" if revision else "empty"
        console().print(f"the database is {at}, and the service needs {newest}: run `eligibility db upgrade`")
    return DONE if revision == newest else NO


def roles(database: str, *, as_json: bool) -> int:
    """Print the SQL by which a superuser makes the two roles and the database."""
    statements = create_roles_sql(database)
    if as_json:
        print_json({"statements": list(statements)})
        return DONE
    out = console()
    owner, service = role_names(database)
    out.print("-- run by a superuser, each statement by itself, outside a transaction", soft_wrap=True)
    for statement in statements:
        out.print(f"{statement};", soft_wrap=True)
    out.print(
        f'-- then give both a password, in psql: \\password "{owner}" and \\password "{service}"',
        soft_wrap=True,
    )
    return DONE
