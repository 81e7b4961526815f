"""Checkpoints: appended to files that processes share, posted to a receiver, tried again where that fails."""

import asyncio
import fcntl
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from eligibility import checkpoints, signing
from eligibility.chain import Header
from eligibility.checkpoints import Checkpoint, append, checkpoint, last_kept, post, publishing
from eligibility.errors import CheckpointFailed, StorageUnavailable
from tests.receiving import Receiver, receiving

ROOT = Path(__file__).parent.parent.parent
KEY = signing.from_seed(bytes(32))
PATIENCE = 20


def sealed(number: int, root: bytes = bytes(32)) -> tuple[Header, bytes]:
    header = Header(number, number, 1, root, bytes(32), datetime(2026, 11, 27, tzinfo=UTC), KEY.id)
    return header, KEY.sign(header.signed_bytes)


def made(number: int, root: bytes = bytes(32)) -> Checkpoint:
    return checkpoint(*sealed(number, root))


def numbers(path: Path) -> list[int]:
    return [json.loads(line)["number"] for line in path.read_bytes().splitlines()]


def test_a_checkpoint_is_a_line_that_holds_the_signed_header() -> None:
    header, signature = sealed(7)
    document = json.loads(made(7).line)
    assert b"\n" not in made(7).line
    assert document == {
        **header.document(),
        "hash": f"sha256:{header.hash.hex()}",
        "signature": signature.hex(),
    }


def test_a_file_holds_each_checkpoint_once_and_in_order(tmp_path: Path) -> None:
    path = tmp_path / "log"
    assert [append(path, made(n)) for n in (1, 1, 3, 2, 3, 5)] == [True, False, True, False, False, True]
    assert numbers(path) == [1, 3, 5]
    assert path.read_bytes().endswith(b"}\n")


def test_the_last_one_that_was_kept_is_told(tmp_path: Path) -> None:
    path = tmp_path / "log"
    assert last_kept(path) is None
    append(path, made(1))
    append(path, made(4))
    with path.open("ab") as file:
        file.write(made(5).line[:40])
    assert last_kept(path) == (4, datetime(2026, 11, 27, tzinfo=UTC))
    (tmp_path / "other").write_text("no checkpoints")
    assert last_kept(tmp_path / "other") is None


@pytest.mark.parametrize("length", [1, 5, 7, 40, -1])
def test_a_last_line_that_was_cut_off_is_mended(tmp_path: Path, length: int) -> None:
    path = tmp_path / "log"
    append(path, made(1))
    with path.open("ab") as file:
        file.write(made(2).line[:length])
    assert append(path, made(3))
    assert numbers(path) == [1, 3]


def test_a_first_line_that_was_cut_off_is_mended(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(made(1).line[:30])
    assert append(path, made(1))
    assert numbers(path) == [1]


def test_a_last_line_without_its_end_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text(json.dumps(dict(reversed(json.loads(made(1).line).items()))))
    assert append(path, made(2))
    assert numbers(path) == [1, 2]


@pytest.mark.parametrize("text", ["a letter", "a letter\n", '{"a": 1}', '{"a": 1}\n', "[1]\n", "\n"])
def test_a_file_of_something_else_is_left_as_it_is(tmp_path: Path, text: str) -> None:
    path = tmp_path / "letter"
    path.write_text(text)
    with pytest.raises(CheckpointFailed, match="something else than checkpoints"):
        append(path, made(1))
    assert path.read_text() == text


def test_another_block_of_the_same_number_is_an_alarm(tmp_path: Path) -> None:
    path = tmp_path / "log"
    append(path, made(4))
    with pytest.raises(CheckpointFailed, match="another block 4 than the log has"):
        append(path, made(4, root=bytes([1] * 32)))
    assert numbers(path) == [4]


_APPENDING = """
import sys
from pathlib import Path
from tests.unit.test_checkpoints import append, made
for n in range(1, 101):
    append(Path(sys.argv[1]), made(n))
"""


def test_processes_that_share_a_file_take_turns(tmp_path: Path) -> None:
    path = tmp_path / "log"
    command = [sys.executable, "-c", _APPENDING, str(path)]
    running = [subprocess.Popen(command, cwd=ROOT) for _ in range(3)]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    assert numbers(path) == list(range(1, 101))


@contextmanager
def locked(path: Path) -> Iterator[None]:
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def test_a_file_that_stays_locked_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "_LOCK_SECONDS", 0.1)
    path = tmp_path / "log"
    with locked(path), pytest.raises(CheckpointFailed, match="locked"):
        append(path, made(1))
    assert append(path, made(1))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def test_a_checkpoint_is_posted_as_json(receiver: Receiver) -> None:
    post(receiver.url, made(1))
    assert receiver.came == [("/log?token=t", "application/json", made(1).line)]


