"""Finding what was recorded: by words, by what was decided, by what was said of it; with filters or not."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
import uuid_utils.compat

from eligibility.backlog.deciding import BacklogDecider
from eligibility.backlog.recording import Run
from eligibility.decider import Decider
from eligibility.errors import UnacceptableRequest
from eligibility.storage import finding
from eligibility.storage.batch_slices import SliceWriter
from eligibility.storage.batches import By, Input, begin
from eligibility.storage.database import Database
from eligibility.storage.entries import Entry
from eligibility.storage.erasure import erase, texts_of_decisions
from eligibility.storage.finding import Found, find, find_all
from eligibility.storage.log import AuditLog
from eligibility.storage.search_parts import fill_part
from eligibility.storage.sought import Sought
from eligibility.words import phrases, seems_in
from tests.storage import backlogs, making
from tests.storage.conftest import SIGNER
from tests.storage.reviewing import Reviewing, all_filled, contact
from tests.storage.test_log import rows

LEAST = 8
"""Records of a part, here."""


async def found(service: Database, text: str = "", *, limit: int = 50, **sought: Any) -> list[UUID]:
    made = await find(service, Sought(phrases(text), **sought), cursor=None, limit=limit, seconds=9)
    return [hit.decision.id for hit in made.hits if hit.decision]


async def filled(service: Database) -> int:
    """How many filters were made."""
    number = 0
    while await fill_part(service, least=LEAST):
        number += 1
    return number


async def recorded(log: AuditLog, *entries: Entry) -> None:
    for entry in entries:
        await log.append(entry)


def named(name: str, **changes: Any) -> Entry:
    return making.decision(private={"entity": {"name": name}}, **changes)


def other() -> Entry:
    return making.decision(
        evaluation=making.evaluation(7, outcome="prohibited", findings=("licence.eu-office",)),
        outcome="prohibited",
        generation="llama-2",
        channel="cli",
        facts={
            "model": {"generation": "llama-2"},
            "entity": {"kind": "researcher", "domicile": "FR", "monthly_active_users": 7},
            "use": {"activities": ["develop", "use"]},
        },
        private={"entity": {"name": "Claire Example"}, "request_id": "line-12"},
    )


ASKED: list[dict[str, Any]] = [
    {"outcome": "prohibited"},
    {"generation": "llama-2"},
    {"finding": "licence.eu-office"},
    {"channel": "cli"},
    {"in_force": "prohibited"},
    {"facts": {"entity": {"kind": "researcher"}}},
    {"facts": {"entity": {"domicile": "FR", "monthly_active_users": 7}}},
    {"facts": {"use": {"activities": ["use"]}}},
    {"outcome": "prohibited", "finding": "licence.eu-office", "text": "claire"},
    {"text": "LINE-12"},
]


@pytest.mark.parametrize("is_filled", [False, True], ids=["before there are filters", "by filters"])
async def test_a_decision_is_found_by_what_it_is(reviews: Reviewing, *, is_filled: bool) -> None:
    one = other()
    before, after = [named("Somebody") for _ in range(20)], [named("Else") for _ in range(20)]
    await recorded(reviews.log, *before, one, *after)
    assert not is_filled or await filled(reviews.database) > 3
    for asked in ASKED:
        assert await found(reviews.database, **asked) == [one.id], asked
    assert await found(reviews.database, "claire", outcome="permitted") == []
    assert await found(reviews.database, "nobody-of-this-name") == []
    assert await found(reviews.database, facts={"entity": {"domicile": "DE"}}) == []
    everything = await found(reviews.database)
    assert everything == [each.id for each in reversed([*before, one, *after])]


async def test_pages_follow_one_another_without_gaps_or_repeats(reviews: Reviewing) -> None:
    entries = [named("Anna" if number % 3 else "Berta") for number in range(40)]
    await recorded(reviews.log, *entries)
    await filled(reviews.database)
    wanted = [each.id for each in reversed(entries) if each.private == {"entity": {"name": "Anna"}}]
    sought, cursor, seen = Sought(phrases("anna")), None, list[UUID]()
    while True:
        page = await find(reviews.database, sought, cursor=cursor, limit=4)
        seen += [hit.decision.id for hit in page.hits if hit.decision]
        if (cursor := page.next_cursor) is None:
            break
    assert seen == wanted
    pieces = [piece async for piece in find_all(reviews.database, sought, at_once=5)]
    assert [hit.decision.id for piece in pieces for hit in piece if hit.decision] == wanted


async def test_where_time_runs_out_it_says_how_far_it_looked_and_goes_on(
    reviews: Reviewing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "_FIRST_LOOK", 4)
    monkeypatch.setattr(finding, "RECORDS_AT_ONCE", 4)
    first = named("Anna")
    await recorded(reviews.log, first, *(named("Berta") for _ in range(30)))
    sought, cursor, pages = Sought(phrases("anna")), None, list[Found]()
    while not pages or (cursor := pages[-1].next_cursor):
        pages.append(await find(reviews.database, sought, cursor=cursor, limit=4, seconds=0))
    assert len(pages) > 5
    assert all(page.looked_back_to and page.looked_back_to <= datetime.now(UTC) for page in pages[:-2])
    assert [hit.record for page in pages for hit in page.hits] == [first.id]
    assert pages[-1].looked_back_to is None


async def test_filters_pass_over_parts_that_cannot_have_it(
    reviews: Reviewing, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = (making.remark(kind="access", facts={"decisions": []}) for _ in range(60))
    await recorded(reviews.log, named("Anna"), *(named("Berta") for _ in range(60)), *looks)
    await filled(reviews.database)
    looked = list[tuple[int, int]]()
    within = finding._Search._within

    async def noted(self: Any, low: int, high: int) -> Any:
        looked.append((low, high))
        return await within(self, low, high)

    monkeypatch.setattr(finding._Search, "_within", noted)
    assert len(await found(reviews.database, "anna")) == 1
    assert sum(high - low + 1 for low, high in looked) <= 4 * LEAST
    looked.clear()
    assert len(await found(reviews.database, limit=1)) == 1  # looks are passed over as well
    assert sum(high - low + 1 for low, high in looked) <= 4 * LEAST


async def test_what_was_said_in_reviews_is_found_with_its_decision(reviews: Reviewing) -> None:
    one, two = contact("clarification"), named("Else")
    await recorded(reviews.log, one, *(named("Somebody") for _ in range(20)), two)
    await reviews.step(one.id, "comment")
    step = await reviews.step(one.id, "confirm")
    await recorded(reviews.log, *(named("Somebody") for _ in range(20)))
    for _ in range(2):
        [hit] = (
            await find(reviews.database, Sought(phrases("confirm")), cursor=None, limit=9, seconds=9)
        ).hits
        assert hit.decision
        assert (hit.decision.id, hit.kind, hit.record) == (one.id, "review.confirm", step)
        assert await found(reviews.database, '"comment in words"', outcome="contact_meta") == [one.id]
        assert await found(reviews.database, '"comment in words"', outcome="permitted") == []
        await filled(reviews.database)


async def test_cases_that_few_are_like_are_found_however_long_ago(reviews: Reviewing) -> None:
    entries = [contact("clarification") for _ in range(4)]
    await recorded(reviews.log, *entries)
    await all_filled(reviews.database)
    await reviews.overridden(entries[0].id, "permitted")
    await reviews.step(entries[1].id, "ask")
    await reviews.step(entries[2].id, "override", outcome="prohibited")
    service, ids = reviews.database, [each.id for each in entries]
    assert await found(service, outcome="contact_meta", in_force="permitted") == [ids[0]]
    assert await found(service, "agree", outcome="contact_meta", in_force="permitted") == [ids[0]]
    assert await found(service, state="waiting") == [ids[1]]
    assert await found(service, state="proposed") == [ids[2]]
    assert await found(service, state="open") == [ids[3]]
    assert await found(service, state="closed") == [ids[0]]
    assert await found(service, in_force="contact_meta") == [ids[3], ids[2], ids[1]]


async def test_batches_are_found_by_their_files_and_lines(
    log: AuditLog, service: Database, decider: Decider
) -> None:
    await backlogs.govern(log, service, decider.ruleset)
    began = await begin(
        log,
        Input("jsonl", source="requests-of-may.jsonl"),
        By("system", "cli"),
        ruleset=decider.ruleset.digest,
    )
    backlog = backlogs.Backlog(Run(began, decider.ruleset.digest, "system"), BacklogDecider(decider))
    writer = SliceWriter(log, service, SIGNER)
    await writer.write(backlog.slice(0))
    await writer.close()
    for _ in range(2):
        for text in ("requests-of-may", "bad"):
            [hit] = (await find(service, Sought(phrases(text)), cursor=None, limit=9, seconds=9)).hits
            assert (hit.batch, hit.decision) == (began, None)
        assert len(await found(service, batch=began)) == backlogs.ROWS - 2
        assert await found(service, batch=uuid_utils.compat.uuid7()) == []
        await filled(service)


async def test_erased_texts_are_not_found_and_their_words_leave_the_filters(reviews: Reviewing) -> None:
    one = named("Unmistakable")
    await recorded(reviews.log, one, *(named("Somebody") for _ in range(20)))
    service = reviews.database
    await filled(service)
    assert await filters_with(service, "unmistakable") == 1
    texts = await texts_of_decisions(service, [one.id])
    await erase(reviews.log, service, texts, reason=None, actor="system", channel="cli")
    assert await filters_with(service, "unmistakable") == 0
    assert await found(service, "unmistakable") == []
    assert await filled(service) > 0
    assert await filters_with(service, "unmistakable") == 0
    assert await filters_with(service, "somebody") > 1


async def filters_with(service: Database, word: str) -> int:
    found = await rows(service, "SELECT words FROM search_part WHERE words IS NOT NULL")
    return sum(seems_in(bytes(bits), word) for (bits,) in found)


async def test_times_and_people_narrow_it(reviews: Reviewing) -> None:
    who = UUID(reviews.second.principal)
    mine = named("Somebody", actor=reviews.second.principal)
    await recorded(reviews.log, *(named("Somebody") for _ in range(12)), mine)
    await filled(reviews.database)
    service, now = reviews.database, datetime.now(UTC)
    assert await found(service, actor=who) == [mine.id]
    assert await found(service, "somebody", actor=who) == [mine.id]
    assert len(await found(service, since=now - timedelta(hours=1), until=now + timedelta(hours=1))) == 13
    assert await found(service, until=now - timedelta(hours=1)) == []
    assert await found(service, since=now + timedelta(hours=1)) == []


async def test_two_who_fill_at_once_make_each_part_once(reviews: Reviewing) -> None:
    await recorded(reviews.log, *(named("Somebody") for _ in range(60)))
    await asyncio.gather(*(filled(reviews.database) for _ in range(3)))
    parts = await rows(reviews.database, "SELECT first, last, words IS NULL FROM search_part ORDER BY first")
    assert parts[0][0] == 1
    assert all(one[1] + 1 == two[0] for one, two in pairwise(parts))
    assert not any(is_unread for _, _, is_unread in parts)


async def test_a_cursor_that_is_none_is_refused(service: Database) -> None:
    with pytest.raises(UnacceptableRequest):
        await find(service, Sought(), cursor="!", limit=1)
