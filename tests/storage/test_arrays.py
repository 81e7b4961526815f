from datetime import UTC, datetime, timedelta, timezone

import psycopg
import pytest

from eligibility.storage.arrays import BYTES, INT, TEXT, TIME, binary_array, binary_text, binary_time
from tests.conftest import FreshDatabase

TIMES = (
    datetime(2026, 11, 27, 5, 56, 48, 481_001, tzinfo=UTC),
    datetime(1999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=5, minutes=30))),
)


@pytest.mark.parametrize("count", [1, 500])
def test_the_database_reads_the_columns_that_were_written(database: FreshDatabase, count: int) -> None:
    rows = [
        (n, f"é{n}" if n % 3 else None, bytes([n % 256]) * n, TIMES[n % len(TIMES)]) for n in range(count)
    ]
    columns = [
        binary_array(INT, [n.to_bytes(4) for n, _, _, _ in rows]),
        binary_array(TEXT, [binary_text(text) for _, text, _, _ in rows]),
        binary_array(BYTES, [content for _, _, content, _ in rows]),
        binary_array(TIME, [binary_time(at) for _, _, _, at in rows]),
    ]
    with psycopg.connect(database.superuser_url) as connection:
        found = connection.execute(
            b"SELECT * FROM unnest(%b::int[], %b::text[], %b::bytea[], %b::timestamptz[])", columns
        )
        assert found.fetchall() == rows
