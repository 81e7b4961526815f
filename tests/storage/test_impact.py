"""The impact of drafts on recorded decisions, held against deciding each one's facts under both rulesets."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import psycopg
import pytest

from eligibility.canonical import canonical
from eligibility.decider import Decider
from eligibility.errors import UnacceptableRequest
from eligibility.impact import Group, Impact, as_recorded, impact
from eligibility.reading import request_from
from eligibility.recording import decision_entry, moment_of
from eligibility.replay import compare, told
from eligibility.ruleset import Ruleset
from eligibility.storage.database import Database
from eligibility.storage.embedded import EmbeddedPostgres
from eligibility.storage.entries import Entry
from eligibility.storage.log import AuditLog
from eligibility.storage.recorded import Period, first_id
from eligibility.storage.rulesets import genesis
from tests.conftest import fresh_database
from tests.properties.requests import bases, complete, document, neighbours
from tests.properties.sizes import sized
from tests.rules.differences import USERS, changed, rule
from tests.storage.conftest import SECRET, SIGNER

PRINCIPAL = "01982c3e-0000-7000-8000-000000000001"
DECISIONS = sized(160, 5_000)
AT_ONCE = 1_000
"""Fewer than a log lets wait."""

ALWAYS = Period()
DERIVATIVE = "acme/tuned-llama"

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
    then = rule(words, "licence.mau-threshold")["then"]
    then["effect"] = "note"
    del then["reason"]


def other_model(words: Words) -> None:
    words["generations"]["llama-4"]["models"].append({"name": DERIVATIVE, "multimodal": True})


def without_purpose(words: Words) -> None:
    words["purposes"].remove("spam")
    words["rules"] = [one for one in words["rules"] if one["when"] != [{"use.purposes": {"has": "spam"}}]]


def reworded(words: Words) -> None:
    words["rules"][0]["title"] = "Other words"


DRAFTS = (other_threshold, other_region, other_effect, other_model, without_purpose, reworded)
ASK_MORE = (other_threshold, other_region, other_model)
"""Those that ask of facts what the recorded cells do not answer."""


@dataclass(frozen=True)
class Governed:
    """A log with decisions: each its entry and the request as it was written."""

    ruleset: Ruleset
    url: str
    superuser_url: str
    decisions: tuple[tuple[Entry, Words], ...]


@pytest.fixture(scope="module")
def governed(postgres: EmbeddedPostgres, decider: Decider) -> Any:
    with fresh_database(postgres) as database:
        made = asyncio.run(_decided(database.service_url, decider))
        yield Governed(decider.ruleset, database.service_url, database.superuser_url, made)


async def _decided(url: str, decider: Decider) -> tuple[tuple[Entry, Words], ...]:
    random, ruleset = Random(11), decider.ruleset
    near = [one for base in bases("llama-4", "individual") for one in neighbours(base)]
    written = [document(random) for _ in range(DECISIONS // 4)]
    for generation in ("llama-3.3", "llama-4"):
        written.append(complete(generation, "company", model__name=DERIVATIVE))
        written.append(complete(generation, "company", model__name=DERIVATIVE, model__multimodal=False))
    written += random.choices(near, k=DECISIONS - len(written))
    made = []
    for one in written:
        decision = decider.decide(request_from(deepcopy(one), ruleset.vocabulary))
        made.append((decision_entry(decision, actor=PRINCIPAL, channel="http"), one))
    service = Database.open(url)
    async with AuditLog(service, SECRET, SIGNER) as log:
        await genesis(log, service, ruleset.digest, ruleset.version, kept(ruleset))
        for start in range(0, len(made), AT_ONCE):
            await asyncio.gather(*(log.append(entry) for entry, _ in made[start : start + AT_ONCE]))
    await service.close()
    return tuple(made)


@pytest.fixture
async def service(governed: Governed) -> AsyncIterator[Database]:
    opened = Database.open(governed.url)
    yield opened
    await opened.close()


def kept(ruleset: Ruleset) -> bytes:
    return canonical(dict(ruleset.document))


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
    draft = changed(governed.ruleset, change)

    told: list[tuple[int, int]] = []

    found = await impact(service, kept(draft), ALWAYS, progress=lambda *done: told.append(done))

    wanted = Counter(expected(decider, draft, written) for _, written in governed.decisions)
    unchanged = wanted.pop("", 0)
    assert by_change(found) == wanted
    assert (found.decisions, found.unchanged) == (DECISIONS, unchanged)
    assert found.evaluations == len(
        {entry.evaluation.key for entry, _ in governed.decisions if entry.evaluation}
    )
    assert bool(wanted) is (change is not reworded)
    assert bool(found.by_facts) is (change in ASK_MORE)
    assert told == sorted(told)
    assert told[-1] == (found.evaluations, found.decisions)
    _check_examples(governed, decider, draft, found.groups)


def _check_examples(governed: Governed, decider: Decider, draft: Ruleset, groups: tuple[Group, ...]) -> None:
    written = {entry.id: one for entry, one in governed.decisions}
    assert [group.decisions for group in groups] == sorted((g.decisions for g in groups), reverse=True)
    assert len({group.id for group in groups}) == len(groups)
    for group in groups:
        assert 1 <= group.evaluations <= group.decisions
        text = expected(decider, draft, written[group.example])
        assert text in {"refused", canonical(group.change).decode()}


async def test_only_the_decisions_of_the_period_count_and_groups_keep_their_ids(
    governed: Governed, service: Database
) -> None:
    draft = changed(governed.ruleset, other_threshold)
    times = sorted(entry.at for entry, _ in governed.decisions)
    middle = times[len(times) // 2]
    early = await impact(service, kept(draft), Period(None, middle), processes=1)
    late = await impact(service, kept(draft), Period(middle, None))
    assert early.decisions == sum(at < middle for at in times)
    assert early.decisions + late.decisions == DECISIONS
    ids = [{group.id for group in found.groups} for found in (early, late)]
    assert ids[0] & ids[1]
    never = await impact(service, kept(draft), Period(datetime.now(UTC) + timedelta(days=1)))
    assert (never.decisions, never.groups) == (0, ())


async def test_under_the_recorded_ruleset_nothing_differs_but_what_was_tampered_with(
    governed: Governed, service: Database
) -> None:
    found = await as_recorded(service, ALWAYS)
    assert (found.groups, found.unchanged, found.ruleset) == ((), DECISIONS, None)
    ways = [("content", '"licensor":"', '"licensor":"not '), ("cells", '"model.gen', '"model.degen')]
    stored = [entry.evaluation for entry, _ in governed.decisions if entry.evaluation]
    keys = sorted({one.key for one in stored if ways[0][1].encode() in one.content})
    for key, (column, old, new) in zip(keys, ways, strict=False):
        _replace(governed, key, column, old, new)
    tampered = await as_recorded(service, ALWAYS)
    for key, (column, old, new) in zip(keys, ways, strict=False):
        _replace(governed, key, column, new, old)
    assert sorted(group.change["what"] for group in tampered.groups) == ["changed", "undecidable"]
    assert sum(group.evaluations for group in tampered.groups) == 2
    assert (await as_recorded(service, ALWAYS)).groups == ()


def _replace(governed: Governed, key: bytes, column: str, old: str, new: str) -> None:
    """Change a recorded evaluation, as only a superuser can."""
    replaced = f"convert_to(replace(convert_from({column}, 'UTF8'), %s, %s), 'UTF8')"
    statement = f"UPDATE evaluation SET {column} = {replaced} WHERE key = %s"  # noqa: S608 - names of columns
    with psycopg.connect(governed.superuser_url) as superuser:
        superuser.execute("SET session_replication_role = replica")
        assert superuser.execute(statement.encode(), (old, new, key)).rowcount == 1


async def test_what_was_erased_and_is_asked_is_counted_and_never_guessed(
    governed: Governed, service: Database, decider: Decider
) -> None:
    """The last of this module, since it erases every text."""
    with psycopg.connect(governed.superuser_url) as superuser:
        superuser.execute("SET session_replication_role = replica")
        superuser.execute("DELETE FROM private")
    draft = changed(governed.ruleset, other_model)
    found = await impact(service, kept(draft), ALWAYS)
    counted = {
        tuple(group.change["facts"]): group.decisions
        for group in found.groups
        if group.change["what"] == "undecidable"
    }
    assert list(counted) == [("model.name",)]
    assert found.decisions == DECISIONS
    region = changed(governed.ruleset, other_region)
    again = await impact(service, kept(region), ALWAYS)
    wanted = Counter(expected(decider, region, written) for _, written in governed.decisions)
    del wanted[""]
    assert by_change(again) == wanted


def test_ids_of_a_moment_begin_with_it() -> None:
    at = datetime(2026, 11, 27, 5, 6, 7, 891_999, tzinfo=UTC)
    assert moment_of(first_id(at)) == datetime(2026, 11, 27, 5, 6, 7, 891_000, tzinfo=UTC)
    assert first_id(at).int & (1 << 80) - 1 == 0
