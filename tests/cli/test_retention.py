"""Erasing, dropping and holding, as they are typed."""

import asyncio
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result

from eligibility.cli import main
from eligibility.settings import Settings
from eligibility.storage.database import Database
from eligibility.storage.entries import Entry
from eligibility.storage.log import AuditLog
from eligibility.storage.secret_files import service_secret
from eligibility.storage.signing_keys import signer
from tests.conftest import FreshDatabase
from tests.storage import making
from tests.storage.making import made_in

MARCH, APRIL = date(2025, 3, 1), date(2025, 4, 1)
Command = Callable[..., Result]


@pytest.fixture
def env(database: FreshDatabase, tmp_path: Path) -> dict[str, str]:
    return {"ELIGIBILITY_DATABASE_URL": database.service_url, "ELIGIBILITY_DATA_DIR": str(tmp_path)}


@pytest.fixture
def audit(env: dict[str, str]) -> Command:
    def run(*arguments: str, text: str = "") -> Result:
        return CliRunner(env=env).invoke(main, ["audit", *arguments], input=text)

    return run


@pytest.fixture
def entries(env: dict[str, str]) -> list[Entry]:
    """Two decisions of March 2025, and one each of April and of now."""
    made = [
        making.decision(**made_in(month), pinned=True) if month else making.decision(pinned=True)
        for month in (MARCH, MARCH, APRIL, None)
    ]

    async def record() -> None:
        settings = Settings.from_environment(env)
        database = Database.open(env["ELIGIBILITY_DATABASE_URL"])
        async with AuditLog(database, service_secret(settings), signer(settings)) as log:
            await asyncio.gather(*map(log.append, made))
        await database.close()

    asyncio.run(record())
    return made


def count(database: FreshDatabase, table: str) -> Any:
    with psycopg.connect(database.service_url) as connection:
        [number] = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone() or (None,)  # noqa: S608  # names of tables cannot be bound
    return number


def test_forgetting_says_what_it_is_about_to_erase_and_asks(
    audit: Command, entries: list[Entry], database: FreshDatabase
) -> None:
    refused = audit("forget", "--reference", "crm-4711", text="n\n")
    assert refused.exit_code == 1
    assert f"4 decisions from 2025-03-15 to {entries[-1].at:%Y-%m-%d}, for ever? [y/N]" in refused.stderr
    assert audit("forget", "--reference", "crm-4711").exit_code == 1  # nobody answers
    assert count(database, "erased") == 0

    done = audit("forget", "--reference", "crm-4711", "--reason", "a letter", text="y\n")
    assert done.exit_code == 0
    assert "erased the texts of 4 decisions" in done.stdout
    assert count(database, "private WHERE entity_reference IS NOT NULL") == 0

    again = audit("forget", "--reference", "crm-4711", "--yes")
    assert again.exit_code == 1
    assert "there is nothing to erase" in again.stderr


def test_forgetting_decisions_by_id(audit: Command, entries: list[Entry]) -> None:
    first, second = (str(entry.id) for entry in entries[:2])
    done = audit("forget", "--decision", first, "--decision", second, "--yes", "--json")
    assert done.exit_code == 0
    told = json.loads(done.stdout)
    assert (told["decisions"], told["others"], len(told["erasures"])) == (2, 0, 1)
    assert (
        "texts of 1 decision of 2025-04-15, for ever?"
        in audit("forget", "--decision", str(entries[2].id), text="n\n").stderr
    )


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--reference", "a", "--decision", "01982c3e-5a00-7000-8000-000000000001"),
        ("--reference", "a", "--batch", "01982c3e-5a00-7000-8000-000000000001"),
    ],
)
def test_forgetting_needs_to_know_whose_texts(options: tuple[str, ...]) -> None:
    done = CliRunner().invoke(main, ["audit", "forget", *options])
    assert done.exit_code == 2
    assert "give `--reference`, `--decision` or `--batch`" in done.stderr


def test_months_are_shown_then_dropped(audit: Command, entries: list[Entry], database: FreshDatabase) -> None:
    retain = ("retain", "--class", "decisions", "--before", "2025-05")
    shown = audit(*retain, "--dry-run")
    assert shown.exit_code == 0
    assert [line.split()[:2] for line in shown.stdout.splitlines()[1:]] == [
        ["2025-03", "2"],
        ["2025-04", "1"],
    ]
    refused = audit(*retain, text="n\n")
    assert refused.exit_code == 1
    assert "idempotency keys of 2 months (3 in all), for ever?" in refused.stderr
    assert count(database, "dropped_leaf") == 0

    done = audit(*retain, "--yes")
    assert done.exit_code == 0
    assert "2025-04 is dropped" in done.stdout
    assert count(database, "dropped_leaf") == 3
    again = audit(*retain, "--yes")
    assert again.exit_code == 0
    assert "there are no decisions" in again.stdout
    assert count(database, "record WHERE kind = 'decision'") == len(entries) - 3


def test_held_months_stay_until_the_hold_is_released(audit: Command, entries: list[Entry]) -> None:
    retain = ("retain", "--class", "texts", "--before", "2025-05", "--yes", "--json")
    held = json.loads(
        audit("hold", "--from", "2025-03", "--to", "2025-03", "--reason", "a case", "--json").stdout
    )
    done = audit(*retain)
    assert done.exit_code == 0
    told = [(month["month"], month["held_by"], month["dropped"]) for month in json.loads(done.stdout)]
    assert told == [("2025-03", held["id"], False), ("2025-04", None, True)]
    assert audit(*retain).exit_code == 1  # all that is left is held
    refused = audit("forget", "--decision", str(entries[0].id), "--yes")
    assert refused.exit_code == 1
    assert f"the legal hold `{held['id']}` keeps `{entries[0].id}`: nothing was erased" in refused.stderr

    assert audit("release-hold", held["id"]).exit_code == 0
    assert audit("release-hold", held["id"]).exit_code == 1
    [listed] = json.loads(audit("holds", "--json").stdout)
    assert (listed["from"], listed["to"], listed["reason"]) == ("2025-03", "2025-03", "a case")
    assert listed["released_at"] is not None
    assert "released" in audit("holds").stdout
    assert json.loads(audit(*retain).stdout)[0]["dropped"] is True


def test_months_too_young_and_holds_that_make_no_sense_are_wrong_use(
    audit: Command, entries: list[Entry]
) -> None:
    del entries
    young = audit("retain", "--class", "texts", "--before", "2030-01", "--yes")
    assert young.exit_code == 2
    assert "`2030-01` is too late" in young.stderr
    backwards = audit("hold", "--from", "2025-03", "--to", "2025-02", "--reason", "a case")
    assert backwards.exit_code == 2
    assert "`2025-02` is before `2025-03`" in backwards.stderr
    for reason in (" ", "half a pair: \ud800"):
        assert audit("hold", "--from", "2025-03", "--to", "2025-03", "--reason", reason).exit_code == 2
