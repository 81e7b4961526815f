"""The database holds to the life of rulesets by itself, whoever asks: here nobody asks first."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import get_args
from uuid import UUID

import psycopg
import pytest

from eligibility.errors import ActRefused, Overtaken
from eligibility.ruleset_acts import Record, activate_due
from eligibility.ruleset_life import CHECKS, IMPACT, Life, Move, lacking, refusal
from eligibility.storage.database import Database
from eligibility.storage.embedded import EmbeddedPostgres
from eligibility.storage.log import AuditLog
from eligibility.storage.ruleset_life import due, life
from eligibility.storage.ruleset_moves import SYSTEM, move_statement
from eligibility.storage.rulesets import in_force
from tests.conftest import FreshDatabase, fresh_database
from tests.storage.conftest import SECRET, SIGNER
from tests.storage.living import GROUPS, LATER, NOBODY, Living, living
from tests.storage.making import decision, evaluation

STEPS = ("loaded", "proposed", "approved", "withdrawn", "scheduled", "unscheduled", "activated", "retired")


@pytest.fixture
async def world(service: Database, log: AuditLog) -> Living:
    return await living(service, log)


async def test_a_ruleset_goes_from_draft_to_retired(world: Living) -> None:
    draft = await world.draft()
    await world.activated(draft)
    assert await in_force(world.database) == draft
    first, second = await life(world.database, world.first), await life(world.database, draft)
    assert (first.state, second.state) == ("retired", "in_force")
    assert [step.step for step in first.steps] == ["activated", "retired"]
    assert [(step.step, step.by) for step in second.steps] == [
        ("loaded", "Ada"),
        ("proposed", "Ada"),
        ("approved", "Bea"),
        ("activated", "Bea"),
    ]
    assert second.steps[2].reason == "approved by a test"
    assert [(each.group, each.by, each.reason) for each in second.sign_offs] == [
        (group, "Bea", "seen") for group in GROUPS
    ]


@dataclass(frozen=True)
class Places:
    """A log with a ruleset in each state, which no test moves."""

    world: Living
    database: FreshDatabase
    by_state: dict[str, str]
    lives: dict[str, Life]


async def _places(database: FreshDatabase) -> Places:
    opened = Database.open(database.service_url)
    async with AuditLog(opened, SECRET, SIGNER) as log:
        world = await living(opened, log)
        current = await world.draft()
        await world.activated(current)
        by_state = {"retired": world.first, "in_force": current}
        for state in ("draft", "ready", "approved", "unscheduled", "scheduled", "withdrawn"):
            digest = by_state[state] = await world.draft()
            if state == "draft":
                continue
            await world.ready(digest)
            if state in {"approved", "unscheduled", "scheduled"}:
                await world.step(digest, "approved", world.approver)
            if state in {"unscheduled", "scheduled"}:
                await world.step(digest, "scheduled", world.approver, due=LATER)
            if state in {"unscheduled", "withdrawn"}:
                await world.step(digest, state, world.approver)
        lives = {state: await life(opened, digest) for state, digest in by_state.items()}
    await opened.close()
    return Places(world, database, by_state, lives)


@pytest.fixture(scope="module")
def places(postgres: EmbeddedPostgres) -> Iterator[Places]:
    with fresh_database(postgres) as database:
        yield asyncio.run(_places(database))


PEOPLE = {"proposer", "approver"}
ANYBODY = {*PEOPLE, "robot"}
ALLOWED: dict[tuple[str, str], set[str]] = {
    ("draft", "proposed"): PEOPLE,
    ("withdrawn", "proposed"): PEOPLE,
    ("retired", "proposed"): PEOPLE,
    ("ready", "approved"): {"approver"},
    ("ready", "withdrawn"): ANYBODY,
    ("approved", "withdrawn"): ANYBODY,
    ("unscheduled", "withdrawn"): ANYBODY,
    ("scheduled", "withdrawn"): ANYBODY,
    ("approved", "scheduled"): ANYBODY,
    ("unscheduled", "scheduled"): ANYBODY,
    ("scheduled", "unscheduled"): {*ANYBODY, "nobody", "system"},
    ("approved", "activated"): ANYBODY,
    ("unscheduled", "activated"): ANYBODY,
}


@pytest.mark.parametrize("login", ["service_url", "owner_url"])
@pytest.mark.parametrize("step", STEPS)
def test_each_step_is_for_those_states_and_actors_alone(places: Places, step: str, login: str) -> None:
    world = places.world
    actors = {
        "proposer": world.proposer,
        "approver": world.approver,
        "robot": world.robot,
        "nobody": NOBODY,
        "system": SYSTEM,
    }
    allowed: dict[tuple[str, str], set[str]] = {}
    refusals = set[str | None]()
    with psycopg.connect(getattr(places.database, login)) as connection:
        for state, digest in places.by_state.items():
            for who, actor in actors.items():
                statement = move_statement(
                    digest, step, actor.principal, UUID(int=1), LATER if step == "scheduled" else None
                )
                try:
                    row = connection.execute(statement.sql.encode(), statement.parameters).fetchone()
                except psycopg.Error as error:
                    refusals.add(error.sqlstate)
                    row = None
                if row is not None:
                    allowed.setdefault((state, step), set()).add(who)
                connection.rollback()
    assert allowed == {key: value for key, value in ALLOWED.items() if key[1] == step}
    assert refusals <= {"EL001"}  # it is refused in words of ours, or nothing is to be done


@pytest.mark.parametrize("step", get_args(Move))
def test_the_words_agree_with_the_database(places: Places, step: Move) -> None:
    world = places.world
    actors = {"proposer": world.proposer, "approver": world.approver, "robot": world.robot}
    for state, found in places.lives.items():
        allowed = {who for who, actor in actors.items() if refusal(found, step, actor) is None}
        assert allowed == ALLOWED.get((state, step), set()) & set(actors)


LACKS = {
    **{f"no {kind}": f"check `{kind}` was not made" for kind in CHECKS},
    **{f"failed {kind}": f"check `{kind}` was not passed" for kind in (*CHECKS, IMPACT)},
    **{f"other {kind}": f"check `{kind}` was made against another ruleset" for kind in (*CHECKS, IMPACT)},
    **{f"old {kind}": f"check `{kind}` is older than its files" for kind in CHECKS},
    "no impact": "check `impact` was not made",
    "unsigned": "impact is not signed off as a whole",
    "newer impact": "impact is not signed off as a whole",
}


async def test_nothing_that_is_wanting_can_be_approved(world: Living) -> None:
    for what, words in LACKS.items():
        how, _, kind = what.partition(" ")
        digest = await world.draft()
        await world.step(digest, "proposed", world.proposer)
        kinds = [each for each in (*CHECKS, IMPACT) if what != f"no {each}"]
        if how == "old":
            await world.checked(digest, [kind])
            await world.sourced(digest)
            kinds.remove(kind)
        await world.checked(digest, kinds)
        if what != "no impact":
            await world.signed(digest, GROUPS[:1] if how == "unsigned" else GROUPS)
        if how == "failed":
            await world.checked(digest, [kind], passed=False)
        elif how == "other":
            await world.checked(digest, [kind], against=digest)
        elif how == "newer":
            await world.checked(digest, [kind])
        with pytest.raises(ActRefused, match=words):
            await world.step(digest, "approved", world.approver)
        found = await life(world.database, digest)
        assert len(list(lacking(found))) == 1
        assert refusal(found, "approved", world.approver) is not None


async def test_an_approval_does_not_outlive_the_ruleset_it_was_given_against(world: Living) -> None:
    early, late = await world.draft(), await world.draft()
    await world.approved(late)
    await world.activated(early)
    with pytest.raises(ActRefused, match="against another ruleset"):
        await world.step(late, "activated", world.approver)
    await world.checked(late)
    with pytest.raises(ActRefused, match="not signed off"):
        await world.step(late, "scheduled", world.approver, due=LATER)
    await world.signed(late)
    await world.step(late, "activated", world.approver)
    assert await in_force(world.database) == late


async def test_going_back_takes_two_people_and_nothing_else(world: Living) -> None:
    draft = await world.draft()
    await world.activated(draft)
    await world.step(world.first, "proposed", world.proposer)
    with pytest.raises(ActRefused, match="who proposed"):
        await world.step(world.first, "approved", world.proposer)
    await world.step(world.first, "approved", world.approver)
    await world.step(world.first, "activated", world.approver)
    assert await in_force(world.database) == world.first


async def test_going_back_is_approved_anew_where_another_was_put_in_force_since(world: Living) -> None:
    second, third = await world.draft(), await world.draft()
    await world.activated(second)
    await world.step(world.first, "proposed", world.proposer)
    await world.step(world.first, "approved", world.approver)
    await world.activated(third)
    with pytest.raises(ActRefused, match="put in force since it was approved"):
        await world.step(world.first, "activated", world.approver)
    assert refusal(await life(world.database, world.first), "activated", world.approver) is not None


async def test_what_is_due_is_put_in_force_by_the_system_and_not_before(world: Living) -> None:
    draft = await world.draft()
    await world.approved(draft)
    with pytest.raises(ActRefused, match="date has passed"):
        await world.step(draft, "scheduled", world.approver, due=datetime.now(UTC) - timedelta(minutes=1))
    with pytest.raises(ActRefused, match="cannot be `activated` by `system`"):
        await world.step(draft, "activated", SYSTEM)
    at = datetime.now(UTC) + timedelta(seconds=1.5)
    await world.step(draft, "scheduled", world.approver, due=at)
    assert await due(world.database) == ()
    with pytest.raises(ActRefused, match="date has not come"):
        await world.step(draft, "activated", SYSTEM)
    record = Record(world.database, world.log)
    async with AuditLog(world.database, SECRET, SIGNER) as another, asyncio.timeout(20):
        while await in_force(world.database) != draft:
            await asyncio.gather(activate_due(record), activate_due(Record(world.database, another)))
    found = await life(world.database, draft)
    assert [(step.step, step.by) for step in found.steps[-2:]] == [
        ("scheduled", "Bea"),
        ("activated", "system"),
    ]
    assert found.steps[-1].at >= at


async def test_what_cannot_be_put_in_force_at_its_date_is_taken_off_it_with_the_reason(world: Living) -> None:
    draft, other = await world.draft(), await world.draft()
    await world.approved(draft)
    await world.step(draft, "scheduled", world.approver, due=datetime.now(UTC) + timedelta(seconds=1))
    await world.activated(other)
    async with asyncio.timeout(20):
        while (await life(world.database, draft)).state == "scheduled":
            await activate_due(Record(world.database, world.log))
    last = (await life(world.database, draft)).steps[-1]
    assert (last.step, last.by) == ("unscheduled", "system")
    assert "against another ruleset" in str(last.reason)
    assert await in_force(world.database) == other


async def test_a_decision_of_the_group_that_activates_is_to_be_decided_again(world: Living) -> None:
    draft = await world.draft()
    await world.approved(draft)
    made = decision(ruleset=world.first, evaluation=evaluation(ruleset=world.first))
    together = await asyncio.gather(
        world.step(draft, "activated", world.approver), world.log.append(made), return_exceptions=True
    )
    assert await in_force(world.database) == draft
    again = decision(ruleset=world.first, evaluation=evaluation(ruleset=world.first))
    refused = await asyncio.gather(world.log.append(again), return_exceptions=True)
    assert type(refused[0]).__name__ == "RulesetReplaced"
    assert together[0] is None


async def test_a_refused_act_harms_no_other_of_its_group(world: Living) -> None:
    made = decision(ruleset=world.first, evaluation=evaluation(ruleset=world.first))
    draft = await world.draft()
    refused, recorded = await asyncio.gather(
        world.step(draft, "activated", world.approver), world.log.append(made), return_exceptions=True
    )
    assert isinstance(refused, ActRefused)
    assert not isinstance(recorded, BaseException)


async def test_of_two_who_act_at_once_one_comes_too_late(world: Living) -> None:
    draft = await world.draft()
    await world.ready(draft)
    results = await asyncio.gather(
        *(world.step(draft, "approved", world.approver) for _ in range(2)), return_exceptions=True
    )
    assert sorted(type(result).__name__ for result in results) == ["NoneType", "Overtaken"]
    with pytest.raises(Overtaken):
        await world.signed(draft, GROUPS[:1])


async def test_only_persons_sign_off_and_only_groups_that_there_are(world: Living) -> None:
    draft = await world.draft()
    await world.checked(draft)
    for actor in (world.robot, SYSTEM, NOBODY):
        with pytest.raises(ActRefused, match="only a person"):
            await world.signed(draft, GROUPS, actor)
    with pytest.raises(ActRefused, match="no such group"):
        await world.signed(draft, ["another"])
