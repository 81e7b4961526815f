"""`kill -9` at random moments: nothing acknowledged is lost or there twice, and the service comes back."""

import random
import time
from pathlib import Path

from tests.conftest import copied_dir
from tests.properties.sizes import sized
from tests.soak.checking import check, superuser_url
from tests.soak.kept import TARGETS, kept
from tests.soak.load import Load

ROUNDS = sized(1, 30)
LONGEST_PAUSE = 1.0
WAITS = 0.7


def test_nothing_acknowledged_is_lost_whatever_is_killed(folder: Path, migrated_dir: Path) -> None:
    chance = random.Random(4)
    data_dir = copied_dir(migrated_dir, folder / "service")
    with kept(data_dir, ELIGIBILITY_WORKERS="2") as service:
        with Load([service.service.url], service.service.admin_key()) as load:
            for _ in range(ROUNDS):
                for target in chance.sample(TARGETS, len(TARGETS)):
                    time.sleep(chance.uniform(0, LONGEST_PAUSE))  # so that kills come at any moment
                    service.kill(target, chance)
                    if chance.random() < WAITS:
                        service.until(load.more_acknowledged(), "the service is back")
            service.wait_for_orphans()
            service.until(load.more_acknowledged(), "the service is back")
        assert load.wrong == []
        check(superuser_url(data_dir), load.acknowledged)
        verified = service.service.command("audit", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
