import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from eligibility.errors import UnacceptableRequest
from eligibility.storage.database import Database
from eligibility.storage.decisions import Filters, Page, decision, list_decisions
from eligibility.storage.entries import Recorded
from eligibility.storage.erasure import erase, texts_of_decisions
from eligibility.storage.keys import Keys
from eligibility.storage.log import AuditLog
from eligibility.storage.records import leaf
from eligibility.storage.rulesets import genesis
from tests.storage import making
from tests.storage.conftest import SECRET
from tests.storage.making import RULESET


@pytest.fixture
async def governed(log: AuditLog, service: Database) -> AuditLog:
    await genesis(log, service, RULESET, "2026.1", b"{}")
    return log


async def ids(service: Database, **filters: Any) -> list[UUID]:
    page = await list_decisions(service, Filters(**filters))
    return [found.id for found in page.decisions]


async def test_a_decision_is_read_back_as_it_was_recorded(governed: AuditLog, service: Database) -> None:
    entry = making.decision(
        private={"entity": {"name": "Example", "reference": "crm-1"}, "request_id": "line 7"}
    )
    recorded = await governed.append(entry)
    assert isinstance(recorded, Recorded)
    found = await decision(service, entry.id)
    assert found is not None
    assert (found.id, found.sequence, found.at, found.actor) == (
        entry.id,
        recorded.sequence,
        entry.at,
        making.PRINCIPAL,
    )
    assert (found.ruleset, found.outcome, found.generation, found.channel) == (
        RULESET,
        "permitted",
        "llama-4",
        "http",
    )
    assert found.evaluation == {"n": 0, "outcome": "permitted"}
    assert found.cells["cell"] == 0
    assert leaf(found.body) == found.leaf
    assert found.facts == {
        "model": {"generation": "llama-4"},
        "entity": {"kind": "company", "name": "Example", "reference": "crm-1"},
    }
    assert found.request_id == "line 7"


async def test_what_is_no_decision_is_not_found(governed: AuditLog, service: Database) -> None:
    remark = making.remark()
    await governed.append(remark)
    assert await decision(service, remark.id) is None
    assert await decision(service, UUID(int=1)) is None


async def test_a_decision_without_texts_has_none_and_erased_ones_are_told_apart(
    governed: AuditLog, service: Database
) -> None:
    without, erased = making.decision(private=None), making.decision()
    await asyncio.gather(governed.append(without), governed.append(erased))
    texts = await texts_of_decisions(service, [erased.id])
    await erase(governed, service, texts, reason=None, actor="system", channel="cli")
    first, second = await decision(service, without.id), await decision(service, erased.id)
    assert first is not None
    assert second is not None
    assert first.private == {}
    assert second.private is None
    assert second.facts == {"model": {"generation": "llama-4"}, "entity": {"kind": "company"}}


async def test_pages_hold_every_decision_once_newest_first(governed: AuditLog, service: Database) -> None:
    entries = [making.decision() for _ in range(25)]
    recorded = await asyncio.gather(*map(governed.append, entries))
    for _ in range(5):
        recorded.append(await governed.append(making.decision()))
    newest_first = sorted((r for r in recorded if isinstance(r, Recorded)), key=lambda r: -r.sequence)
    seen: list[UUID] = []
    cursor: str | None = None
    while True:
        page: Page = await list_decisions(service, Filters(), cursor=cursor, limit=7)
        seen += [found.id for found in page.decisions]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == [r.id for r in newest_first]


async def test_a_page_that_is_exactly_full_has_no_next(governed: AuditLog, service: Database) -> None:
    await governed.append(making.decision())
    assert (await list_decisions(service, Filters(), limit=1)).next_cursor is None


async def test_filters_pick_what_they_say(governed: AuditLog, service: Database) -> None:
    early = datetime(2026, 1, 1, tzinfo=UTC)
    finding = ("licence.mau-threshold",)
    plain = making.decision(private={"entity": {"reference": "crm-1"}}, at=early)
    other = making.decision(
        outcome="contact_meta",
        generation="llama-2",
        evaluation=making.evaluation(1, outcome="contact_meta", findings=finding),
        private={"entity": {"reference": "crm-2"}},
        actor="01982c3e-0000-7000-8000-000000000002",
        at=early + timedelta(days=1),
    )
    await governed.append(plain)
    await governed.append(other)
    assert await ids(service) == [other.id, plain.id]
    for filters, expected in (
        ({"outcome": "permitted"}, [plain.id]),
        ({"generation": "llama-2"}, [other.id]),
        ({"finding": "licence.mau-threshold"}, [other.id]),
        ({"finding": "licence.mau"}, []),
        ({"entity_reference": "crm-1"}, [plain.id]),
        ({"entity_reference": "crm"}, []),
        ({"requested_by": making.PRINCIPAL}, [plain.id]),
        ({"mine": other.actor}, [other.id]),
        ({"mine": other.actor, "outcome": "permitted"}, []),
        ({"from_": other.at}, [other.id]),
        ({"to": other.at}, [plain.id]),
        ({"from_": early, "to": early + timedelta(days=2)}, [other.id, plain.id]),
    ):
        assert await ids(service, **filters) == expected, filters


async def test_whoever_asked_is_known_by_name(governed: AuditLog, service: Database) -> None:
    key, _ = await Keys(service, SECRET).create(governed, name="crm", kind="system", role="portal")
    entry = making.decision(actor=str(key.principal))
    await governed.append(entry)
    await governed.append(making.decision())
    assert await ids(service, requested_by="crm") == [entry.id]
    found = await decision(service, entry.id)
    assert found is not None
    assert found.requested_by == "crm"


async def test_others_decisions_are_not_shown_to_a_portal(governed: AuditLog, service: Database) -> None:
    entry = making.decision()
    await governed.append(entry)
    assert await decision(service, entry.id, mine="01982c3e-0000-7000-8000-000000000002") is None
    assert await decision(service, entry.id, mine=making.PRINCIPAL) is not None


async def test_reviews_are_found_by_what_was_said(governed: AuditLog, service: Database) -> None:
    untouched, confirmed, argued = (making.decision() for _ in range(3))
    for entry in (untouched, confirmed, argued):
        await governed.append(entry)
    for kind, about in (("confirm", confirmed), ("comment", argued), ("override", argued)):
        await governed.append(making.remark(kind=f"review.{kind}", subject=about.id))
    assert await ids(service, review="none") == [untouched.id]
    assert await ids(service, review="confirm") == [confirmed.id]
    assert await ids(service, review="comment") == [argued.id]
    assert await ids(service, review="override") == [argued.id]


@pytest.mark.parametrize("cursor", ["x", "-1", "é", "MQ==MQ", "", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5"])
async def test_what_is_no_cursor_is_refused(service: Database, cursor: str) -> None:
    with pytest.raises(UnacceptableRequest, match="no cursor"):
        await list_decisions(service, Filters(), cursor=cursor)


@pytest.mark.parametrize("limit", [0, -1, 201])
async def test_a_limit_out_of_bounds_is_refused(service: Database, limit: int) -> None:
    with pytest.raises(UnacceptableRequest, match="1 to 200"):
        await list_decisions(service, Filters(), limit=limit)


@pytest.mark.parametrize("value", ["\0", "\ud800"])
@pytest.mark.parametrize("name", ["outcome", "finding", "entity_reference", "requested_by"])
async def test_a_filter_that_no_text_can_match_is_refused(service: Database, name: str, value: str) -> None:
    with pytest.raises(UnacceptableRequest):
        await ids(service, **{name: value})
