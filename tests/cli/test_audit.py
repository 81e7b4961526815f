"""Checkpoints and keys of the log, on the command line and beside real services."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from eligibility import signing
from eligibility.cli import main
from tests.api.serving import serving
from tests.cli.running import REQUEST, Service, environment, running, until
from tests.conftest import FreshDatabase
from tests.receiving import receiving


@pytest.fixture
def bare(data_dir: Path, database: FreshDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands in this process work on a log of one test's own, which is empty."""
    env = environment(data_dir, ELIGIBILITY_DATABASE_URL=database.service_url)
    for name in os.environ.keys() - env.keys():
        monkeypatch.delenv(name)
    for name in env.keys() - os.environ.keys():
        monkeypatch.setenv(name, env[name])


@pytest.fixture
def log(bare: None) -> None:  # noqa: ARG001 - which empties it first
    """The same, and something is recorded."""
    assert invoke("keys", "create", "somebody", "--role", "monitor").exit_code == 0


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def keys() -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads(invoke("audit", "keys", "--json").stdout)
    return listed


@pytest.mark.usefixtures("log")
def test_a_checkpoint_is_printed_or_appended_once(tmp_path: Path) -> None:
    printed = invoke("audit", "checkpoint")
    assert printed.exit_code == 0
    assert printed.stdout.count("\n") == 1
    assert json.loads(printed.stdout)["signature"]

    file = tmp_path / "checkpoints"
    added = invoke("audit", "checkpoint", "--out", str(file))
    again = invoke("audit", "checkpoint", "--out", str(file))
    assert (added.exit_code, again.exit_code) == (0, 0)
    assert "is appended to" in added.stdout
    assert "stands already in" in again.stdout
    assert file.read_text() == printed.stdout

    file.write_text("a letter\n")
    refused = invoke("audit", "checkpoint", "--out", str(file))
    assert refused.exit_code == 1
    assert "something else than checkpoints" in refused.stderr
    assert file.read_text() == "a letter\n"
    nowhere = invoke("audit", "checkpoint", "--out", str(tmp_path / "no" / "file"))
    assert nowhere.exit_code == 1
    assert "No such file" in nowhere.stderr


@pytest.mark.usefixtures("bare")
def test_an_empty_log_has_no_checkpoint_and_no_keys() -> None:
    done = invoke("audit", "checkpoint")
    assert done.exit_code == 1
    assert "no signed block yet" in done.stderr
    assert keys() == []


@pytest.mark.usefixtures("log")
def test_keys_are_listed_and_handed_out() -> None:
    [key] = keys()
    assert key["state"] == "active"
    assert key["since_sequence"] == 1
    assert key["key"] in invoke("audit", "keys").stdout
    pem = invoke("audit", "keys", "--pem", key["key"])
    public = load_pem_public_key(pem.stdout.encode()).public_bytes_raw()  # type: ignore[union-attr]  # Ed25519
    assert signing.fingerprint(public) == key["key"]
    unknown = invoke("audit", "keys", "--pem", "sha256:abc")
    assert unknown.exit_code == 1
    assert "no key of the log has the fingerprint `sha256:abc`" in unknown.stderr


@pytest.mark.usefixtures("log")
def test_a_key_is_prepared_then_rotated_to_and_never_comes_back(data_dir: Path) -> None:
    file, following = data_dir / "signing-key", data_dir / "signing-key.next"
    former = file.read_text()
    prepared = invoke("audit", "rotate-key", "--prepare", "--json")
    assert json.loads(prepared.stdout)["file"] == str(following)
    said = invoke("audit", "rotate-key", "--prepare").stdout
    new = json.loads(prepared.stdout)["key"]
    assert new in said
    assert "Copy this file to every machine" in said
    assert [key["state"] for key in keys()] == ["active"]

    rotated = invoke("audit", "rotate-key")
    assert (rotated.exit_code, rotated.stderr) == (0, "")
    assert f"the log is signed with {new} from now on" in rotated.stdout
    assert [(key["key"] == new, key["state"]) for key in keys()] == [(False, "retired"), (True, "active")]
    assert signing.load(file.read_text(), "here").id == new
    assert not following.exists()

    following.write_text(former)
    refused = invoke("audit", "rotate-key")
    assert refused.exit_code == 2
    assert "has signed this log before, and does not come back" in refused.stderr
    assert len(keys()) == 2


