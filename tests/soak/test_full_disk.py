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
ENDED, NO_ROOM = "the embedded PostgreSQL has ended: starting it again", "it could not be started again"
MANY = 200
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


def test_a_disk_that_is_full(small_disk: Path, folder: Path) -> None:
    data_dir = small_disk / "service"
    with running(data_dir, folder) as service:  # what it says on a full disk would not be seen
        with Load([service.url], service.admin_key()) as load:
            for turn in count(1):
                load.goes_on()
                with filled(small_disk):
                    load.is_refused()
                    said = len(service.said())
                    os.kill(service.postgres() or 0, signal.SIGKILL)
                    until(partial(has_said, service, ENDED, said), "it is seen")
                    load.is_refused(MANY)
                load.goes_on()
                # what ends frees some room, which now and then is enough for PostgreSQL to start, if not more
                if turn >= ROUNDS and has_said(service, NO_ROOM):
                    break
                assert turn < 3 * ROUNDS, "there was always room to start the database again"
        assert not load.wrong
        check(superuser_url(data_dir), load.acknowledged)


def has_said(service: Service, words: str, since: int = 0) -> bool:
    return words in service.said()[since:]
