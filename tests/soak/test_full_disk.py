"""A disk that is really full: the service answers 503, and comes back by itself once there is room."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from tests.cli.running import Service, running, until
from tests.properties.sizes import sized
from tests.soak.checking import check, superuser_url
from tests.soak.load import Load

ROUNDS = sized(1, 20)
NO_ROOM, BACK = "it could not be started again", "the embedded PostgreSQL is back"
SIZE = 160 * 1024 * 1024


@pytest.fixture
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of its own, which only root may make, and not everywhere."""
    disk = folder / "disk"
    disk.mkdir(mode=0o755)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=755", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("a disk of a small size cannot be made here")
    yield disk
    subprocess.run(["umount", disk], check=True)  # noqa: S607 - wherever it is


@contextmanager
def filled(disk: Path) -> Iterator[None]:
    """The disk is full, and whatever becomes free is taken at once."""
    enough = threading.Event()

    def fill(ballast: int) -> None:
        while not enough.is_set():
            try:
                os.write(ballast, bytes(4096))
            except OSError:
                enough.wait(0.001)

    file = disk / "ballast"
    with file.open("wb") as opened:
        filler = threading.Thread(target=fill, args=[opened.fileno()])
        filler.start()
        try:
            yield
        finally:
            enough.set()
            filler.join()
            file.unlink()


def became_of_it(service: Service, said: int) -> str | None:
    """What the service has said since of starting the database again."""
    return next((words for words in (NO_ROOM, BACK) if words in service.said()[said:]), None)


def test_a_disk_that_is_full(small_disk: Path) -> None:
    data_dir, without_room = small_disk / "service", 0
    with running(data_dir) as service:
        with Load([service.url], service.admin_key()) as load:
            for turn in count(1):
                load.goes_on()
                with filled(small_disk):
                    load.is_refused()
                    said = len(service.said())
                    os.kill(service.postgres() or 0, signal.SIGKILL)
                    # what ends frees some room, which now and then it gets back before anybody else
                    became = until(partial(became_of_it, service, said), "it is started again, or cannot be")
                    without_room += became == NO_ROOM
                    load.is_refused()
                load.goes_on()
                if turn >= ROUNDS and without_room:
                    break
                assert turn < 3 * ROUNDS, "there was always room to start the database again"
        assert not load.wrong
        check(superuser_url(data_dir), load.acknowledged)