@pytest.mark.usefixtures("log")
def test_a_rotation_that_was_interrupted_is_finished_and_not_made_twice(data_dir: Path) -> None:
    file, following = data_dir / "signing-key", data_dir / "signing-key.next"
    former = file.read_text()
    assert invoke("audit", "rotate-key").exit_code == 0
    file.replace(following)
    file.write_text(former)
    again = invoke("audit", "rotate-key")
    assert again.exit_code == 0
    assert "finishes a rotation that was interrupted" in again.stderr
    assert not following.exists()
    assert signing.load(file.read_text(), "here").id == keys()[-1]["key"]
    assert len(keys()) == 2


def decide(client: httpx.Client) -> int:
    return client.post("/v1/decisions", json=REQUEST).status_code


@pytest.mark.usefixtures("bare")
def test_services_go_on_with_the_rotated_key_where_they_have_it(
    data_dir: Path, database: FreshDatabase
) -> None:
    url, other_dir = database.service_url, data_dir.with_name(f"{data_dir.name}-other")
    with serving(url, data_dir) as here:
        shutil.copytree(data_dir, other_dir)
        with serving(url, other_dir, here.keys) as there, here.client() as ours, there.client() as theirs:
            assert (decide(ours), decide(theirs)) == (201, 201)
            assert invoke("audit", "rotate-key").exit_code == 0
            assert decide(ours) == 201
            refused = theirs.post("/v1/decisions", json=REQUEST)
            assert refused.status_code == 503
            assert refused.headers["retry-after"]
            assert "signing-key" not in refused.text
            assert "put the active one there" in there.logged()
            assert theirs.get("/health/ready").status_code == 503
            assert decide(ours) == 201
            shutil.copy(data_dir / "signing-key", other_dir / "signing-key.next")
            assert decide(theirs) == 201
            assert theirs.get("/health/ready").status_code == 200
        assert (other_dir / "signing-key.next").exists()
        with serving(url, other_dir, here.keys) as again, again.client() as theirs:
            assert "the signing key was rotated to" in again.logged()
            assert decide(theirs) == 201
        assert not (other_dir / "signing-key.next").exists()
        assert (other_dir / "signing-key").read_text() == (data_dir / "signing-key").read_text()


def checkpoint(service: Service) -> dict[str, Any]:
    with service.client() as client:
        found: dict[str, Any] = client.get("/v1/audit/checkpoint").json()
    return found


def test_a_service_keeps_checkpoints_on_schedule_and_when_it_stops(
    data_dir: Path, database: FreshDatabase, tmp_path: Path
) -> None:
    file = tmp_path / "checkpoints"

    def kept() -> list[dict[str, Any]]:
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    with receiving() as receiver:
        changes = {
            "ELIGIBILITY_DATABASE_URL": database.service_url,
            "ELIGIBILITY_CHECKPOINT_FILE": str(file),
            "ELIGIBILITY_CHECKPOINT_URL": receiver.url,
            "ELIGIBILITY_CHECKPOINT_SECONDS": "1",
            "ELIGIBILITY_WORKERS": "2",
        }
        with running(data_dir, **changes) as service, service.client() as client:
            assert decide(client) == 201
            newest = checkpoint(service)
            until(lambda: kept()[-1:] == [newest], "the newest block is in the file")
            until(lambda: newest in map(json.loads, (body for _, _, body in receiver.came)), "it is posted")
            receiver.status = 500
            assert decide(client) == 201
            newest = checkpoint(service)
            until(lambda: "the receiver answered 500" in service.said(), "that it is not taken is told")
            receiver.status = 204
            assert decide(client) == 201
            newest = checkpoint(service)
            assert service.end() == 0
        assert kept()[-1] == newest
        assert newest in map(json.loads, (body for _, _, body in receiver.came))
    numbers = [each["number"] for each in kept()]
    assert numbers == sorted(set(numbers))
