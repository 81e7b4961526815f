import asyncio
from typing import Any

import pytest
import uuid_utils.compat
from sqlalchemy import text

from eligibility import merkle
from eligibility.canonical import canonical
from eligibility.chain import Header, is_signed_by
from eligibility.errors import (
    IdempotencyConflict,
    Overtaken,
    RecordRefused,
    RulesetReplaced,
    StorageUnavailable,
)
from eligibility.storage.database import Database
from eligibility.storage.entries import Earlier, Recorded, Statement
from eligibility.storage.log import AuditLog
from eligibility.storage.packing import unpacked
from eligibility.storage.records import commitment, leaf
from eligibility.storage.rulesets import genesis
from tests.conftest import FreshDatabase
from tests.storage.conftest import SECRET, SIGNER
from tests.storage.making import OTHER_RULESET, RULESET, decision, evaluation, keyed, remark


async def rows(database: Database, sql: str, **parameters: object) -> list[tuple[Any, ...]]:
    async with database.engine.connect() as connection:
        return [tuple(row) for row in await connection.execute(text(sql), parameters)]


@pytest.fixture
async def governed(log: AuditLog, service: Database) -> AuditLog:
    """A log with a ruleset in force."""
    assert await genesis(log, service, RULESET, "2026.1", b"{}") is None
    return log


@pytest.fixture(params=["in steps", "at once"])
async def either(governed: AuditLog, request: pytest.FixtureRequest) -> AuditLog:
    """The log, which writes in steps as at first, or in one statement as where nobody else writes."""
    if request.param == "at once":
        await write_alone(governed)
    return governed


async def write_alone(log: AuditLog) -> None:
    """Append until the log no longer looks at the head first."""
    for _ in range(12):
        await log.append(remark(ruleset=RULESET, evaluation=evaluation()))
    assert log._memory.head_for(()) is not None


async def test_a_decision_is_recorded_with_everything_that_proves_it(
    either: AuditLog, service: Database
) -> None:
    entry = decision()
    recorded = await either.append(entry)
    assert isinstance(recorded, Recorded)
    assert recorded.id == entry.id
    [(body, stored_leaf, kind, outcome, generation)] = await rows(
        service, "SELECT body, leaf, kind, outcome, generation FROM record WHERE id = :id", id=entry.id
    )
    body = unpacked(body)
    assert stored_leaf == leaf(body)
    assert (kind, outcome, generation) == ("decision", "permitted", "llama-4")
    [(salt, content, reference)] = await rows(
        service, "SELECT salt, content, entity_reference FROM private WHERE record = :id", id=entry.id
    )
    assert reference == "crm-4711"
    assert entry.private is not None
    assert content == canonical(dict(entry.private))
    assert commitment(salt, content).encode() in body
    assert b"Robotics" not in body


async def test_the_sequence_has_no_gaps_and_every_block_is_chained(
    governed: AuditLog, service: Database
) -> None:
    await asyncio.gather(*(governed.append(decision(evaluation=evaluation(n % 7))) for n in range(300)))
    await governed.append(decision())
    await check_chain(service)


async def test_a_group_of_many_megabytes_is_recorded(governed: AuditLog) -> None:
    """More than the system holds of what is sent to the database before it takes it."""
    texts = {"use": {"description": "x" * 40_000}}
    entries = [decision(private=texts, idempotency=keyed(str(n)).idempotency) for n in range(500)]
    made = await asyncio.gather(*map(governed.append, entries))
    assert all(isinstance(each, Recorded) for each in made)


async def check_chain(service: Database) -> int:
    """Recompute every hash from what is stored, dropped records' leaves included; the number of records."""
    blocks = await rows(
        service,
        "SELECT number, id, first, count, root, previous, hash, at, key, signature "
        "FROM block ORDER BY number",
    )
    previous, sequence = bytes(32), 1
    for index, (number, block, first, count, root, before, sealed, at, key, signature) in enumerate(
        blocks, start=1
    ):
        assert (number, first, before) == (index, sequence, previous)
        leaves = await rows(
            service,
            "SELECT position, leaf, body FROM record WHERE block = :block "
            "UNION ALL SELECT position, leaf, NULL FROM dropped_leaf WHERE block = :block ORDER BY position",
            block=block,
        )
        assert [position for position, _, _ in leaves] == list(range(count))
        assert all(body is None or leaf == merkle.leaf(unpacked(body)) for _, leaf, body in leaves)
        assert root == merkle.root([leaf for _, leaf, _ in leaves])
        header = Header(number, first, count, root, before, at, key)
        assert sealed == header.hash
        assert is_signed_by(header, signature, {SIGNER.key.id: SIGNER.key.public})
        previous, sequence = sealed, sequence + count
    [head] = await rows(service, "SELECT block, next_sequence, hash FROM head")
    assert head == (len(blocks), sequence, previous)
    [(stored, dropped)] = await rows(
        service, "SELECT (SELECT count(*) FROM record), (SELECT count(*) FROM dropped_leaf)"
    )
    assert stored + dropped == sequence - 1
    return sequence - 1


