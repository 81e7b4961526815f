"""Those who ask while others are being recorded are decided together, and not one by one."""

import asyncio

import orjson
import psycopg

from api.deciding import Answered, By, Deciding
from eligibility.decider import Decider
from eligibility.ruleset import Ruleset
from eligibility.storage.database import Database
from eligibility.storage.log import AuditLog
from eligibility.storage.rulesets import genesis
from tests.api.bodies import permitted
from tests.conftest import FreshDatabase
from tests.storage.making import PRINCIPAL
from tests.storage.test_log import rows

BODY = orjson.dumps(permitted())


async def test_those_who_ask_while_others_are_recorded_share_a_block(
    log: AuditLog, service: Database, database: FreshDatabase, ruleset: Ruleset
) -> None:
    await genesis(log, service, ruleset.digest, ruleset.version, b"{}")
    decider = Decider(ruleset)
    deciding = Deciding(log, lambda: decider)

    def ask() -> asyncio.Task[Answered]:
        return asyncio.create_task(deciding.decide(BODY, By(PRINCIPAL, "http"), None))  # type: ignore[arg-type]  # nothing earlier is found without a key

    await ask()
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute("SELECT FROM head FOR UPDATE")
        first = ask()
        async with asyncio.timeout(10):
            while not deciding._recording:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0)
        later = []
        for _ in range(5):
            later.append(ask())
            await asyncio.sleep(0.01)
        assert (len(deciding._recording), len(deciding._waiting)) == (1, 5)
        later += [ask() for _ in range(30)]  # with whom they are enough to go on
        async with asyncio.timeout(10):
            while len(deciding._recording) < 2:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0)
        assert not first.done()
    answers = [await first, *[await each for each in later]]
    blocks = [await rows(service, "SELECT block FROM record WHERE id = :id", id=each.id) for each in answers]
    assert blocks[0] != blocks[1]
    assert all(each == blocks[1] for each in blocks[1:33])