@pytest.mark.parametrize("status", [302, 404, 500])
def test_only_a_success_counts(receiver: Receiver, status: int) -> None:
    receiver.status = status
    with pytest.raises(CheckpointFailed, match=str(status)):
        post(receiver.url, made(1))
    assert len(receiver.came) == 1


class Log:
    """A log whose newest block tests choose."""

    def __init__(self, number: int | None) -> None:
        self.number = number
        self.asked: asyncio.Queue[None] = asyncio.Queue()

    async def newest(self) -> tuple[Header, bytes] | None:
        self.asked.put_nowait(None)
        if self.number == 0:
            raise StorageUnavailable("the database does not answer")
        return None if self.number is None else sealed(self.number)

    async def turn(self) -> None:
        """Wait until somebody has asked and dealt with the answer, and asks again."""
        while not self.asked.empty():
            self.asked.get_nowait()
        async with asyncio.timeout(PATIENCE):
            await self.asked.get()
            await self.asked.get()


async def test_only_newer_checkpoints_are_posted_and_the_last_at_the_end(
    receiver: Receiver, tmp_path: Path
) -> None:
    log, file = Log(None), tmp_path / "log"
    async with publishing(log.newest, file=file, url=receiver.url, seconds=0.01):
        await log.turn()
        assert receiver.came == []
        for number in (3, 3, 5):
            log.number = number
            await log.turn()
        log.number = 6
    assert [body for _, _, body in receiver.came] == [made(n).line for n in (3, 5, 6)]
    assert numbers(file) == [3, 5, 6]


async def test_what_is_not_taken_is_tried_again_and_harms_nothing_else(
    receiver: Receiver, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log, file = Log(3), tmp_path / "log"
    receiver.status = 500
    with caplog.at_level(logging.WARNING):
        async with publishing(log.newest, file=file, url=receiver.url, seconds=0.01):
            await log.turn()
            await log.turn()
            assert len(receiver.came) > 1
            log.number = 0
            await log.turn()
            log.number, receiver.status = 4, 204
            await log.turn()
            taken = len(receiver.came)
            await log.turn()
    assert len(receiver.came) == taken
    assert receiver.came[-1][2] == made(4).line
    assert numbers(file) == [3, 4]
    assert "was not kept by the receiver at 127.0.0.1: the receiver answered 500" in caplog.text
    assert "no checkpoint to keep at the moment: the database does not answer" in caplog.text
    assert "token" not in caplog.text


async def test_a_receiver_that_is_not_there_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with receiving() as gone:
        pass
    with caplog.at_level(logging.WARNING):
        async with publishing(Log(1).newest, file=None, url=gone.url, seconds=60):
            pass
    assert "the checkpoint of block 1 was not kept" in caplog.text


async def test_nothing_is_asked_where_nothing_is_to_be_kept() -> None:
    log = Log(1)
    async with publishing(log.newest, file=None, url=None, seconds=0.001):
        await asyncio.sleep(0)
    assert log.asked.empty()
