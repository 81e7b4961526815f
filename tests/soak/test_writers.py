"""Two services that write at once: one chain, no fork, and one record under each key whoever is asked."""

from pathlib import Path

from tests.cli.running import running
from tests.conftest import copied_dir
from tests.properties.sizes import sized
from tests.soak.checking import check, superuser_url
from tests.soak.load import Load

REQUESTS = sized(100, 40_000)


def test_two_services_write_one_chain(folder: Path, migrated_dir: Path) -> None:
    data_dir = copied_dir(migrated_dir, folder / "service")
    with running(data_dir) as first, running(data_dir) as second:
        with Load([first.url, second.url], first.admin_key(), callers=12) as load:
            load.goes_on(REQUESTS)
        assert load.wrong == []
        assert set(load.statuses) == {200, 201}
        found = check(superuser_url(data_dir), load.acknowledged)
        verified = first.command("audit", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert found.decisions == len(load.acknowledged)
