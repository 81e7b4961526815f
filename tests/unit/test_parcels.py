"""What is sent to another process comes as it was, small or large, and nothing is left of it."""

import os
from collections.abc import Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread
from typing import Any

import pyarrow as pa
import pytest

from eligibility import parcels
from eligibility.backlog.cutting import Piece
from eligibility.parcels import LARGE, receive, send

TABLE = pa.table({"n": range(LARGE), "t": [None, "é", *map(str, range(LARGE - 2))]})
THINGS: dict[str, Any] = {
    "nothing": None,
    "little": {"a": [1, "é", (2.5, b"x")]},
    "just small": b"x" * (LARGE - 100),
    "just large": b"x" * LARGE,
    "many texts": [f"text {number}" for number in range(LARGE)],
    "a small table": TABLE.slice(0, 3).combine_chunks(),
    "a table": TABLE,
    "tables": (TABLE, "and", [TABLE.slice(7, 9), b"y" * 3 * LARGE]),
    "no rows": TABLE.slice(0, 0),
}


@pytest.fixture(params=[True, False], ids=["by memory", "by the pipe alone"])
def ends(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Connection]]:
    if request.param and not hasattr(os, "memfd_create"):
        pytest.skip("only Linux has memory that is a file")
    monkeypatch.setattr(parcels, "_CAN_SHARE", request.param)
    one, other = Pipe()
    with one, other:
        yield [one, other]


def passed_on(ends: list[Connection], things: list[Any]) -> list[Any]:
    """What comes out of a pipe of what is put into it."""

    def put() -> None:
        for thing in things:
            send(ends[0], thing)

    sending = Thread(target=put)
    sending.start()
    found = [receive(ends[1]) for _ in things]
    sending.join()
    return found


def opened() -> set[Path]:
    """The files that this process has open, where the system tells."""
    folder = Path("/proc/self/fd")
    return {each for each in folder.iterdir() if each.is_symlink()} if folder.exists() else set()


@pytest.mark.parametrize("name", THINGS)
def test_a_thing_comes_as_it_was(ends: list[Connection], name: str) -> None:
    assert passed_on(ends, [THINGS[name]]) == [THINGS[name]]


def test_many_come_in_order_and_leave_nothing_open(ends: list[Connection]) -> None:
    things = [*THINGS.values()] * 5
    before = opened()
    assert passed_on(ends, things) == things
    assert opened() <= before


@pytest.mark.parametrize("size", [0, 10, LARGE * 3])
def test_a_piece_comes_with_its_content(ends: list[Connection], size: int) -> None:
    piece = Piece(3, 40, 5, os.urandom(size))
    [found] = passed_on(ends, [piece])
    assert (found, found.digest) == (piece, piece.digest)


def test_whoever_waits_is_told_that_the_other_end_is_gone(ends: list[Connection]) -> None:
    send(ends[0], "last")
    ends[0].close()
    assert receive(ends[1]) == "last"
    with pytest.raises(EOFError):
        receive(ends[1])


def test_what_cannot_be_sent_is_not_begun(ends: list[Connection]) -> None:
    with pytest.raises(TypeError, match="cannot pickle"):
        send(ends[0], [b"x" * LARGE, Thread()])
    assert passed_on(ends, ["next"]) == ["next"]
