"""The seam where errors of the database's libraries become ours."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import sqlalchemy.exc

from eligibility.errors import ActRefused, RecordRefused, StorageError, StorageUnavailable

_PASSING_CLASSES = {
    "08",  # connection
    "25",  # read only: a standby that has not been promoted yet
    "28",  # authorisation
    "40",  # deadlock, serialisation
    "53",  # out of connections, disk or memory
    "55",  # lock not available
    "57",  # time-out, shutting down
    "58",  # system error
    "XX",  # what the server cannot account for: broken files, limits of the system
}
"""Classes of SQLSTATE that speak of the database's state, not of what it was asked to do."""

_ACT_REFUSED = "EL001"
"""What the functions of our migrations raise, with a sentence for people, where an act is not allowed."""


def from_database(error: Exception) -> StorageError:
    """Our error for an error of psycopg or SQLAlchemy. The database's words are for logs, as its cause."""
    origin = error.orig if isinstance(error, sqlalchemy.exc.DBAPIError) else error
    if isinstance(origin, OSError | sqlalchemy.exc.TimeoutError | psycopg.InterfaceError):
        return StorageUnavailable("the database does not answer: try again shortly")
    if isinstance(origin, psycopg.Error):
        state = origin.sqlstate
        if state == _ACT_REFUSED:
            return ActRefused(str(origin.diag.message_primary))
        if state is None and isinstance(origin, psycopg.OperationalError):  # the connection went away
            return StorageUnavailable("the database does not answer: try again shortly")
        if state is not None and state[:2] in _PASSING_CLASSES:
            return StorageUnavailable("the database cannot do that at the moment: try again shortly")
    return RecordRefused("the database refused what it was asked to do")


@contextmanager
def translated() -> Iterator[None]:
    """Raise StorageUnavailable or RecordRefused instead of what the libraries raise."""
    try:
        yield
    except (psycopg.Error, sqlalchemy.exc.SQLAlchemyError, OSError) as error:
        raise from_database(error) from error
