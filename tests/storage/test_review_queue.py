"""Which decisions need a person and until when, the pages of the queue, and who holds what."""

from datetime import timedelta
from uuid import UUID

import psycopg
import pytest

from eligibility.errors import ActRefused, NotFound
from eligibility.recording import moment_of
from eligibility.review import Policy, is_sampled
from eligibility.storage import review_queue
from eligibility.storage.keys import Keys
from eligibility.storage.review_queue import Wanted, page_of_queue
from eligibility.storage.reviews import (
    fill,
    keep_policy,
    policy_in_force,
)
from tests.conftest import FreshDatabase
from tests.storage import making
from tests.storage.conftest import SECRET
from tests.storage.reviewing import (
    Reviewing,
    after_days,
    assert_verified,
    case_of,
    decided,
    queued,
    unsampled,
)

LEASE = timedelta(minutes=30)


async def test_deadlines_go_by_cause_and_reason_and_stop_while_waiting(
    reviews: Reviewing, database: FreshDatabase
) -> None:
    both = await decided(reviews, "case_by_case", "clarification")
    licence = await decided(reviews, "separate_licence")
    assert [(await case_of(reviews, each)).due for each in (both, licence)] == [
        after_days(await case_of(reviews, both), 5),
        after_days(await case_of(reviews, licence), 10),
    ]
    asked = moment_of(await reviews.step(both, "ask"))
    waiting = await case_of(reviews, both)
    assert (waiting.state, waiting.paused_at) == ("waiting", asked)
    answered = moment_of(await reviews.step(both, "answer"))
    case = await case_of(reviews, both)
    assert case.due == waiting.opened_at + timedelta(days=5) + (answered - asked)
    disputed = moment_of(await reviews.step(licence, "dispute", reviews.robot))
    case = await case_of(reviews, licence)
    assert (case.due, case.causes) == (disputed + timedelta(days=5), ("contact", "disputed"))
    assert_verified(database)


async def test_what_is_overdue_is_told_but_for_what_waits(
    reviews: Reviewing, database: FreshDatabase
) -> None:
    late, waiting, other = await decided(reviews), await decided(reviews), await decided(reviews)
    await reviews.step(waiting, "ask")
    await fill(reviews.database)
    with psycopg.connect(database.superuser_url) as superuser:
        superuser.execute(
            "UPDATE review_case SET due = now() - interval '1 hour' WHERE decision = ANY(%s)",
            ([late, waiting],),
        )
    assert await queued(reviews, overdue=True) == [late]
    assert set(await queued(reviews, overdue=False)) == {waiting, other}
    assert (await review_queue.counts(reviews.database))["overdue"] == 1


async def test_what_is_asked_of_reviews_counts_from_then_on(
    reviews: Reviewing, database: FreshDatabase
) -> None:
    before = making.decision()
    await reviews.log.append(before)
    assert not await keep_policy(reviews.log, reviews.database, Policy())
    everything = Policy(sample_percent=100, clarification=1, sampled=2)
    assert await keep_policy(reviews.log, reviews.database, everything)
    assert await policy_in_force(reviews.database) == everything
    after = making.decision()
    await reviews.log.append(after)
    about = await decided(reviews)
    sampled = {before.id} if is_sampled(before.id, 1) else set()
    assert set(await queued(reviews)) == {after.id, about} | sampled
    case = await case_of(reviews, after.id)
    assert (case.causes, case.due) == (("sampled",), after_days(case, 2))
    assert (await case_of(reviews, about)).due == after_days(await case_of(reviews, about), 1)
    assert_verified(database)


async def test_a_decision_that_nobody_had_to_look_at_can_be_disputed(
    reviews: Reviewing, database: FreshDatabase
) -> None:
    entry = making.decision(id=unsampled())
    await reviews.log.append(entry)
    untouched = await case_of(reviews, entry.id)
    assert (untouched.state, untouched.causes, untouched.number) == ("closed", (), 0)
    assert await queued(reviews) == []
    await reviews.step(entry.id, "dispute", reviews.robot)
    assert await queued(reviews, cause="disputed") == [entry.id]
    await reviews.step(entry.id, "confirm")
    assert await queued(reviews) == []
    assert await queued(reviews, state="closed") == [entry.id]
    assert_verified(database)


async def test_the_queue_is_read_by_pages_and_filters(reviews: Reviewing) -> None:
    ids = [await decided(reviews, "clarification") for _ in range(3)]
    licence = await decided(reviews, "separate_licence", channel="batch")
    await fill(reviews.database)
    found, cursor = [], None
    for _ in range(3):
        page = await page_of_queue(reviews.database, Wanted(), cursor=cursor, limit=2)
        found += [case.decision for case in page.cases]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == [*ids, licence]
    assert await queued(reviews, order="opened") == [*ids, licence]
    assert await queued(reviews, reason="separate_licence") == [licence]
    assert await queued(reviews, channel="batch") == [licence]
    assert await queued(reviews, cause="sampled") == []
    assert await queued(reviews, generation="llama-3") == []
    assert await queued(reviews, outcome="contact_meta", state="open") == [*ids, licence]


async def _reviewers(reviews: Reviewing) -> None:
    keys = Keys(reviews.database, SECRET)
    for name in ("Rita", "Sam"):
        await keys.create(reviews.log, name=name, kind="person", role="reviewer")


async def test_a_case_is_held_by_one_until_the_lease_lapses(
    reviews: Reviewing, database: FreshDatabase
) -> None:
    about = await decided(reviews)
    await _reviewers(reviews)
    await fill(reviews.database)
    first, second = (UUID(each.principal) for each in (reviews.first, reviews.second))
    await review_queue.claim(reviews.database, about, first, LEASE)
    await review_queue.claim(reviews.database, about, first, LEASE)  # for longer
    with pytest.raises(ActRefused, match="somebody else holds it"):
        await review_queue.claim(reviews.database, about, second, LEASE)
    with pytest.raises(ActRefused, match="somebody else holds"):
        await reviews.step(about, "confirm", reviews.second)
    await reviews.step(about, "comment", reviews.second)
    assert await queued(reviews, holder=first) == [about]
    assert await queued(reviews, nobody=True) == []
    with psycopg.connect(database.superuser_url) as superuser:
        superuser.execute("UPDATE review_case SET held_until = now() - interval '1 second'")
    assert (await case_of(reviews, about)).holder is None
    assert await queued(reviews, nobody=True) == [about]
    await review_queue.claim(reviews.database, about, second, LEASE)
    await review_queue.hand_over(reviews.database, about, first, by=second, lease=LEASE)
    with pytest.raises(ActRefused, match="only who holds it"):
        await review_queue.hand_over(reviews.database, about, first, by=second, lease=LEASE)
    with pytest.raises(ActRefused, match="you do not hold it"):
        await review_queue.release(reviews.database, about, second)
    await review_queue.release(reviews.database, about, first)
    robot = UUID(reviews.robot.principal)
    with pytest.raises(ActRefused, match="no person who reviews"):
        await review_queue.claim(reviews.database, about, robot, LEASE)
    other = await decided(reviews)
    await fill(reviews.database)
    await review_queue.claim(reviews.database, other, second, LEASE)
    assert await review_queue.assign(reviews.database, [about, other], first, by=first, lease=LEASE) == {
        about
    }
    await reviews.step(about, "confirm", reviews.first)
    assert (await case_of(reviews, about)).holder is None
    with pytest.raises(NotFound):
        await review_queue.person(reviews.database, "reviewing robot")
