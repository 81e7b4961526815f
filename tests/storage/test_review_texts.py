"""What goes with the texts of a decision, and precedents."""

from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256

import psycopg
import pytest

from eligibility.canonical import canonical
from eligibility.errors import ActRefused, Overtaken, RecordRefused
from eligibility.storage import precedents
from eligibility.storage.attachments import attachment
from eligibility.storage.erasure import erase, texts_of_decisions
from eligibility.storage.retention import drop, months
from eligibility.storage.reviews import (
    steps_of,
)
from tests.conftest import FreshDatabase
from tests.storage import making
from tests.storage.making import made_in
from tests.storage.reviewing import FILE, Reviewing, assert_verified, decided, queued


async def test_texts_and_files_of_reviews_are_erased_with_those_of_the_decision(
    reviews: Reviewing, database: FreshDatabase
) -> None:
    about, kept = await decided(reviews), await decided(reviews)
    record = await reviews.step(about, "attach")
    await reviews.step(kept, "attach")
    await reviews.step(about, "confirm")
    assert await attachment(reviews.database, about, record) == FILE
    with psycopg.connect(database.owner_url) as owner, pytest.raises(psycopg.errors.RestrictViolation):
        owner.execute("DELETE FROM review_attachment")
    texts = await texts_of_decisions(reviews.database, [about])
    assert (len(texts.decisions), len(texts.others)) == (1, 2)
    await erase(reviews.log, reviews.database, texts, reason=None, actor="system", channel="cli")
    taken = await steps_of(reviews.database, about)
    assert [(each.kind, each.text, each.is_kept) for each in taken] == [
        ("attach", None, False),
        ("confirm", None, False),
    ]
    assert await attachment(reviews.database, about, record) is None
    with psycopg.connect(database.superuser_url) as superuser:
        assert superuser.execute("SELECT decision FROM review_attachment").fetchall() == [(kept,)]
    assert_verified(database)


async def test_cases_of_dropped_decisions_go_too(reviews: Reviewing, database: FreshDatabase) -> None:
    march = made_in(datetime(2025, 3, 1, tzinfo=UTC).date())
    old, other = await decided(reviews, **march), await decided(reviews)
    await reviews.step(old, "comment")
    assert set(await queued(reviews)) == {old, other}
    [month] = await months(reviews.database, "decisions", datetime(2025, 4, 1, tzinfo=UTC).date())
    await drop(reviews.log, month)
    assert await queued(reviews) == [other]
    assert len(await steps_of(reviews.database, old)) == 1
    assert_verified(database)


async def test_a_precedent_is_made_from_an_override_in_force_and_shown_on_like_decisions(
    reviews: Reviewing, database: FreshDatabase
) -> None:
    cells = canonical({"model.generation": "llama-4", "entity.kind": ["company"], "other": None})
    key = sha256(cells).digest()
    evaluation = replace(making.evaluation(), key=key, cells=cells)
    about = making.decision(evaluation=evaluation)
    await reviews.log.append(about)
    with pytest.raises(ActRefused, match="an override that is in force"):
        await reviews.precedent(about.id, "entity.kind")
    await reviews.overridden(about.id, "prohibited")
    identifier = await reviews.precedent(about.id, "entity.kind")
    like = {"model.generation": "llama-4", "entity.kind": ["company"], "other": ["else"]}
    [found] = await precedents.precedents_for(reviews.database, like)
    assert (found.id, found.outcome, found.made_by, found.text) == (
        *(identifier, "prohibited"),
        *("Sam", "others alike"),
    )
    assert not await precedents.precedents_for(reviews.database, {**like, "entity.kind": []})
    assert not await precedents.precedents_for(reviews.database, {**like, "model.generation": "llama-3"})
    with pytest.raises(RecordRefused):
        await precedents.end(reviews.log, identifier, reviews.robot)
    await precedents.end(reviews.log, identifier, reviews.first)
    with pytest.raises(Overtaken):
        await precedents.end(reviews.log, identifier, reviews.first)
    assert not await precedents.precedents_for(reviews.database, like)
    [listed] = await precedents.listed(reviews.database)
    assert listed.ended_at is not None
    assert not listed.is_active
    assert_verified(database)


async def test_a_precedent_ends_with_its_override(reviews: Reviewing) -> None:
    cells = canonical({"model.generation": "llama-4"})
    key = sha256(cells).digest()
    evaluation = replace(making.evaluation(), key=key, cells=cells)
    about = making.decision(evaluation=evaluation)
    await reviews.log.append(about)
    await reviews.overridden(about.id, "prohibited")
    await reviews.precedent(about.id)
    like = {"model.generation": "llama-4"}
    assert len(await precedents.precedents_for(reviews.database, like)) == 1
    await reviews.overridden(about.id, "permitted")
    assert not await precedents.precedents_for(reviews.database, like)
