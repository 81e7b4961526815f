"""How alembic runs the migrations: over the connection it is handed, or to the URL of `-x url=…`."""

from alembic import context
from sqlalchemy import Connection, create_engine, text

from eligibility.storage.migrate import is_ours
from eligibility.storage.tables import metadata
from eligibility.storage.urls import sqlalchemy_url

_LOCK = 7_104_226_011  # any number: whoever migrates holds it


def run(connection: Connection) -> None:
    """Migrate in one transaction, one process at a time, waiting for no lock longer than a few seconds."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        include_name=is_ours,
        compare_server_default=True,
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        connection.execute(text("SET LOCAL lock_timeout = '5s'"))
        context.run_migrations()


def main() -> None:
    """Take the connection of the caller, or make one from `-x url=…`."""
    given = context.config.attributes.get("connection")
    if given is not None:
        run(given)
        return
    url = context.get_x_argument(as_dictionary=True).get("url")
    if not isinstance(url, str):
        message = "say which database: alembic -x url=postgresql://OWNER:PASSWORD@HOST/DATABASE …"
        raise SystemExit(message)
    engine = create_engine(sqlalchemy_url(url))
    with engine.connect() as connection:
        run(connection)
    engine.dispose()


main()
