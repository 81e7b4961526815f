"""One URL, in the words of each library."""

from sqlalchemy import make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError

from eligibility.errors import SettingsInvalid


def sqlalchemy_url(url: str) -> URL:
    """The URL for SQLAlchemy, which asks for its driver by name. Raises SettingsInvalid."""
    try:
        return make_url(url).set(drivername="postgresql+psycopg")
    except ArgumentError as error:
        raise SettingsInvalid("a database URL is not of the form `postgresql://USER@HOST/NAME`") from error


def libpq_url(url: str) -> str:
    """The URL for psycopg itself. Raises SettingsInvalid."""
    return sqlalchemy_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
