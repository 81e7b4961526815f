"""Which problem each error is to a caller."""

import logging
from collections.abc import Iterator

import pytest
from litestar import Litestar, get
from litestar.testing import TestClient

from api.problems import KINDS, answer_error, problem_of
from eligibility import errors
from tests.api.problems import problem

RAISED: list[tuple[errors.EligibilityError, int]] = [
    (errors.UnreadableRequest([errors.Fault("", "not JSON")]), 400),
    (errors.UnacceptableRequest([errors.Fault("/a", "wrong")]), 422),
    (errors.RulesetInvalid([errors.RuleFault("a.yaml", 1, "wrong", "mend it")]), 500),
    (errors.EvaluatorsDisagree("they differ on a pattern"), 503),
    (errors.EngineFailure("it refused a fact"), 503),
    (errors.SettingsInvalid("a variable is wrong"), 500),
    (errors.CheckpointFailed("the receiver answered 500"), 500),
    (errors.ClusterFailed("a worker died"), 500),
    (errors.StorageUnavailable("no answer", retry_after=7), 503),
    (errors.LogBehind("a block is missing", retry_after=5), 503),
    (errors.SigningKeyMissing("another key signs"), 503),
    (errors.RulesetReplaced("again and again"), 503),
    (errors.IdempotencyConflict("used before"), 409),
    (errors.Overtaken("too late"), 409),
    (errors.ActRefused("not by you"), 409),
    (errors.Held("a hold keeps it"), 409),
    (errors.RecordRefused("the database refused it"), 500),
    (errors.LogDamaged("a block does not hold together"), 500),
    (errors.NotFound("no such thing"), 404),
    (errors.BacklogRefused([errors.Fault("", "a column is wrong")]), 422),
]
BY_NAME = pytest.mark.parametrize("error,status", RAISED, ids=lambda value: type(value).__name__)


def concrete(kind: type[Exception]) -> Iterator[type[Exception]]:
    """The errors that are raised: those below which there are none, and those that are raised themselves."""
    for below in kind.__subclasses__():
        if below not in {errors.RequestRefused, errors.StorageError}:
            yield below
        yield from concrete(below)


def test_every_error_is_looked_at_here() -> None:
    assert {type(error) for error, _ in RAISED} == set(concrete(errors.EligibilityError))


@BY_NAME
def test_an_error_is_the_problem_that_the_contract_says(error: errors.EligibilityError, status: int) -> None:
    @get("/")
    async def fail() -> None:
        raise error

    with TestClient(
        Litestar([fail], exception_handlers={Exception: answer_error}, logging_config=None)
    ) as client:
        answer = client.get("/")
    document = problem(answer, status)
    assert ("retry-after" in answer.headers) == (status == 503)
    assert document["instance"].startswith("urn:uuid:")
    if status == 500:
        assert str(error) not in answer.text


def test_how_long_to_wait_is_what_the_storage_says() -> None:
    found = problem_of(errors.StorageUnavailable("no answer", retry_after=7))
    assert found.headers == {"retry-after": "7"}


def test_an_unforeseen_error_is_logged_under_its_instance_and_not_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    @get("/")
    async def fail() -> None:
        raise RuntimeError("postgresql://user:secret@host/name")

    with (
        caplog.at_level(logging.ERROR, "api.problems"),
        TestClient(
            Litestar([fail], exception_handlers={Exception: answer_error}, logging_config=None)
        ) as client,
    ):
        answer = client.get("/")
    document = problem(answer, 500)
    assert "secret" not in answer.text
    assert document["instance"] in caplog.text
    assert "secret" in caplog.text


def test_each_kind_of_problem_is_told_apart() -> None:
    assert len({kind.type for kind in KINDS.values()}) == len(KINDS)
    assert len({kind.title for kind in KINDS.values()}) == len(KINDS)
