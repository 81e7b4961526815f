"""Figures over many records: what was decided how often."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Final

from sqlalchemy import text

from eligibility.storage.database import Database
from eligibility.storage.entries import DECISION
from eligibility.storage.failures import translated
from eligibility.storage.recorded import first_id

COUNTING_SECONDS: Final = 60
"""How long counting may take: it reads every decision of the time."""

# Each evaluation is read once, however many decisions point at it; and only those with findings at all.
_FIRED: Final = text(
    """
    SELECT step.rule, sum(shared.decisions)::bigint AS decisions
    FROM (
        SELECT evaluation_key AS key, count(*) AS decisions FROM record
        WHERE kind = :kind AND id >= :first GROUP BY evaluation_key
    ) shared
    JOIN evaluation e ON e.key = shared.key AND e.findings <> '{}'
    CROSS JOIN LATERAL (
        SELECT DISTINCT each ->> 'rule' AS rule
        FROM jsonb_array_elements(convert_from(e.content, 'UTF8')::jsonb -> 'steps') each
        WHERE each ->> 'concludes' = ANY(e.findings)
    ) step
    GROUP BY step.rule
    """
)


async def findings_fired(database: Database, since: datetime) -> dict[str, int]:
    """For each rule that made findings since a time, in how many decisions. Raises StorageUnavailable.

    Remember what it says: it looks at every decision of that time.
    """
    with translated():
        async with asyncio.timeout(COUNTING_SECONDS), database.engine.connect() as connection:
            await connection.execute(text(f"SET LOCAL statement_timeout = '{COUNTING_SECONDS}s'"))
            rows = await connection.execute(_FIRED, {"kind": DECISION, "first": first_id(since)})
            return {row.rule: row.decisions for row in rows}
