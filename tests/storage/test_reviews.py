"""The database holds to the rules of reviews by itself, whoever asks: here nobody asks first."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any
from uuid import UUID

import psycopg
import pytest
import uuid_utils.compat

from eligibility.errors import ActRefused, NotFound, Overtaken, RecordRefused
from eligibility.recording import moment_of
from eligibility.review import ANY_NUMBER, KINDS, Case, Kind, Step, refusal
from eligibility.review_acts import take_step
from eligibility.ruleset_acts import Record
from eligibility.ruleset_life import Actor
from eligibility.storage.database import Database
from eligibility.storage.embedded import EmbeddedPostgres
from eligibility.storage.log import AuditLog
from eligibility.storage.records import principal_id
from eligibility.storage.reviews import (
    Word,
    step_entry,
    steps_of,
)
from eligibility.storage.rulesets import genesis
from tests.conftest import FreshDatabase, fresh_database
from tests.properties.sizes import sized
from tests.storage import making
from tests.storage.conftest import SECRET, SIGNER
from tests.storage.making import RULESET
from tests.storage.reviewing import (
    REASON,
    Reviewing,
    assert_verified,
    case_of,
    decided,
    reviewing,
    unsampled,
)

MOVE = "SELECT move_review(%s, %s, %s, %s, %s, %s)"


STATES = ("open", "waiting", "proposed", "closed", "untouched")


@dataclass(frozen=True)
class Places:
    """A log with a case in each state, which no test moves."""

    reviews: Reviewing
    database: FreshDatabase
    by_state: dict[str, UUID]
    cases: dict[str, Case]


async def _places(database: FreshDatabase) -> Places:
    opened = Database.open(database.service_url)
    async with AuditLog(opened, SECRET, SIGNER) as log:
        await genesis(log, opened, RULESET, "2026.1", b"{}")
        reviews = await reviewing(opened, log)
        by_state = {state: await decided(reviews) for state in STATES[:-1]}
        entry = making.decision(id=unsampled())
        await log.append(entry)
        by_state["untouched"] = entry.id
        await reviews.step(by_state["waiting"], "ask")
        await reviews.step(by_state["proposed"], "override", reviews.first, "permitted")
        await reviews.step(by_state["closed"], "confirm")
        cases = {state: await case_of(reviews, about) for state, about in by_state.items()}
    await opened.close()
    return Places(reviews, database, by_state, cases)


@pytest.fixture(scope="module")
def places(postgres: EmbeddedPostgres) -> Iterator[Places]:
    with fresh_database(postgres) as database:
        yield asyncio.run(_places(database))


PEOPLE = {"first", "second"}


EVERYBODY = {*PEOPLE, "robot"}


ALLOWED: dict[tuple[str, str], set[str]] = {
    **{(state, "comment"): PEOPLE for state in STATES},
    **{(state, "attach"): PEOPLE for state in STATES},
    **{(state, "dispute"): EVERYBODY for state in STATES},
    ("open", "confirm"): PEOPLE,
    ("waiting", "confirm"): PEOPLE,
    **{(state, "override"): PEOPLE for state in ("open", "waiting", "closed", "untouched")},
    ("proposed", "agree"): {"second"},
    ("proposed", "decline"): {"second"},
    ("proposed", "withdraw"): {"first"},
    ("open", "ask"): PEOPLE,
    ("waiting", "answer"): PEOPLE,
}


@pytest.mark.parametrize("login", ["service_url", "owner_url"])
@pytest.mark.parametrize("kind", [*KINDS, "approve"])
def test_each_step_is_for_those_states_and_actors_alone(places: Places, kind: str, login: str) -> None:
    actors = {
        "first": places.reviews.first.principal,
        "second": places.reviews.second.principal,
        "robot": places.reviews.robot.principal,
        "nobody": str(UUID(int=7)),
        "system": "system",
    }
    allowed: dict[tuple[str, str], set[str]] = {}
    refusals = set[str | None]()
    with psycopg.connect(getattr(places.database, login)) as connection:
        for state, about in places.by_state.items():
            other = "prohibited" if kind == "override" else None
            for who, actor in actors.items():
                values = (about, places.cases[state].number, uuid_utils.compat.uuid7(), kind)
                try:
                    row = connection.execute(MOVE, (*values, principal_id(actor), other)).fetchone()
                except psycopg.Error as error:
                    refusals.add(error.sqlstate)
                    row = None
                if row == (True,):
                    allowed.setdefault((state, kind), set()).add(who)
                connection.rollback()
    assert allowed == {key: value for key, value in ALLOWED.items() if key[1] == kind}
    assert refusals <= {"EL001"}  # it is refused in words of ours


@pytest.mark.parametrize("kind", KINDS)
def test_the_words_agree_with_the_database(places: Places, kind: Kind) -> None:
    people = {"first": places.reviews.first, "second": places.reviews.second}
    outcome = "prohibited" if kind == "override" else None
    for state, case in places.cases.items():
        steps = {
            who: Step(kind, UUID(actor.principal), datetime.now(UTC), outcome)
            for who, actor in people.items()
        }
        allowed = {who for who, step in steps.items() if refusal(case, step) is None}
        assert allowed == ALLOWED.get((state, kind), set()) & PEOPLE


@pytest.mark.parametrize(
    "number,record,outcome,answered",
    [
        pytest.param(1, None, "permitted", False, id="a case that has changed"),
        pytest.param(0, UUID(int=1), "permitted", None, id="a record of another time"),
        pytest.param(0, None, None, None, id="no outcome"),
        pytest.param(0, None, "contact_meta", None, id="the outcome in force"),
        pytest.param(0, None, "maybe", None, id="no such outcome"),
    ],
)
def test_an_override_that_is_not_right_is_refused(
    places: Places, number: int, record: UUID | None, outcome: str | None, answered: bool | None
) -> None:
    who = principal_id(places.reviews.first.principal)
    values = (places.by_state["open"], number, record or uuid_utils.compat.uuid7(), "override", who, outcome)
    with psycopg.connect(places.database.service_url) as connection:
        if answered is None:
            with pytest.raises(psycopg.Error) as refused:
                connection.execute(MOVE, values)
            assert refused.value.sqlstate == "EL001"
        else:
            assert connection.execute(MOVE, values).fetchone() == (answered,)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE review_case SET outcome_in_force = 'permitted'",
        "UPDATE review_case SET state = 'closed', closed_at = now()",
        "DELETE FROM review_case",
        "INSERT INTO review_step (decision, number, kind) VALUES (gen_random_uuid(), 1, 'agree')",
        "DELETE FROM review_step",
        "UPDATE review_progress SET block = 0",
        "DELETE FROM review_attachment",
        "DELETE FROM precedent",
        "TRUNCATE review_case",
    ],
)
def test_the_services_login_cannot_pass_by_the_functions(places: Places, statement: str) -> None:
    with (
        psycopg.connect(places.database.service_url) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement.encode())


@pytest.mark.parametrize("missing", ["reason", "private", "actor", "number", "outcome", "kind", "subject"])
async def test_a_step_is_what_its_record_says_with_a_reason_and_a_text(
    reviews: Reviewing, missing: str
) -> None:
    about = await decided(reviews)
    identifier = uuid_utils.compat.uuid7()
    entry = step_entry(about, 0, Word("override", REASON, "why", "permitted"), reviews.first, identifier)
    facts = dict(entry.facts or {})
    changes: dict[str, dict[str, Any]] = {
        "private": {"private": None},
        "actor": {"actor": reviews.second.principal},
        "kind": {"kind": "review.comment"},
        "subject": {"subject": await decided(reviews)},
    }
    facts.pop(missing, None)
    changed = changes.get(missing, {"facts": facts})
    with pytest.raises(RecordRefused):
        await reviews.log.append(entry._replace(**changed))
    assert (await case_of(reviews, about)).number == 0
    await reviews.log.append(entry)


async def test_an_override_comes_in_force_by_a_second_person(
    reviews: Reviewing, database: FreshDatabase
) -> None:
    about = await decided(reviews)
    await reviews.step(about, "override", reviews.first, "permitted")
    proposed = await case_of(reviews, about)
    assert (proposed.state, proposed.outcome_in_force, proposed.proposed_outcome) == (
        *("proposed", "contact_meta"),
        "permitted",
    )
    with pytest.raises(ActRefused, match="neither agree nor decline"):
        await reviews.step(about, "agree", reviews.first)
    record = await reviews.step(about, "agree", reviews.second)
    case = await case_of(reviews, about)
    assert (case.state, case.outcome_in_force, case.number) == ("closed", "permitted", 2)
    assert case.closed_at == moment_of(record)
    taken = await steps_of(reviews.database, about)
    assert [(each.kind, each.by, each.text, each.outcome) for each in taken] == [
        ("override", "Rita", "override in words", "permitted"),
        ("agree", "Sam", "agree in words", None),
    ]
    assert_verified(database)


async def test_words_and_database_agree_on_any_way_that_cases_go(
    reviews: Reviewing, database: FreshDatabase
) -> None:
    random, taken = Random(11), set[str]()
    abouts = [await decided(reviews, "case_by_case") for _ in range(3)]
    people = (reviews.first, reviews.second)
    for _ in range(sized(150, 3000)):
        about, actor = random.choice(abouts), random.choice(people)
        case, who = await case_of(reviews, about), UUID(actor.principal)
        other = random.choice(("permitted", "prohibited", "contact_meta"))
        steps = [Step(kind, who, datetime.now(UTC), other if kind == "override" else None) for kind in KINDS]
        moving = [step for step in steps if step.kind not in ANY_NUMBER and refusal(case, step) is None]
        step = random.choice(moving if moving and random.random() < 0.6 else steps)  # or few would be taken
        kind, outcome, refused = step.kind, step.outcome, refusal(case, step)
        try:
            await reviews.step(about, kind, actor, outcome)
        except ActRefused:
            assert refused is not None
        else:
            assert refused is None
            taken.add(kind)
    assert taken == set(KINDS)
    assert_verified(database)


async def test_of_two_at_once_one_acts(reviews: Reviewing) -> None:
    about = await decided(reviews)
    record = Record(reviews.database, reviews.log)
    word = Word("confirm", REASON, "seen")
    results = await asyncio.gather(
        take_step(record, about, word, reviews.first, number=0),
        take_step(record, about, word, reviews.second, number=0),
        return_exceptions=True,
    )
    assert [type(each) for each in results if isinstance(each, BaseException)] == [Overtaken]
    comments = [
        take_step(record, about, Word("comment", REASON, str(n)), actor)
        for n, actor in enumerate((reviews.first, reviews.second))
    ]
    await asyncio.gather(*comments)
    assert (await case_of(reviews, about)).number == 3


async def test_only_people_review(reviews: Reviewing) -> None:
    about = await decided(reviews)
    record, robot = Record(reviews.database, reviews.log), reviews.robot
    with pytest.raises(ActRefused, match="only a person"):
        await take_step(record, about, Word("comment", REASON, "x"), robot)
    await take_step(record, about, Word("dispute", "outcome_wrong", "x"), robot)
    stranger = Actor(str(UUID(int=7)), "person", "http")
    with pytest.raises(ActRefused, match="nobody is known"):
        await take_step(record, about, Word("comment", REASON, "x"), stranger)
    with pytest.raises(NotFound):
        await take_step(record, UUID(int=9), Word("comment", REASON, "x"), reviews.first)
