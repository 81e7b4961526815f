"""`eligibility audit verify`, as people and programs use it."""

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from eligibility.decider import Decider
from eligibility.storage.embedded import EmbeddedPostgres
from tests.cli.running import ROOT, command, environment, in_process
from tests.conftest import fresh_database
from tests.storage.logs import MadeLog, make_log
from tests.storage.making import SECRET


@pytest.fixture(scope="module")
def kept(
    postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory, decider: Decider
) -> Iterator[MadeLog]:
    with fresh_database(postgres) as database:
        yield make_log(database, tmp_path_factory.mktemp("keys"), decider)


@pytest.fixture
def env(kept: MadeLog, tmp_path: Path) -> dict[str, str]:
    (tmp_path / "secret").write_bytes(SECRET)
    return environment(
        tmp_path / "data",
        ELIGIBILITY_DATABASE_URL=kept.database.service_url,
        ELIGIBILITY_SERVICE_SECRET_FILE=str(tmp_path / "secret"),
    )


def test_a_log_is_verified_against_all_that_is_at_hand(
    kept: MadeLog, env: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "checkpoints").write_bytes(kept.checkpoint)
    given = ("--checkpoint", str(tmp_path / "checkpoints"), "--key", kept.genesis.id)
    done = command("audit", "verify", *given, "--json", env=env)
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert report["holds"] is True
    assert [one["verdict"] for one in report["verdicts"].values()] == ["holds"] * 4
    assert report["looked_at"]["evaluations made again"] == report["looked_at"]["evaluations"] > 20
    assert report["flaws"] == []
    assert not (tmp_path / "data").exists()


def test_what_is_wrong_is_told_and_exits_with_1(kept: MadeLog, env: dict[str, str]) -> None:
    with psycopg.connect(kept.database.superuser_url) as connection:
        connection.execute("SET session_replication_role = replica")
        changed = "UPDATE record SET outcome = 'permitted' WHERE outcome = 'prohibited' RETURNING id"
        records = [row[0] for row in connection.execute(changed)]
        connection.commit()
        done = in_process("audit", "verify", "--skip-meaning", env=env)
        restored = "UPDATE record SET outcome = 'prohibited' WHERE id = ANY(%s)"
        connection.execute(restored, (records,))
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0].startswith("✗ integrity: failed, ")
    told = [line for line in lines if "column record.outcome: differs from the record's body" in line]
    assert len(told) == len(records)
    assert told[0].endswith("found permitted, expected prohibited")
    assert "– meaning: not examined" in lines


def test_a_range_is_verified_by_itself(env: dict[str, str]) -> None:
    done = in_process("audit", "verify", "--from", "30", "--to", "31", "--skip-meaning", env=env)
    assert done.returncode == 0
    assert "what lies outside the range" in done.stdout


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("--from", "9", "--to", "3"), "`--from 9` comes after `--to 3`"),
        (("--key", "no-such-file"), "neither a key's fingerprint"),
        (("--checkpoint", str(ROOT / "pyproject.toml")), "line 1 is no checkpoint"),
    ],
)
def test_what_cannot_be_used_is_refused(
    env: dict[str, str], arguments: tuple[str, ...], message: str
) -> None:
    done = in_process("audit", "verify", *arguments, env=env)
    assert done.returncode == 2
    assert message in done.stderr


def test_a_database_that_is_not_there_exits_with_3(env: dict[str, str]) -> None:
    away = env | {"ELIGIBILITY_DATABASE_URL": "postgresql://eligibility_service:x@127.0.0.1:1/eligibility"}
    assert in_process("audit", "verify", env=away).returncode == 3