async def test_requests_in_flight_share_a_block(governed: AuditLog, service: Database) -> None:
    await asyncio.gather(*(governed.append(decision()) for _ in range(200)))
    [(largest, blocks)] = await rows(
        service,
        "SELECT max(count), count(*) FROM block b WHERE EXISTS "
        "(SELECT FROM record r WHERE r.block = b.id AND kind = 'decision')",
    )
    assert largest >= 199
    assert blocks <= 2


async def test_an_evaluation_is_stored_once(governed: AuditLog, service: Database) -> None:
    await asyncio.gather(*(governed.append(decision(evaluation=evaluation(n % 3))) for n in range(30)))
    async with AuditLog(service, SECRET, SIGNER) as another:
        await another.append(decision(evaluation=evaluation(1)))
    assert await rows(service, "SELECT count(*) FROM evaluation") == [(3,)]


async def test_an_evaluation_that_differs_from_the_stored_one_is_refused(
    governed: AuditLog, service: Database
) -> None:
    first = evaluation()
    await governed.append(decision(evaluation=first))
    content = canonical({"n": "another"})
    changed = type(first)(**{**vars(first), "content": content, "content_hash": merkle.leaf(content)})
    with pytest.raises(RecordRefused, match="semantics"):
        await governed.append(decision(evaluation=changed))
    async with AuditLog(service, SECRET, SIGNER) as another:
        with pytest.raises(RecordRefused, match="semantics"):
            await another.append(decision(evaluation=changed))


async def test_the_same_key_and_body_give_the_first_record(governed: AuditLog, service: Database) -> None:
    first = await governed.append(keyed("k", b"body"))
    assert await governed.append(keyed("k", b"body")) == Earlier(first.id)
    assert await rows(service, "SELECT count(*) FROM record WHERE kind = 'decision'") == [(1,)]


async def test_the_same_key_with_another_body_is_a_conflict(either: AuditLog) -> None:
    await either.append(keyed("k", b"body"))
    with pytest.raises(IdempotencyConflict):
        await either.append(keyed("k", b"another"))


async def test_a_key_belongs_to_its_principal(either: AuditLog) -> None:
    entry = keyed("k", b"body")
    assert entry.idempotency is not None
    elsewhere = type(entry.idempotency)(str(uuid_utils.compat.uuid7()), "k", b"another")
    await either.append(entry)
    assert isinstance(await either.append(decision(idempotency=elsewhere)), Recorded)


async def test_of_two_at_once_in_one_process_one_is_recorded(either: AuditLog, service: Database) -> None:
    answers = await asyncio.gather(*(either.append(keyed("k", b"body")) for _ in range(20)))
    [recorded] = [answer for answer in answers if isinstance(answer, Recorded)]
    assert all(answer.id == recorded.id for answer in answers)
    assert await rows(service, "SELECT count(*) FROM record WHERE kind = 'decision'") == [(1,)]


async def test_of_two_at_once_in_two_writers_one_is_recorded(either: AuditLog, service: Database) -> None:
    async with AuditLog(service, SECRET, SIGNER) as another:
        for n in range(20):
            answers = await asyncio.gather(
                either.append(keyed(f"k{n}", b"body")), another.append(keyed(f"k{n}", b"body"))
            )
            assert len({answer.id for answer in answers}) == 1
            assert sorted(type(answer).__name__ for answer in answers) == ["Earlier", "Recorded"]
    await check_chain(service)


async def test_keys_are_kept_only_as_macs(either: AuditLog, service: Database) -> None:
    await either.append(keyed("a-telling-key", b"a telling body"))
    [(key_mac, body_mac)] = await rows(service, "SELECT key_mac, body_mac FROM idempotency")
    kept = key_mac.bytes + body_mac.bytes
    assert len(kept) == 32
    assert b"telling" not in kept


