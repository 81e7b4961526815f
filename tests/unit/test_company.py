"""Processes that decide for another one: in order, with what went wrong, and missed when they are gone."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing

import pytest

from eligibility.company import Company, made_by_all, started
from eligibility.errors import EngineFailure

PATIENCE = 30
LARGE = 2**24


def begin(factor: int) -> Callable[[int], bytes]:
    def make(number: int) -> bytes:
        if number == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        if number < 0:
            raise EngineFailure(f"{number} is below zero")
        return bytes(number * factor)

    return make


def begin_badly() -> Callable[[int], bytes]:
    raise EngineFailure("there is no beginning")


@pytest.fixture
def company() -> Iterator[Company[int, bytes]]:
    with closing(Company[int, bytes]("json")) as one:
        one.begin(begin, 2)
        yield one


def test_what_is_made_comes_in_the_order_of_what_was_given(company: Company[int, bytes]) -> None:
    futures = [company.submit(number) for number in (3, LARGE, 1)]
    assert [len(future.result(PATIENCE)) for future in futures] == [6, 2 * LARGE, 2]


def test_things_are_made_by_all_and_each_is_made_once() -> None:
    numbers = [5, 1, LARGE, *range(20, 40)]
    with started(3) as company:
        for each in company:
            each.begin(begin, 2)
        found = dict(made_by_all(company, numbers))
        assert {place: len(made) for place, made in found.items()} == {
            place: 2 * number for place, number in enumerate(numbers)
        }
        assert not list(made_by_all(company, []))
        with pytest.raises(EngineFailure, match="killed or short of memory"):
            list(made_by_all(company, [1, 0, 1, 1, 1, 1]))


def test_what_goes_wrong_is_raised_where_it_was_asked_for(company: Company[int, bytes]) -> None:
    first, second = company.submit(-1), company.submit(1)
    with pytest.raises(EngineFailure, match="-1 is below zero"):
        first.result(PATIENCE)
    assert second.result(PATIENCE) == bytes(2)


def test_what_cannot_be_sent_is_said_and_the_next_is_made(company: Company[int, bytes]) -> None:
    first, second = company.submit(threading.Lock()), company.submit(1)  # type: ignore[arg-type]  # is what it is about
    with pytest.raises(TypeError, match="cannot pickle"):
        first.result(PATIENCE)
    assert second.result(PATIENCE) == bytes(2)


def test_a_beginning_that_fails_is_told() -> None:
    with closing(Company[int, bytes]()) as company:
        company.begin(begin_badly)
        with pytest.raises(EngineFailure, match="no beginning"):
            company.submit(1).result(PATIENCE)


def test_a_beginning_that_cannot_be_sent_is_told() -> None:
    with closing(Company[int, bytes]()) as company:
        company.begin(begin, threading.Lock())
        with pytest.raises(TypeError, match="cannot pickle"):
            company.submit(1).result(PATIENCE)


def test_what_is_to_be_imported_is_there_before_it_begins() -> None:
    with started(2, "this_is_no_module") as [company, _]:
        company.begin(begin, 2)
        with pytest.raises(EngineFailure, match="killed or short of memory"):
            company.submit(1).result(PATIENCE)


def test_nobody_waits_for_a_process_that_was_killed(company: Company[int, bytes]) -> None:
    made, killed, later = (company.submit(number) for number in (1, 0, LARGE))
    assert made.result(PATIENCE) == bytes(2)
    for future in (killed, later):
        with pytest.raises(EngineFailure, match="killed or short of memory"):
            future.result(PATIENCE)


def test_nobody_waits_for_one_that_is_killed_while_it_answers(company: Company[int, bytes]) -> None:
    """It cannot have sent all, since nobody has read it yet."""
    company._receiving.submit(company._process.join)  # reads nothing until the process has ended
    answer: Future[bytes] = company.submit(LARGE)
    assert not answer.done()
    company._process.kill()
    with pytest.raises(EngineFailure, match="killed or short of memory"):
        answer.result(PATIENCE)


def test_closing_does_not_wait_for_what_is_under_way() -> None:
    company = Company[int, bytes]()
    company.begin(begin, 2)
    futures = [company.submit(LARGE) for _ in range(20)]
    company.close()
    assert not company._process.is_alive()
    assert any(future.cancelled() or future.exception() for future in futures)
