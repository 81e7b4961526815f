"""Errors become messages and exit codes; nobody is shown a traceback who has not asked for one."""

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from eligibility import errors
from eligibility.cli import Commands
from eligibility.commands.failures import FAULT, exit_code, message
from eligibility.errors import EligibilityError, RulesetInvalid, StorageUnavailable
from tests.cli.running import ROOT, environment


@pytest.mark.parametrize(
    "error",
    [
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, EligibilityError)
    ],
)
def test_every_error_has_an_exit_code(error: type[EligibilityError]) -> None:
    takes_faults = errors.RequestRefused | errors.BacklogRefused | RulesetInvalid
    made = error([]) if issubclass(error, takes_faults) else error("words")
    expected = {
        "StorageUnavailable": 3,
        "LogBehind": 3,
        "SigningKeyMissing": 2,
        "RequestRefused": 2,
        "UnreadableRequest": 2,
        "UnacceptableRequest": 2,
        "BacklogRefused": 2,
        "ClusterFailed": 3,
        "RulesetInvalid": 2,
        "SettingsInvalid": 2,
        "EligibilityError": FAULT,
        "EvaluatorsDisagree": FAULT,
        "EngineFailure": FAULT,
    }
    assert exit_code(made) == expected.get(error.__name__, 1)


@click.group(cls=Commands)
def broken() -> None:
    """Commands that fail."""


@broken.command()
def fault() -> None:
    """Fail as a program with a fault does."""
    raise ZeroDivisionError("words of the fault")


@broken.command()
def unreachable() -> None:
    """Fail as without a database."""
    raise StorageUnavailable("the database does not answer") from OSError("connection refused")


def test_a_fault_of_the_program_is_told_without_a_traceback_and_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level("DEBUG", logger="eligibility.cli"):
        done = CliRunner().invoke(broken, ["fault"])

    assert done.exit_code == 70
    assert done.stderr == (
        "error: a fault of the program: ZeroDivisionError: words of the fault\n"
        "  `eligibility --debug …` shows where\n"
    )
    assert caplog.records[0].exc_info is not None


def test_an_error_of_the_database_is_told_with_its_cause() -> None:
    done = CliRunner().invoke(broken, ["unreachable"])

    assert done.exit_code == 3
    assert done.stderr == "error: the database does not answer\n  the database says: connection refused\n"


def test_debugging_shows_where_an_error_came_from(data_dir: Path) -> None:
    env = environment(data_dir, ELIGIBILITY_PORT="no")
    plain = subprocess.run(
        [sys.executable, "-m", "eligibility", "serve"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    debugging = subprocess.run(
        [sys.executable, "-m", "eligibility", "--debug", "serve"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (plain.returncode, debugging.returncode) == (2, 2)
    assert "Traceback" not in plain.stderr
    assert "Traceback" in debugging.stderr


def test_an_error_in_one_sentence_stays_one() -> None:
    assert (
        message(StorageUnavailable("the database does not answer")) == "error: the database does not answer"
    )
