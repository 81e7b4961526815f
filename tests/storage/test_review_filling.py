"""Opening cases costs what was decided since, whatever the database believes of how much there is."""

import asyncio

import psycopg

from eligibility.storage.database import Database
from eligibility.storage.log import AuditLog
from eligibility.storage.rulesets import genesis
from tests.conftest import FreshDatabase
from tests.storage.making import RULESET, decision

SCANS = "SELECT coalesce(sum(seq_scan), 0) FROM pg_stat_xact_user_tables WHERE relname LIKE 'record_2%'"


async def test_cases_are_opened_without_going_through_all_records(
    log: AuditLog, service: Database, database: FreshDatabase
) -> None:
    """Also over a connection that was there when the log was empty, and has its plans from then."""
    assert await genesis(log, service, RULESET, "2026.1", b"{}") is None
    with psycopg.connect(database.service_url, autocommit=True) as connection:
        for _ in range(12):  # a plan is kept from some repetitions on
            await log.append(decision())
            connection.execute("SELECT fill_reviews(1000)")
        for _ in range(20):
            await asyncio.gather(*(log.append(decision()) for _ in range(20)))
        with connection.transaction():
            assert connection.execute("SELECT fill_reviews(1000)").fetchone() == (400,)
            assert connection.execute(SCANS).fetchone() == (0,)
