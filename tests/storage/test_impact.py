"""The impact of drafts on recorded decisions, held against deciding each one's facts under both rulesets."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import psycopg
import pytest

from eligibility.canonical import canonical
from eligibility.decider import Decider
from eligibility.errors import NotFound, UnacceptableRequest
from eligibility.impact import Group, Impact, impact
from eligibility.reading import request_from
from eligibility.recording import decision_entry
from eligibility.replay import compare, told
from eligibility.ruleset import Ruleset
from eligibility.storage.database import Database
from eligibility.storage.embedded import EmbeddedPostgres
from eligibility.storage.entries import Entry
from eligibility.storage.log import AuditLog
from eligibility.storage.recorded import Period, first_id
from eligibility.storage.rulesets import genesis, save
from tests.conftest import fresh_database
from tests.properties.requests import document
from tests.properties.sizes import sized
from tests.rules.differences import USERS, changed
from tests.storage.conftest import SECRET, SIGNER

PRINCIPAL = "01982c3e-0000-7000-8000-000000000001"
DECISIONS = sized(500, 5_000)
ALWAYS = Period()

Words = dict[str, Any]
Change = Callable[[Words], None]


def other_threshold(words: Words) -> None:
    for one in words["rules"]:
        for part in one["when"]:
            if isinstance(part, dict) and USERS in part:
                part[USERS] = {"above": 999}


def other_region(words: Words) -> None:
    words["regions"]["eu"]["members"].remove("FR")


def other_effect(words: Words) -> None:
    then = next(one["then"] for one in words["rules"] if one["then"].get("effect") == "prohibits")
    then["effect"] = "note"


def other_model(words: Words) -> None:
    name = "someone/Llama-4-Scout-17B-16E"
    words["generations"]["llama-4"]["models"].append({"name": name, "multimodal": True})


def without_purpose(words: Words) -> None:
    words["purposes"].remove("spam")
    words["rules"] = [one for one in words["rules"] if one["when"] != [{"use.purposes": {"has": "spam"}}]]


def reworded(words: Words) -> None:
    words["rules"][0]["title"] = "Other words"


DRAFTS = (other_threshold, other_region, other_effect, other_model, without_purpose, reworded)


@dataclass(frozen=True)
class Governed:
    """A log with decisions: each its entry and the request as it was written."""

    ruleset: Ruleset
    url: str
    owner_url: str
    decisions: tuple[tuple[Entry, Words], ...]


@pytest.fixture(scope="module")
def governed(postgres: EmbeddedPostgres, decider: Decider) -> Any:
    with fresh_database(postgres) as database:
        made = asyncio.run(_decided(database.service_url, decider))
        yield Governed(decider.ruleset, database.service_url, database.owner_url, made)


async def _decided(url: str, decider: Decider) -> tuple[tuple[Entry, Words], ...]:
    random, ruleset = Random(11), decider.ruleset
    written = [document(random) for _ in range(DECISIONS)]
    made = []
    for one in written:
        decision = decider.decide(request_from(deepcopy(one), ruleset.vocabulary))
        made.append((decision_entry(decision, actor=PRINCIPAL, channel="http"), one))
    service = Database.open(url)
    async with AuditLog(service, SECRET, SIGNER) as log:
        await genesis(log, service, ruleset.digest, ruleset.version, canonical(dict(ruleset.document)))
        await asyncio.gather(*(log.append(entry) for entry, _ in made))
    await service.close()
    return tuple(made)


@pytest.fixture
async def service(governed: Governed) -> AsyncIterator[Database]:
    opened = Database.open(governed.url)
    yield opened
    await opened.close()


async def drafted(governed: Governed, service: Database, change: Change) -> Ruleset:
    draft = changed(governed.ruleset, change)
    async with AuditLog(service, SECRET, SIGNER) as log:
        kept = canonical(dict(draft.document))
        await save(log, draft.digest, draft.version, kept, actor="system", channel="cli")
    return draft


def expected(decider: Decider, draft: Ruleset, written: Words) -> str:
    """What deciding the facts afresh changes, as the canonical text of the group; empty for nothing."""
    before = decider.decide(request_from(deepcopy(written), decider.ruleset.vocabulary)).evaluation
    try:
        request = request_from(deepcopy(written), draft.vocabulary)
    except UnacceptableRequest:
        return "refused"
    after = _decider(draft).decide(request).evaluation
    found = compare(told(before.content), told(after.content))
    return canonical(found.essence()).decode() if found else ""


_deciders: dict[str, Decider] = {}


def _decider(ruleset: Ruleset) -> Decider:
    if ruleset.digest not in _deciders:
        _deciders[ruleset.digest] = Decider(ruleset)
    return _deciders[ruleset.digest]


def by_change(found: Impact) -> Counter[str]:
    counted: Counter[str] = Counter()
    for group in found.groups:
        refused = group.change["what"] == "refused"
        counted["refused" if refused else canonical(group.change).decode()] += group.decisions
    return counted


@pytest.mark.parametrize("change", DRAFTS)
async def test_the_impact_is_what_deciding_every_decision_afresh_says(
    governed: Governed, service: Database, decider: Decider, change: Change
) -> None:
    draft = await drafted(governed, service, change)

    found = await impact(service, draft.digest, ALWAYS)

    wanted = Counter(expected(decider, draft, written) for _, written in governed.decisions)
    unchanged = wanted.pop("", 0)
    assert by_change(found) == wanted
    assert (found.decisions, found.unchanged) == (DECISIONS, unchanged)
    assert found.evaluations == len(
        {entry.evaluation.key for entry, _ in governed.decisions if entry.evaluation}
    )
    assert bool(wanted) is (change is not reworded)
    _check_examples(governed, decider, draft, found.groups)


def _check_examples(governed: Governed, decider: Decider, draft: Ruleset, groups: tuple[Group, ...]) -> None:
    written = {entry.id: one for entry, one in governed.decisions}
    assert [group.decisions for group in groups] == sorted((g.decisions for g in groups), reverse=True)
    assert len({group.id for group in groups}) == len(groups)
    for group in groups:
        assert 1 <= group.evaluations <= group.decisions
        text = expected(decider, draft, written[group.example])
        assert text in {"refused", canonical(group.change).decode()}


async def test_facts_are_read_only_where_the_draft_asks_what_recorded_cells_do_not_answer(
    governed: Governed, service: Database
) -> None:
    read = {}
    for change in DRAFTS:
        draft = await drafted(governed, service, change)
        read[change] = (await impact(service, draft.digest, ALWAYS)).by_facts
    assert read[other_effect] == read[reworded] == read[without_purpose] == 0
    assert read[other_threshold] > 0
    assert 0 < read[other_model] < DECISIONS / 2
    assert 0 < read[other_region] < DECISIONS


async def test_only_the_decisions_of_the_period_count(governed: Governed, service: Database) -> None:
    draft = await drafted(governed, service, other_effect)
    times = sorted(entry.at for entry, _ in governed.decisions)
    middle = times[len(times) // 2]
    early = await impact(service, draft.digest, Period(None, middle))
    late = await impact(service, draft.digest, Period(middle, None))
    assert early.decisions == sum(at < middle for at in times)
    assert early.decisions + late.decisions == DECISIONS
    never = await impact(service, draft.digest, Period(datetime.now(UTC) + timedelta(days=1)))
    assert (never.decisions, never.groups) == (0, ())


async def test_groups_keep_their_ids_whatever_else_is_recorded(governed: Governed, service: Database) -> None:
    draft = await drafted(governed, service, other_region)
    times = sorted(entry.at for entry, _ in governed.decisions)
    some = await impact(service, draft.digest, Period(None, times[len(times) // 2]), processes=1)
    all_ = await impact(service, draft.digest, ALWAYS)
    assert {group.id for group in some.groups} < {group.id for group in all_.groups}


async def test_progress_is_told_until_every_decision_was_dealt_with(
    governed: Governed, service: Database
) -> None:
    draft = await drafted(governed, service, other_threshold)
    told: list[tuple[int, int]] = []
    found = await impact(
        service, draft.digest, ALWAYS, progress=lambda *numbers: told.append((numbers[0], numbers[1]))
    )
    assert told == sorted(told)
    assert told[-1] == (found.evaluations, found.decisions)


async def test_there_is_no_impact_of_a_ruleset_that_is_not_kept(service: Database) -> None:
    with pytest.raises(NotFound):
        await impact(service, "sha256:" + "00" * 32, ALWAYS)


async def test_what_was_erased_and_is_asked_is_counted_and_never_guessed(
    governed: Governed, service: Database, decider: Decider
) -> None:
    """The last of this module, since it erases every text."""
    with psycopg.connect(governed.owner_url) as owner:
        owner.execute("DELETE FROM private")
    draft = await drafted(governed, service, other_model)
    found = await impact(service, draft.digest, ALWAYS)
    counted = {
        tuple(group.change["facts"]): group.decisions
        for group in found.groups
        if group.change["what"] == "undecidable"
    }
    assert list(counted) == [("model.name",)]
    assert found.decisions == DECISIONS
    region = await drafted(governed, service, other_region)
    again = await impact(service, region.digest, ALWAYS)
    wanted = Counter(expected(decider, region, written) for _, written in governed.decisions)
    del wanted[""]
    assert by_change(again) == wanted


def test_ids_of_a_moment_begin_with_it() -> None:
    at = datetime(2026, 11, 27, 5, 6, 7, 891_999, tzinfo=UTC)
    assert first_id(at) == UUID("019ac3a5-9ee3-0000-0000-000000000000")
