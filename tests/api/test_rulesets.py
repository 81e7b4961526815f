"""Under which policy the service decides, and when it refuses to start."""

import asyncio
import copy
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from api.app import running_service
from api.service import FRESH_SECONDS
from eligibility.building import build
from eligibility.canonical import canonical
from eligibility.errors import EligibilityError, RulesetInvalid, SettingsInvalid, StorageUnavailable
from eligibility.loading import load_rules, shipped_rules
from eligibility.ruleset import SEMANTICS, Ruleset
from eligibility.settings import Settings
from eligibility.storage.embedded import EmbeddedPostgres
from eligibility.storage.records import hash_bytes
from tests.api.bodies import permitted
from tests.api.serving import Server, environment, serving
from tests.conftest import FreshDatabase


@pytest.fixture(scope="session")
def shipped() -> Ruleset:
    return load_rules(shipped_rules())


def changed(ruleset: Ruleset, **changes: Any) -> Ruleset:
    """The same policy under another version, in which a permission is said in other words."""
    document: dict[str, Any] = copy.deepcopy(dict(ruleset.document))
    document.update({"version": "another", **changes})
    document["texts"]["summaries"]["permitted_with_obligations"] = "Yes, with {obligations}."
    return build(document)


def put_in_force(database: FreshDatabase, ruleset: Ruleset) -> None:
    """As an activation would, of which there is none yet."""
    with psycopg.connect(database.superuser_url) as connection:
        digest = hash_bytes(ruleset.digest)
        connection.execute(
            "INSERT INTO ruleset (digest, version, document, loaded_at, loaded_by) "
            "VALUES (%s, %s, %s, now(), 'test')",
            (digest, ruleset.version, canonical(ruleset.document)),
        )
        connection.execute("UPDATE head SET ruleset = %s", (digest,))


def test_a_ruleset_is_the_same_from_its_folder_and_from_the_database(shipped: Ruleset) -> None:
    kept = build(json.loads(canonical(shipped.document)))
    assert kept.digest == shipped.digest
    assert list(kept.generations) == list(shipped.generations)
    assert kept.vocabulary == shipped.vocabulary
    assert list(kept.vocabulary.models) == list(shipped.vocabulary.models)
    assert kept.presumed == shipped.presumed
    for generation, program in shipped.programs.items():
        again = kept.program(generation)
        assert [atom.id for atom in again.atoms] == [atom.id for atom in program.atoms]
        assert [rule.id for rule in again.rules] == [rule.id for rule in program.rules]
        assert [rule.citations for rule in again.rules] == [rule.citations for rule in program.rules]
        assert [rule.level for rule in again.rules] == [rule.level for rule in program.rules]


def test_a_ruleset_put_in_force_decides_at_once_and_earlier_decisions_keep_their_words(
    own_server: Server, database: FreshDatabase, shipped: Ruleset
) -> None:
    with own_server.client("portal") as portal:
        keyed = {"idempotency-key": "before"}
        before = portal.post("/v1/decisions", json=permitted(), headers=keyed)
        put_in_force(database, changed(shipped))
        after = portal.post("/v1/decisions", json=permitted())
        assert after.status_code == 201
        assert before.json()["ruleset"]["digest"] == shipped.digest
        assert after.json()["ruleset"] == {"version": "another", "digest": changed(shipped).digest}
        assert after.json()["summary"].startswith("Yes, with ")

        again = portal.get(before.headers["location"]).json()
        assert {member: again[member] for member in before.json()} == before.json()
        repeated = portal.post("/v1/decisions", json=permitted(), headers=keyed)
        assert (repeated.status_code, repeated.json()) == (200, before.json())
        assert len(portal.get("/v1/decisions").json()["decisions"]) == 2
        assert portal.get("/v1/policy").json()["ruleset"]["version"] == "another"


def test_what_if_and_the_policy_follow_soon_after(
    own_server: Server, database: FreshDatabase, shipped: Ruleset
) -> None:
    with own_server.client("portal") as portal:
        put_in_force(database, changed(shipped))
        deadline = time.monotonic() + FRESH_SECONDS + 3  # the rest is for a machine that is busy
        while portal.get("/v1/policy").json()["ruleset"]["version"] != "another":
            assert time.monotonic() < deadline
        assert portal.post("/v1/what-if", json=permitted()).json()["ruleset"]["version"] == "another"