async def test_one_bad_record_harms_no_other(either: AuditLog, service: Database) -> None:
    bad = decision(also=(Statement("INSERT INTO principal (id) VALUES (NULL)"),))
    entries = [decision() for _ in range(10)] + [bad] + [decision() for _ in range(10)]
    answers = await asyncio.gather(*map(either.append, entries), return_exceptions=True)
    assert [type(answer) for answer in answers] == [Recorded] * 10 + [RecordRefused] + [Recorded] * 10
    await check_chain(service)


async def test_a_statement_that_touches_another_number_of_rows_undoes_its_entry_only(
    governed: AuditLog, service: Database
) -> None:
    late = remark(also=(Statement("UPDATE api_key SET revoked_at = now()", rows=1),))
    answers = await asyncio.gather(
        governed.append(decision()),
        governed.append(late),
        governed.append(decision()),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers] == [Recorded, Overtaken, Recorded]
    assert await rows(service, "SELECT count(*) FROM record WHERE kind = 'remark'") == [(0,)]


async def test_a_record_twice_over_is_refused(governed: AuditLog) -> None:
    entry = decision()
    await governed.append(entry)
    with pytest.raises(RecordRefused):
        await governed.append(entry)


async def test_a_decision_under_a_ruleset_not_in_force_is_to_be_decided_again(
    governed: AuditLog, service: Database
) -> None:
    stale = decision(ruleset=OTHER_RULESET, evaluation=evaluation(ruleset=OTHER_RULESET))
    answers = await asyncio.gather(
        governed.append(decision()),
        governed.append(stale),
        governed.append(decision()),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers] == [Recorded, RulesetReplaced, Recorded]
    await check_chain(service)


async def test_a_pinned_decision_keeps_its_ruleset(governed: AuditLog) -> None:
    pinned = decision(
        ruleset=OTHER_RULESET, evaluation=evaluation(ruleset=OTHER_RULESET), channel="batch", pinned=True
    )
    assert isinstance(await governed.append(pinned), Recorded)


async def test_a_refused_ruleset_uses_up_no_idempotency_key(governed: AuditLog) -> None:
    stale = keyed("k", ruleset=OTHER_RULESET, evaluation=evaluation(ruleset=OTHER_RULESET))
    with pytest.raises(RulesetReplaced):
        await governed.append(stale)
    assert isinstance(await governed.append(keyed("k")), Recorded)


async def test_a_subject_is_proved_by_the_log(governed: AuditLog, service: Database) -> None:
    about = decision()
    await governed.append(about)
    review = remark(kind="review.comment", subject=about.id)
    await governed.append(review)
    [(body, subject)] = await rows(service, "SELECT body, subject FROM record WHERE id = :id", id=review.id)
    assert subject == about.id
    assert f'"subject":"{about.id}"'.encode() in unpacked(body)


async def test_facts_that_are_no_canonical_json_are_refused_at_once(governed: AuditLog) -> None:
    with pytest.raises(ValueError, match="float"):
        await governed.append(decision(facts={"n": 1.5}))


async def test_a_closed_log_takes_nothing(service: Database) -> None:
    log = AuditLog(service, SECRET, SIGNER)
    with pytest.raises(StorageUnavailable):
        await log.append(remark())


async def test_what_is_waiting_at_the_close_is_recorded(service: Database) -> None:
    async with AuditLog(service, SECRET, SIGNER) as log:
        waiting = [asyncio.ensure_future(log.append(remark())) for _ in range(50)]
        await asyncio.sleep(0)
    assert all(isinstance(answer, Recorded) for answer in await asyncio.gather(*waiting))


async def test_too_many_waiting_are_turned_away(governed: AuditLog) -> None:
    answers = await asyncio.gather(*(governed.append(remark()) for _ in range(1500)), return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, StorageUnavailable)]
    assert 0 < len(refused) <= 1500 - 1024
    assert all(answer.retry_after >= 1 for answer in refused)
    assert all(isinstance(answer, Recorded | StorageUnavailable) for answer in answers)


async def test_many_writers_do_not_fork_the_sequence(database: FreshDatabase, service: Database) -> None:
    async def one_writer() -> None:
        pool = Database.open(database.service_url)
        async with AuditLog(pool, SECRET, SIGNER) as log:
            for _ in range(5):
                await asyncio.gather(*(log.append(remark()) for _ in range(20)))
        await pool.close()

    await asyncio.gather(*(one_writer() for _ in range(6)))
    [(announced,)] = await rows(
        service, "SELECT count(*) FROM record WHERE kind IN ('key.genesis', 'partition.made')"
    )
    assert await check_chain(service) == 6 * 5 * 20 + announced
    assert announced == 1 + 3
