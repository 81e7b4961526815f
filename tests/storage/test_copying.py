from datetime import UTC, datetime, timedelta, timezone

import psycopg
import pytest

from eligibility.storage.copying import binary_rows, binary_text, binary_time
from tests.conftest import FreshDatabase

TIMES = (
    datetime(2026, 11, 27, 5, 56, 48, 481_001, tzinfo=UTC),
    datetime(1999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=5, minutes=30))),
)


@pytest.mark.parametrize("count", [0, 1, 500])
def test_the_database_reads_the_rows_that_were_written(database: FreshDatabase, count: int) -> None:
    rows = [
        (n, f"é{n}" if n % 3 else None, bytes([n % 256]) * n, TIMES[n % len(TIMES)]) for n in range(count)
    ]
    sent = binary_rows(
        (n.to_bytes(4), binary_text(text), content, binary_time(at)) for n, text, content, at in rows
    )
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute("CREATE TEMPORARY TABLE kept (n int, text text, content bytea, at timestamptz)")
        with connection.cursor().copy("COPY kept FROM STDIN (FORMAT BINARY)") as copy:
            copy.write(sent)
        assert connection.execute("SELECT * FROM kept ORDER BY n").fetchall() == rows
