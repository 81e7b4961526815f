"""Figures of the log: counted once, and then only what was recorded since."""

import asyncio
import time
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import psycopg
import pytest

from api.dashboard.today_figures import WAIT_SECONDS, Figures
from eligibility.canonical import canonical
from eligibility.export import announce
from eligibility.storage.batches import By, Input, begin, fail
from eligibility.storage.database import Database
from eligibility.storage.entries import StoredEvaluation
from eligibility.storage.exporting import Wanted
from eligibility.storage.figures import causes, changes, count_days, failed_batches, first_id
from eligibility.storage.log import AuditLog
from eligibility.storage.rulesets import genesis
from tests.conftest import FreshDatabase
from tests.storage import making
from tests.storage.making import RULESET
from tests.storage.reviewing import Reviewing, all_filled, decided

MONTH = datetime.now(UTC).date().replace(day=1)
SINCE = MONTH - timedelta(days=90)


def found(outcome: str, *rules: tuple[str, str]) -> StoredEvaluation:
    """An evaluation whose steps are these: a rule, and what it concludes; findings begin with `aup.`."""
    names = tuple(sorted({name for _, name in rules if name.startswith("aup.")}))
    steps = [{"rule": rule, "concludes": name, "because": []} for rule, name in rules]
    made = making.evaluation(len(rules), outcome=outcome, findings=names)
    return StoredEvaluation(**{**vars(made), "content": canonical({"outcome": outcome, "steps": steps})})


@pytest.fixture
async def governed(log: AuditLog, service: Database) -> AuditLog:
    await genesis(log, service, RULESET, "2026.1", b"{}")
    return log


async def test_decisions_are_counted_by_day_outcome_and_rule(governed: AuditLog, service: Database) -> None:
    spam = found("prohibited", ("aup.spam", "aup.spam"), ("aup.spam.again", "aup.spam"), ("helps", "helpful"))
    for number in range(3):
        await governed.append(
            making.decision(evaluation=spam, outcome="prohibited", **made_on(MONTH, number))
        )
    await governed.append(
        making.decision(evaluation=found("permitted"), **made_on(MONTH - timedelta(days=1)))
    )
    await governed.append(making.remark())
    counted = await count_days(service, SINCE)
    assert counted.outcomes == {
        MONTH: Counter(prohibited=3),
        MONTH - timedelta(days=1): Counter(permitted=1),
    }
    assert counted.rules == {MONTH: Counter({"aup.spam": 3, "aup.spam.again": 3})}


def made_on(day: date, number: int = 0) -> dict[str, object]:
    at = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return {"id": UUID(int=first_id(day).int | 7 << 76 | 2 << 62 | number + 1), "at": at}


async def test_what_was_counted_is_not_counted_again(governed: AuditLog, service: Database) -> None:
    spam = found("prohibited", ("aup.spam", "aup.spam"))
    await asyncio.gather(
        *(governed.append(making.decision(evaluation=spam, outcome="prohibited")) for _ in range(5))
    )
    first = await count_days(service, SINCE)
    same = await count_days(service, SINCE, first)
    assert (same.outcomes, same.rules) == (first.outcomes, first.rules)
    # of a batch that goes on later: its ids are of the time when it began
    await governed.append(making.decision(evaluation=spam, outcome="prohibited", **made_on(MONTH)))
    await asyncio.gather(*(governed.append(making.decision()) for _ in range(5)))
    later = await count_days(service, SINCE, same)
    again = await count_days(service, SINCE)
    assert (later.outcomes, later.rules, later.block) == (again.outcomes, again.rules, again.block)
    assert sum((Counter(each) for each in later.outcomes.values()), Counter()) == Counter(
        prohibited=6, permitted=5
    )
    assert first.outcomes != later.outcomes


async def test_all_who_ask_share_one_counting(governed: AuditLog, service: Database) -> None:
    await governed.append(making.decision())
    figures = Figures()
    counted = await asyncio.gather(*(figures.current(service) for _ in range(5)))
    assert len({id(each) for each in counted}) == 1
    await governed.append(making.decision())
    assert await figures.current(service) is counted[0]


async def test_nobody_waits_for_long_while_decisions_are_counted(
    governed: AuditLog, service: Database, database: FreshDatabase
) -> None:
    await governed.append(making.decision())
    figures = Figures()
    with psycopg.connect(database.superuser_url) as superuser:
        superuser.execute("LOCK TABLE record")
        began = time.monotonic()
        assert await figures.current(service) is None
        assert time.monotonic() - began < WAIT_SECONDS + 1
        superuser.rollback()
    counted = None
    while counted is None:
        counted = await figures.current(service)
    assert sum(counted.period(7)[counted.at.date()].values()) == 1


async def test_days_before_the_period_are_left_out(governed: AuditLog, service: Database) -> None:
    await governed.append(making.decision(**made_on(MONTH)))
    await governed.append(making.decision(**made_on(MONTH - timedelta(days=1))))
    early = await count_days(service, MONTH - timedelta(days=1))
    assert set(early.outcomes) == {MONTH, MONTH - timedelta(days=1)}
    assert set((await count_days(service, MONTH)).outcomes) == {MONTH}
    assert set((await count_days(service, MONTH, early)).outcomes) == {MONTH}


async def test_causes_are_those_of_cases_that_are_not_closed(reviews: Reviewing, service: Database) -> None:
    about = await decided(reviews)
    await decided(reviews)
    await all_filled(service)
    assert (await causes(service))["contact"] == 2
    await reviews.step(about, "dispute", reviews.robot)
    assert await causes(service) == {"contact": 2, "disputed": 1}
    await reviews.step(about, "confirm")
    assert await causes(service) == {"contact": 1}


async def test_changes_are_told_newest_first_with_who(reviews: Reviewing, service: Database) -> None:
    about = await decided(reviews)
    await reviews.overridden(about, "permitted")
    wanted = Wanted(since=None, until=None, kind=None, texts=True, proofs=False)
    await announce(reviews.log, wanted, "jsonl", actor=reviews.first.principal, channel="http")
    told = await changes(service, SINCE)
    assert [(each.kind, each.by) for each in told] == [
        ("export", "Rita"),
        ("review.agree", "Sam"),
        ("ruleset.activated", "system"),
    ]
    assert (told[1].subject, told[1].outcome) == (about, "permitted")
    assert told[2].facts["version"] == "2026.1"
    assert [each.kind for each in await changes(service, SINCE, most=1)] == ["export"]
    assert await changes(service, datetime.now(UTC).date() + timedelta(days=2)) == ()


async def test_backlogs_that_failed_are_told(governed: AuditLog, service: Database) -> None:
    by = By("system", "cli")
    await begin(governed, Input("jsonl"), by, ruleset=RULESET)
    failed = await begin(governed, Input("csv"), by, ruleset=RULESET)
    await fail(governed, service, failed, by, problem="its worker died")
    [told] = await failed_batches(service, SINCE)
    assert (told.id, told.problem) == (failed, "its worker died")
    assert told.at is not None
    assert await failed_batches(service, datetime.now(UTC).date() + timedelta(days=2)) == ()
