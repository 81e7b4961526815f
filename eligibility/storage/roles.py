"""The two database roles: the owner, who migrates, and the service, who may only add to the log."""

from psycopg import sql


def role_names(database: str) -> tuple[str, str]:
    """The names of the owner's and of the service's role, which follow the name of the database."""
    return f"{database}_owner", f"{database}_service"


def create_roles_sql(
    database: str, *, owner_password: str | None = None, service_password: str | None = None
) -> tuple[str, ...]:
    """The statements by which a superuser prepares a cluster: both roles and their database.

    Run each by itself, outside a transaction. Without passwords the roles cannot log in by password until
    they are given one.
    """
    owner, service = (sql.Identifier(name) for name in role_names(database))
    name = sql.Identifier(database)
    role = sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOINHERIT{}")
    statements = (
        role.format(owner, _password(owner_password)),
        role.format(service, _password(service_password)),
        sql.SQL("CREATE DATABASE {} OWNER {} ENCODING 'UTF8' TEMPLATE template0").format(name, owner),
        sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name),
        sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(name, service),
    )
    return tuple(statement.as_string() for statement in statements)


def _password(password: str | None) -> sql.Composable:
    if password is None:
        return sql.SQL("")
    return sql.SQL(" PASSWORD {}").format(sql.Literal(password))
