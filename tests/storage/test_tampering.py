"""Whatever somebody with all rights on the database does to a log is found, and nothing else is."""

from functools import partial
from random import Random

import psycopg
import pytest

from eligibility.storage import tables
from eligibility.verifying.verification import Wanted
from tests.properties.sizes import sized
from tests.storage import forging, tampering
from tests.storage.logs import MadeLog, everything
from tests.storage.tampering import Connection, Impossible, Tampered, Way, found_by, tampered

WAYS = {**tampering.WAYS, **forging.WAYS}


@pytest.fixture(scope="module")
def wanted(made: MadeLog, tmp_path_factory: pytest.TempPathFactory) -> Wanted:
    """Everything at hand that there is to verify the log against."""
    return everything(made, tmp_path_factory.mktemp("checkpoints"))


def tamper(log: Tampered, way: Way) -> str | None:
    """Tamper in this way, within some tries; None where the tables allow none of them."""
    for _ in range(20):
        try:
            with log.connection.transaction():
                return way(log)
        except (Impossible, psycopg.errors.IntegrityError, psycopg.errors.DataError):
            continue
    return None


def test_an_untouched_log_holds(superuser: Connection, made: MadeLog, wanted: Wanted) -> None:
    with tampered(superuser, made, Random(1)) as log:
        report = found_by(log, wanted)
    assert not report.findings.flaws
    assert report.findings.looked_at["evaluations made again"] > 20
    assert report.findings.looked_at["signatures"] > 10


def test_every_table_is_answered_for() -> None:
    assert set(tables.metadata.tables) - tampering.WAITING == set(tampering.TABLES)


def test_a_change_of_any_column_is_found(superuser: Connection, made: MadeLog, wanted: Wanted) -> None:
    missed, untried = [], []
    with tampered(superuser, made, Random(2)) as log:
        columns = log.columns()
    for table, column in columns:
        with tampered(superuser, made, Random(f"{table}.{column}")) as log:
            what = tamper(log, partial(tampering.edit, table=table, column=column))
            if what is None:
                untried.append(f"{table}.{column}")
            elif found_by(log, wanted).holds:
                missed.append(what)
    assert not missed
    assert untried == ["head.singleton"]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_way_of_tampering_is_found(superuser: Connection, made: MadeLog, wanted: Wanted, way: Way) -> None:
    with tampered(superuser, made, Random(3)) as log:
        what = tamper(log, way)
        assert what is not None
        assert not found_by(log, wanted).holds, what


def test_random_tamperings_are_all_found(superuser: Connection, made: MadeLog, wanted: Wanted) -> None:
    random, missed, tried = Random(5), [], 0
    ways, often = list(WAYS), list(WAYS.values())
    while tried < sized(30, 1000):
        with tampered(superuser, made, random) as log:
            what = tamper(log, random.choices(ways, often)[0])
            if what is not None:
                tried += 1
                if found_by(log, wanted).holds:
                    missed.append(what)
    assert not missed
