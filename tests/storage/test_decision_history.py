"""Who looked at a decision and did what, and what was decided before: found by indexes, in order, bounded."""

from typing import Any
from uuid import UUID

import psycopg
import pytest
import uuid_utils.compat

from eligibility.storage import decision_history
from eligibility.storage.database import Database
from eligibility.storage.decision_history import Around, EarlierDecisions, around, last_look
from eligibility.storage.decisions import decision
from eligibility.storage.entries import Entry
from eligibility.storage.erasure import erase, texts_of_decisions
from eligibility.storage.log import AuditLog
from eligibility.storage.rulesets import genesis
from tests.conftest import FreshDatabase
from tests.storage import making
from tests.storage.making import PRINCIPAL, RULESET

OTHER = "01982c3e-0000-7000-8000-000000000002"


@pytest.fixture
async def governed(log: AuditLog, service: Database) -> AuditLog:
    await genesis(log, service, RULESET, "2026.1", b"{}")
    return log


def look(*decisions: UUID, actor: str = PRINCIPAL) -> Entry:
    return making.remark(kind="access", actor=actor, facts={"decisions": [str(each) for each in decisions]})


async def around_of(service: Database, entry: Entry) -> Around:
    found = await decision(service, entry.id)
    assert found is not None
    return await around(service, found)


async def decided(log: AuditLog, number: int, **changes: Any) -> list[Entry]:
    made = []
    for _ in range(number):
        entry = making.decision(**changes)
        await log.append(entry)
        made.append(entry)
    return made


async def test_looks_are_found_newest_first_and_by_who_looked(governed: AuditLog, service: Database) -> None:
    first, second = await decided(governed, 2)
    looks = [look(first.id), look(second.id, first.id, actor=OTHER), look(second.id)]
    for each in looks:
        await governed.append(each)
    await governed.append(making.remark(kind="access", facts={"batches": [str(first.id)]}))
    await governed.append(making.remark(facts={"decisions": [str(first.id)]}))  # no look

    found = (await around_of(service, first)).looks
    assert [(each.id, str(each.actor)) for each in found] == [(looks[1].id, OTHER), (looks[0].id, PRINCIPAL)]
    seen = await last_look(service, second.id, UUID(OTHER))
    assert seen is not None
    assert abs(seen - looks[1].at).total_seconds() < 1
    assert await last_look(service, first.id, UUID(int=1)) is None


async def test_looks_are_found_by_the_index(governed: AuditLog, database: FreshDatabase) -> None:
    (entry,) = await decided(governed, 1)
    for _ in range(3):
        await governed.append(look(entry.id))
    query = str(decision_history._LOOKS).replace(":decision", "'x'").replace(":most", "9")
    query = query.replace(":actor", "NULL")
    with psycopg.connect(database.superuser_url) as connection:
        # a log as small as this would be read whole; the index of kinds would do, if it could be used
        connection.execute("ANALYZE record; SET enable_seqscan = off")
        plan = [row[0] for row in connection.execute(f"EXPLAIN {query}".encode()).fetchall()]
        connection.rollback()
    conditions = [line for line in plan if "Index Cond" in line]
    assert any("string_to_array" in line for line in conditions)
    assert not any("kind" in line for line in conditions)


async def test_acts_on_a_decision_are_found_and_its_erasure_too(
    governed: AuditLog, service: Database
) -> None:
    (entry,) = await decided(governed, 1)
    about = making.remark(kind="review.comment", subject=entry.id, facts={"reason": "note"})
    await governed.append(about)
    texts = await texts_of_decisions(service, [entry.id])
    await erase(governed, service, texts, reason="asked for", actor=PRINCIPAL, channel="cli")
    found = await around_of(service, entry)
    assert [each.kind for each in found.acts] == ["erasure", "review.comment"]
    assert found.acts[1].facts["reason"] == "note"
    assert found.of_applicant is None


async def test_an_export_counts_where_its_kind_and_time_hold_the_decision(
    governed: AuditLog, service: Database
) -> None:
    (entry,) = await decided(governed, 1)
    wanted = [
        ({"kind": "decision", "from": None, "to": None}, True),
        ({"kind": "all", "from": "2020-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z"}, True),
        ({"kind": "decision", "from": "2100-01-01T00:00:00Z", "to": None}, False),
        ({"kind": "decision", "from": None, "to": "2020-01-01T00:00:00Z"}, False),
        ({"kind": "access", "from": None, "to": None}, False),
    ]
    for facts, _ in wanted:
        await governed.append(making.remark(kind="export", facts=facts))
    found = (await around_of(service, entry)).exports
    assert [each.facts for each in found] == [facts for facts, is_in in reversed(wanted) if is_in]


async def test_earlier_decisions_are_those_before_newest_first(governed: AuditLog, service: Database) -> None:
    made = await decided(governed, 12)
    await decided(governed, 1, evaluation=making.evaluation(7), private={"entity": {"reference": "crm-1"}})
    newest, older = made[-1], [entry.id for entry in reversed(made[:-1])]
    this = await around_of(service, newest)
    assert this.of_applicant is not None
    for found in (this.of_applicant, this.on_facts):
        assert [each.id for each in found.decisions] == older[:10]
        assert found.number == 11
    assert (await around_of(service, made[0])).on_facts == EarlierDecisions((), 0)
    assert this.on_facts.decisions[0].outcome == this.on_facts.decisions[0].outcome_in_force == "permitted"


async def test_of_very_many_the_nearest_are_told_without_counting(
    governed: AuditLog, service: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decision_history, "MOST_SORTED", 3)
    monkeypatch.setattr(decision_history, "NEARBY", 4)
    made = await decided(governed, 5)
    await decided(governed, 2, evaluation=making.evaluation(7), private={"entity": {"name": "B"}})
    (this,) = await decided(governed, 1)
    found = (await around_of(service, this)).on_facts
    assert found.number is None
    assert [each.id for each in found.decisions] == [made[4].id, made[3].id]


async def test_a_look_that_names_something_odd_is_recorded_all_the_same(
    governed: AuditLog, service: Database
) -> None:
    odd: tuple[dict[str, Any], ...] = (
        {"decisions": []},
        {"decisions": ['a "b" \\ ü']},
        {"decisions": "no list"},
        {},
    )
    for facts in odd:
        await governed.append(making.remark(kind="access", facts=facts))
    assert await last_look(service, uuid_utils.compat.uuid7(), UUID(int=0)) is None
