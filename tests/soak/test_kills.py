"""`kill -9` at random moments: nothing acknowledged is lost, nothing is there twice, the service comes back."""

import json
import random
import time
from pathlib import Path

import pytest

from eligibility.storage.embedded import DATABASE, EmbeddedPostgres
from tests.properties.sizes import sized
from tests.soak.checking import check
from tests.soak.kept import TARGETS, kept
from tests.soak.load import Load

ROUNDS = sized(1, 40)
LONGEST_PAUSE = 1.5


def superuser_url(data_dir: Path) -> str:
    """The superuser's login to an embedded server that runs."""
    home = data_dir / "postgres"
    passwords = json.loads((home / "passwords.json").read_text())
    port = json.loads((home / "state.json").read_text())["port"]
    return EmbeddedPostgres(data_dir, port, passwords).url("postgres", DATABASE)


@pytest.mark.parametrize("seed", [1])
def test_nothing_acknowledged_is_lost_whatever_is_killed(folder: Path, seed: int) -> None:
    chance = random.Random(seed)
    data_dir = folder / "service"
    with kept(data_dir, ELIGIBILITY_WORKERS="2") as service:
        address, key = service.service.url, service.service.admin_key()
        with Load([address], key, seed=seed) as load:
            for _ in range(ROUNDS):
                t0 = time.monotonic()
                for target in chance.sample(TARGETS, len(TARGETS)):
                    service.until(lambda: service.kill(target, chance), f"there is a {target} to kill")
                    if chance.random() < 0.7:
                        wanted = len(load.acknowledged) + 20
                        service.until(lambda: load.wrong or len(load.acknowledged) >= wanted, "it is back")
                    time.sleep(chance.uniform(0, LONGEST_PAUSE))  # so that kills come at any moment
                    print(target, time.monotonic() - t0)
                    t0 = time.monotonic()
                    assert load.wrong == []
            wanted = len(load.acknowledged) + 50
            service.until(lambda: load.wrong or len(load.acknowledged) >= wanted, "it is back")
        assert load.wrong == []
        found = check(superuser_url(data_dir), load.acknowledged)
        print(load.statuses, len(load.acknowledged), found, service.starts, service.leftovers())
        import shutil

        shutil.copy(data_dir / "postgres" / "server.log", "/tmp/faults-server.log")
        for f in sorted(data_dir.glob("output-*"), key=lambda p: p.stat().st_mtime):
            print("=====", f)
            print(
                "\n".join(line for line in f.read_text().splitlines() if not line.startswith((" ", "curl")))
            )
