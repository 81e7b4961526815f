"""One URL, in the words of each library.

It may name several hosts, as libpq lets it: `postgresql://USER@a:5432,b:5432/NAME?target_session_attrs=…`.
"""

import psycopg
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy.engine import URL

from eligibility.errors import SettingsInvalid

_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")


def sqlalchemy_url(url: str) -> URL:
    """The URL for SQLAlchemy, which asks for its driver by name. Raises SettingsInvalid."""
    parameters = _parameters(url)
    user, password, name = (parameters.pop(each, None) for each in ("user", "password", "dbname"))
    return URL.create("postgresql+psycopg", username=user, password=password, database=name, query=parameters)


def libpq_url(url: str) -> str:
    """The URL for psycopg itself. Raises SettingsInvalid."""
    _parameters(url)
    return f"postgresql://{url.partition('://')[2]}"


def host_count(url: str) -> int:
    """How many hosts are tried, one after the other. Raises SettingsInvalid."""
    return str(_parameters(url).get("host", "")).count(",") + 1


def _parameters(url: str) -> dict[str, str]:
    scheme, separator, rest = url.partition("://")
    refusal = SettingsInvalid("a database URL is not of the form `postgresql://USER@HOST/NAME`")
    if not separator or scheme not in _SCHEMES:
        raise refusal
    try:
        found = {name: str(value) for name, value in conninfo_to_dict(f"postgresql://{rest}").items()}
        for port in found.get("port", "").split(","):
            int(port or 0)
    except (psycopg.ProgrammingError, ValueError):  # whose words may repeat the password
        raise refusal from None
    return found
