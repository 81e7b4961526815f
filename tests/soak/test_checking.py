"""What the fault tests rely on notices what it must: each of these is wrong in one way."""

from collections.abc import AsyncIterator

import psycopg
import pytest

from eligibility.storage.database import Database
from eligibility.storage.entries import Idempotency
from eligibility.storage.log import AuditLog
from tests.conftest import FreshDatabase
from tests.soak.checking import check
from tests.soak.load import Answer
from tests.storage.conftest import SECRET, SIGNER
from tests.storage.making import PRINCIPAL, remark


@pytest.fixture
async def log(database: FreshDatabase) -> AsyncIterator[AuditLog]:
    opened = Database.open(database.service_url)
    async with AuditLog(opened, SECRET, SIGNER) as made:
        yield made
    await opened.close()


@pytest.fixture
async def acknowledged(log: AuditLog) -> dict[str, Answer]:
    """What somebody relies on, in a log of a few records."""
    for _ in range(3):
        await log.append(remark())
    key = Idempotency(PRINCIPAL, "k", b"{}")
    entry = remark(
        actor=PRINCIPAL, idempotency=key, private={"idempotency_key": key.key}, outcome="permitted"
    )
    await log.append(entry)
    return {"k": Answer(str(entry.id), "permitted", b"")}


def test_a_log_that_is_whole(database: FreshDatabase, acknowledged: dict[str, Answer]) -> None:
    found = check(database.superuser_url, acknowledged)
    assert found.records >= found.blocks > 3


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM record WHERE outcome IS NOT NULL",
        "DELETE FROM private",
        "DELETE FROM idempotency",
        "UPDATE idempotency SET record = gen_random_uuid()",
        "UPDATE record SET outcome = 'prohibited' WHERE outcome IS NOT NULL",
        "UPDATE record SET body = body || '\\x20' WHERE outcome IS NOT NULL",
        "UPDATE record SET position = 1 WHERE outcome IS NOT NULL",
        "UPDATE head SET next_sequence = next_sequence + 1",
        "DELETE FROM block WHERE number = (SELECT block FROM head)",
        "UPDATE block SET count = 2 WHERE number = (SELECT block FROM head)",
        "UPDATE block SET signature = sha256(signature) || sha256(signature) WHERE number = 2",
        "UPDATE block SET previous = sha256(previous) WHERE number = 2",
        "INSERT INTO private VALUES (uuidv7(), sha256(''), '{}')",
    ],
)
def test_damage_to_a_log(database: FreshDatabase, acknowledged: dict[str, Answer], damage: str) -> None:
    with psycopg.connect(database.superuser_url) as superuser:
        superuser.execute("SET session_replication_role = replica")  # lets no trigger fire
        assert superuser.execute(damage.encode()).rowcount == 1
    with pytest.raises(AssertionError):
        check(database.superuser_url, acknowledged)


@pytest.mark.parametrize("changed", [{"id": "another"}, {"outcome": "prohibited"}])
def test_an_answer_that_the_log_does_not_hold(
    database: FreshDatabase, acknowledged: dict[str, Answer], changed: dict[str, str]
) -> None:
    with pytest.raises(AssertionError):
        check(database.superuser_url, {"k": Answer(**(vars(acknowledged["k"]) | changed))})
    with pytest.raises(AssertionError, match="is lost"):
        check(database.superuser_url, acknowledged | {"another": acknowledged["k"]})