def test_a_server_started_later_decides_under_what_is_in_force_and_not_under_its_folder(
    database: FreshDatabase, shipped: Ruleset, tmp_path: Path
) -> None:
    with serving(database.service_url, tmp_path / "server"):
        pass
    put_in_force(database, changed(shipped))
    with serving(database.service_url, tmp_path / "server", {}) as server:
        server.keys = {"admin": "the admin key of these tests"}
        with server.client("admin") as admin:
            assert admin.post("/v1/decisions", json=permitted()).json()["ruleset"]["version"] == "another"
        assert "differs from the ruleset in force" in server.logged()


async def _start(settings: Settings) -> None:
    async with running_service(settings):
        pass


def refused(url: str, tmp_path: Path) -> EligibilityError:
    with pytest.raises(EligibilityError) as caught:
        asyncio.run(_start(Settings.from_environment(environment(url, tmp_path / "data"))))
    return caught.value


def test_it_refuses_to_work_as_superuser_or_owner(database: FreshDatabase, tmp_path: Path) -> None:
    for url, who in (
        (database.superuser_url, "a superuser"),
        (database.owner_url, "the owner of the tables"),
    ):
        error = refused(url, tmp_path)
        assert isinstance(error, SettingsInvalid)
        assert who in str(error)


@pytest.fixture
def bare_database(postgres: EmbeddedPostgres, database: FreshDatabase) -> Iterator[str]:
    """A database in which nothing is, for the service's login."""
    name = f"{database.name}_bare"
    with psycopg.connect(postgres.url("postgres", "postgres"), autocommit=True) as superuser:
        superuser.execute(f"CREATE DATABASE {name}".encode())
    yield database.service_url.replace(f"/{database.name}?", f"/{name}?")
    with psycopg.connect(postgres.url("postgres", "postgres"), autocommit=True) as superuser:
        superuser.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def test_it_refuses_to_work_in_a_database_that_was_never_migrated(bare_database: str, tmp_path: Path) -> None:
    error = refused(bare_database, tmp_path)
    assert isinstance(error, StorageUnavailable)
    assert "eligibility db upgrade" in str(error)


def test_it_refuses_to_start_without_a_database(tmp_path: Path) -> None:
    settings = Settings.from_environment({"ELIGIBILITY_DATA_DIR": str(tmp_path)})
    with pytest.raises(SettingsInvalid, match="ELIGIBILITY_DATABASE_URL"):
        asyncio.run(_start(settings))


def test_it_refuses_to_decide_under_rules_that_meant_something_else_when_they_were_put_in_force(
    database: FreshDatabase, shipped: Ruleset, tmp_path: Path
) -> None:
    put_in_force(database, changed(shipped, semantics=SEMANTICS + 1))
    error = refused(database.service_url, tmp_path)
    assert isinstance(error, RulesetInvalid)
    assert f"semantics {SEMANTICS + 1}" in str(error)


def test_the_bootstrap_key_works_and_is_kept_in_its_file(own_server: Server) -> None:
    file = own_server.settings.data_dir / "admin-key"
    own_server.keys["admin"] = file.read_text(encoding="utf-8").strip()
    assert file.stat().st_mode & 0o777 == 0o600
    with own_server.client("admin") as admin:
        assert admin.post("/v1/decisions", json=permitted()).status_code == 201


def test_the_ruleset_of_the_log_is_the_folder_it_began_with(
    own_server: Server, database: FreshDatabase, shipped: Ruleset
) -> None:
    assert own_server.settings.rules_dir is None
    with psycopg.connect(database.superuser_url) as connection:
        [(body,)] = connection.execute("SELECT body FROM record WHERE kind = 'ruleset.activated'").fetchall()
    assert json.loads(body)["ruleset"] == shipped.digest
    assert json.loads(body)["actor"] == "system"
