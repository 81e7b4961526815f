"""A database that somebody else runs: it is migrated when told to, and used as the service's role only."""

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from eligibility.storage.embedded import EmbeddedPostgres
from eligibility.storage.roles import role_names
from tests.cli.running import REQUEST, command, environment, free_port, in_process, running
from tests.conftest import FreshDatabase


@pytest.fixture
def empty(postgres: EmbeddedPostgres) -> Iterator[dict[str, str]]:
    """The settings of a database that was made by the SQL which `db roles` prints, and never migrated."""
    statements = json.loads(
        in_process("db", "roles", "--database", "empty", "--json", env=environment(Path())).stdout
    )
    with psycopg.connect(postgres.url("postgres", "postgres"), autocommit=True) as admin:
        for statement in statements["statements"]:
            admin.execute(statement.encode())
        for role in role_names("empty"):
            admin.execute(f"ALTER ROLE {role} PASSWORD 'of {role}'".encode())
    owner, service = (
        f"postgresql://{role}:of%20{role}@127.0.0.1:{postgres.port}/empty" for role in role_names("empty")
    )
    yield {
        "ELIGIBILITY_DATABASE_URL": service,
        "ELIGIBILITY_OWNER_DATABASE_URL": owner,
        "ELIGIBILITY_PORT": str(free_port()),
    }
    with psycopg.connect(postgres.url("postgres", "postgres"), autocommit=True) as admin:
        admin.execute(b"DROP DATABASE empty WITH (FORCE)")
        for role in role_names("empty"):
            admin.execute(f"DROP ROLE {role}".encode())


def test_the_service_never_migrates_a_database_that_it_was_given(
    data_dir: Path, empty: dict[str, str]
) -> None:
    env = environment(data_dir) | empty
    refused = command("serve", env=env)

    assert refused.returncode == 3
    assert "run `eligibility db upgrade`" in refused.stderr
    at = in_process("db", "current", env=env)
    assert at.returncode == 1
    assert "the database is empty, and the service needs" in at.stdout

    upgraded = json.loads(in_process("db", "upgrade", "--json", env=env).stdout)

    assert upgraded["from"] is None
    at = in_process("db", "current", "--json", env=env)
    assert at.returncode == 0
    assert json.loads(at.stdout)["revision"] == upgraded["to"]


def test_migrating_needs_the_login_of_the_owner(data_dir: Path, empty: dict[str, str]) -> None:
    del empty["ELIGIBILITY_OWNER_DATABASE_URL"]

    done = in_process("db", "upgrade", env=environment(data_dir) | empty)

    assert done.returncode == 2
    assert "`ELIGIBILITY_OWNER_DATABASE_URL` is not set" in done.stderr


@pytest.mark.parametrize("login", ["owner_url", "superuser_url"])
@pytest.mark.parametrize("what", [["serve"], ["keys", "list"]], ids=" ".join)
def test_whoever_could_rewrite_the_log_is_refused(
    data_dir: Path, database: FreshDatabase, login: str, what: list[str]
) -> None:
    changes = {"ELIGIBILITY_DATABASE_URL": getattr(database, login), "ELIGIBILITY_PORT": str(free_port())}

    done = command(*what, env=environment(data_dir, **changes))

    assert done.returncode == 2
    assert "who could rewrite the log: use the service's own role" in done.stderr


def test_the_service_works_on_a_database_of_ones_own(data_dir: Path, database: FreshDatabase) -> None:
    changes = {"ELIGIBILITY_DATABASE_URL": database.service_url, "ELIGIBILITY_ADMIN_KEY": "a key of sixteen"}
    with running(data_dir, **changes) as service, service.client() as client:
        assert client.post("/v1/decisions", json=REQUEST).status_code == 201
        assert service.postgres() is None
        assert "embedded" not in service.said()
        assert service.command("keys", "list").stdout.count("bootstrap") == 2  # the name, and the label
    with running(data_dir, **changes) as again, again.client() as client:
        assert len(client.get("/v1/decisions").json()["decisions"]) == 1


def test_commands_without_a_database_to_reach_end_with_3(data_dir: Path) -> None:
    env = environment(data_dir, ELIGIBILITY_DATABASE_URL=f"postgresql://a:b@127.0.0.1:{free_port()}/c")
    for arguments in (["keys", "list"], ["db", "current"], ["decide", "-", "--record"]):
        done = in_process(*arguments, env=env, text=json.dumps(REQUEST))
        assert done.returncode == 3, arguments
        assert "the database says: " in done.stderr


def test_commands_start_the_embedded_database_where_no_service_runs(data_dir: Path) -> None:
    env = environment(data_dir)
    made = json.loads(command("keys", "create", "early", "--role", "portal", "--json", env=env).stdout)

    with running(data_dir) as service, service.client(made["key"]) as client:
        assert client.post("/v1/decisions", json=REQUEST).status_code == 201
