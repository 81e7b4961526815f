"""The life of rulesets over HTTP, and how running processes follow it."""

import asyncio
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx
import psycopg
import pytest

from eligibility.loading import shipped_rules
from eligibility.rules_folder import read_folder
from eligibility.ruleset_life import CHECKS, IMPACT, Checked
from eligibility.storage.database import Database
from eligibility.storage.embedded import EmbeddedPostgres
from eligibility.storage.log import AuditLog
from eligibility.storage.records import hash_bytes
from eligibility.storage.ruleset_moves import SYSTEM, record_check
from eligibility.storage.rulesets import in_force
from tests.api.bodies import permitted
from tests.api.governing import ALWAYS, WHY, act, files, load, pass_checks, recording, reworded, stricter
from tests.api.serving import ADMIN_KEY, Server, serving
from tests.conftest import FreshDatabase, fresh_database
from tests.properties.sizes import sized

PATIENCE = 60.0
SOON = 2.0 + 3.0
"""Seconds in which every process has switched; the last three are for a machine that is busy."""


def until(look: Callable[[], Any], patience: float = PATIENCE) -> Any:
    deadline = time.monotonic() + patience
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


class Pair:
    """Two server processes on one log, and clients for them."""

    def __init__(self, database: FreshDatabase, one: Server, other: Server) -> None:
        self.database = database
        self.one, self.other = one, other
        self.reviewer, self.approver = one.client("reviewer"), one.client("approver")
        self.portal, self.other_portal = one.client("portal"), other.client("portal")

    def close(self) -> None:
        for client in (self.reviewer, self.approver, self.portal, self.other_portal):
            client.close()

    def approved(self, sent: dict[str, str]) -> str:
        """A ruleset that could be put in force."""
        digest = load(self.reviewer, sent)
        act(self.reviewer, digest, "proposal")
        pass_checks(self.one, digest)
        for group in self.impact(digest)["groups"]:
            act(self.approver, digest, f"impact/{group['id']}/sign-off")
        act(self.approver, digest, "approval")
        return digest

    def former(self) -> str:
        """A ruleset that was in force before, which could be put in force again."""
        every = self.reviewer.get("/v1/rulesets").json()["rulesets"]
        retired: list[str] = [each["digest"] for each in every if each["state"] == "retired"]
        if not retired:  # no test before this one has put another in force
            act(self.approver, self.approved(reworded("another")), "activation")
            return self.former()
        digest = retired[0]
        act(self.reviewer, digest, "proposal")
        act(self.approver, digest, "approval")
        return digest

    def impact(self, digest: str) -> dict[str, Any]:
        """The impact, computed now."""
        begun = self.reviewer.post(f"/v1/rulesets/{digest}/impact", json=ALWAYS)
        assert (begun.status_code, begun.json()) == (202, {"digest": digest, "begun": "impact"})
        found: httpx.Response = until(
            lambda: (
                (answer := self.reviewer.get(f"/v1/rulesets/{digest}/impact")).status_code == 200 and answer
            )
        )
        told: dict[str, Any] = found.json()
        return told

    def everywhere(self, digest: str) -> None:
        """See that both processes decide under a ruleset, recorded and not, as soon as they have to."""
        for portal in (self.portal, self.other_portal):
            assert portal.post("/v1/decisions", json=permitted()).json()["ruleset"]["digest"] == digest
            until(partial(_decides_under, portal, digest), SOON)


def _decides_under(portal: httpx.Client, digest: str) -> bool:
    answer = portal.post("/v1/what-if", json=permitted())
    return bool(answer.json()["ruleset"]["digest"] == digest)


@pytest.fixture(scope="module")
def pair(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    data_dir = tmp_path_factory.mktemp("pair")
    with (
        fresh_database(postgres) as database,
        serving(database.service_url, data_dir) as one,
        serving(database.service_url, data_dir, one.keys) as other,
    ):
        pair = Pair(database, one, other)
        yield pair
        pair.close()


def test_two_people_put_a_ruleset_in_force_and_every_process_switches(pair: Pair) -> None:
    decided = pair.portal.post("/v1/decisions", json=permitted()).json()
    former = decided["ruleset"]["digest"]
    draft = load(pair.reviewer, stricter("stricter"))
    found = pair.reviewer.get(f"/v1/rulesets/{draft}", params={"document": "true"}).json()
    assert (found["state"], found["version"], found["loaded_by"]) == ("draft", "stricter", "test-reviewer")
    assert found["steps"][0]["reason"] == WHY["reason"]
    assert found["document"]["version"] == "stricter"

    act(pair.reviewer, draft, "proposal")
    refused = pair.approver.post(f"/v1/rulesets/{draft}/approval", json=WHY)
    assert refused.status_code == 409
    assert refused.json()["type"] == "/schema/problems#not-possible"
    for kind in CHECKS:
        assert f"its check `{kind}` was not made" in refused.json()["detail"]

    pass_checks(pair.one, draft)
    impact = pair.impact(draft)
    assert (impact["decisions"], impact["unchanged"]) == (1, 0)
    [group] = impact["groups"]
    assert group["outcomes"] == {"before": "permitted", "after": "contact_meta"}
    assert (group["example"], group["signed_off"]) == (decided["id"], None)
    missing = pair.reviewer.get(f"/v1/rulesets/{draft}").json()["next"]
    assert missing["step"] == "approval"
    assert "1 of the 1 groups" in missing["missing"][0]
    assert pair.approver.post(f"/v1/rulesets/{draft}/approval", json=WHY).status_code == 409
    told = act(pair.approver, draft, f"impact/{group['id']}/sign-off")
    assert (told["impact"]["groups"], told["impact"]["signed_off"]) == (1, 1)
    twice = pair.approver.post(f"/v1/rulesets/{draft}/impact/{group['id']}/sign-off", json=WHY)
    assert twice.status_code == 409

    act(pair.approver, draft, "approval")
    assert pair.reviewer.post(f"/v1/rulesets/{draft}/activation", json=WHY).status_code == 403
    told = act(pair.approver, draft, "activation")
    assert (told["state"], told["in_force"], told["next"]) == ("in_force", draft, None)
    pair.everywhere(draft)
    assert pair.other_portal.post("/v1/decisions", json=permitted()).json()["outcome"] == "contact_meta"
    assert pair.portal.get(f"/v1/decisions/{decided['id']}").json()["outcome"] == "permitted"
    states = {each["digest"]: each["state"] for each in pair.reviewer.get("/v1/rulesets").json()["rulesets"]}
    assert (states[draft], states[former]) == ("in_force", "retired")

    again = pair.reviewer.post(f"/v1/decisions/{decided['id']}/replay").json()
    assert (again["same"], again["differences"]) == (True, None)
    again = pair.reviewer.post(f"/v1/decisions/{decided['id']}/replay", params={"ruleset": draft}).json()
    assert (again["replayed"]["ruleset"]["version"], again["same"]) == ("stricter", False)
    assert (again["recorded"]["outcome"], again["replayed"]["outcome"]) == ("permitted", "contact_meta")
    [rule] = again["differences"]["rules"]["only_before"]
    assert (rule["rule"], bool(rule["title"])) == ("outcome.permitted", True)

    act(pair.approver, former, "proposal")  # back again
    alone = pair.approver.post(f"/v1/rulesets/{former}/approval", json=WHY)
    assert (alone.status_code, "another person" in alone.json()["detail"]) == (409, True)
    with pair.other.client("admin") as admin:
        act(admin, former, "approval")
        act(admin, former, "activation")
    pair.everywhere(former)


def test_a_ruleset_is_put_in_force_at_its_date(pair: Pair) -> None:
    draft = pair.approved(reworded("dated"))
    far = datetime.now(UTC) + timedelta(days=3)
    told = act(pair.approver, draft, "activation", at=far.isoformat())
    assert told["state"] == "scheduled"
    assert datetime.fromisoformat(told["due"]) == far
    cancelled = pair.approver.delete(f"/v1/rulesets/{draft}/activation", params={"reason": "too far"})
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "approved")
    assert cancelled.json()["steps"][-1]["reason"] == "too far"
    passed = pair.approver.post(
        f"/v1/rulesets/{draft}/activation", json={**WHY, "at": "2020-01-01T00:00:00Z"}
    )
    assert passed.status_code == 409

    at = datetime.now(UTC) + timedelta(seconds=2)
    act(pair.approver, draft, "activation", at=at.isoformat())
    assert pair.portal.post("/v1/what-if", json=permitted()).json()["ruleset"]["digest"] != draft
    until(lambda: pair.reviewer.get(f"/v1/rulesets/{draft}").json()["state"] == "in_force", 2 + SOON)
    pair.everywhere(draft)
    last = pair.reviewer.get(f"/v1/rulesets/{draft}").json()["steps"][-1]
    assert (last["step"], last["by"]) == ("activated", "system")


async def test_no_decision_is_recorded_under_a_ruleset_that_was_replaced(pair: Pair) -> None:
    draft = await asyncio.to_thread(pair.former)
    begun, stop = asyncio.Barrier(9), asyncio.Event()

    async def deciding(client: httpx.AsyncClient) -> dict[str, str]:
        """The digests of the decisions made, by their ids, in their order."""
        seen = {}
        while not stop.is_set():
            answer = await client.post("/v1/decisions", json=permitted())
            assert answer.status_code == 201, answer.text
            seen[answer.json()["id"]] = answer.json()["ruleset"]["digest"]
            if len(seen) == 1:
                await begun.wait()
        return seen

    async with (
        asyncio.timeout(PATIENCE),
        pair.one.async_client() as one,
        pair.other.async_client() as other,
    ):
        work = [asyncio.create_task(deciding(client)) for client in (one, other) for _ in range(4)]
        await begun.wait()
        await asyncio.to_thread(act, pair.approver, draft, "activation")
        last = [await client.post("/v1/decisions", json=permitted()) for client in (one, other)]
        stop.set()
        seen = await asyncio.gather(*work)
    assert {answer.json()["ruleset"]["digest"] for answer in last} == {draft}
    for made in seen:
        digests = list(made.values())
        assert digests == sorted(digests, key=lambda digest: digest == draft)  # the former, then this one
    with psycopg.connect(pair.database.superuser_url) as connection:
        rows = connection.execute(
            """
            SELECT e.ruleset = %(new)s, bool_and(
                (b.first + r.position > activation.sequence) = (e.ruleset = %(new)s))
            FROM record r JOIN block b ON b.id = r.block JOIN evaluation e ON e.key = r.evaluation_key,
                (SELECT b.first + r.position AS sequence FROM record r JOIN block b ON b.id = r.block
                 JOIN ruleset_step s ON s.record = r.id AND s.step = 'activated' AND s.ruleset = %(new)s
                 ORDER BY s.number DESC LIMIT 1) AS activation
            WHERE r.id = ANY(%(ids)s::uuid[])
            GROUP BY 1
            """,
            {
                "new": hash_bytes(draft),
                "ids": [*(each.json()["id"] for each in last), *(each for made in seen for each in made)],
            },
        ).fetchall()
    assert all(agrees for _, agrees in rows)
    assert {is_new for is_new, _ in rows} == {True, False}


def test_a_database_that_was_away_is_followed_again(pair: Pair) -> None:
    lost, name = "what is in force cannot be seen", pair.database.name
    elsewhere = pair.database.superuser_url.replace(f"/{name}?", "/postgres?")
    before = pair.other.logged().count(lost)
    with psycopg.connect(elsewhere, autocommit=True) as superuser:
        superuser.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
        superuser.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
        )
        until(lambda: pair.other.logged().count(lost) > before)
        assert pair.other_portal.post("/v1/what-if", json=permitted()).status_code in {200, 503}
        superuser.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())
    until(lambda: pair.other_portal.post("/v1/decisions", json=permitted()).status_code == 201)
    former = pair.former()
    act(pair.approver, former, "activation")
    pair.everywhere(former)
    assert pair.other.logged().count(lost) == before + 1


def test_a_ruleset_of_another_release_is_not_proposed_nor_any_by_a_robot(server: Server) -> None:
    digest = "sha256:" + "ab" * 32
    with psycopg.connect(str(server.settings.database_url)) as connection:
        connection.execute(
            "INSERT INTO ruleset VALUES (%s, 'odd', %s, now(), 'system')",
            (hash_bytes(digest), b'{"semantics": 999}'),
        )
    with server.client("reviewer") as reviewer, server.client("nobody") as robot:
        answer = reviewer.post(f"/v1/rulesets/{digest}/proposal", json=WHY)
        robot.headers["authorization"] = f"Bearer {ADMIN_KEY}"
        of_robot = robot.post(f"/v1/rulesets/{digest}/proposal", json=WHY)
    assert (answer.status_code, of_robot.status_code) == (409, 409)
    assert "semantics 999" in answer.json()["detail"]
    assert "only a person" in of_robot.json()["detail"]


def test_faults_of_sent_rules_are_all_told(server: Server) -> None:
    sent = files("broken", ("licence.yaml", "    then:", "    thenn:"))
    del sent["regions.yaml"]
    with server.client("reviewer") as reviewer:
        answer = reviewer.post("/v1/rulesets", json={"files": sent, **WHY})
    told = answer.json()
    assert answer.status_code == 422
    assert {fault["pointer"] for fault in told["errors"]} == {"/files/licence.yaml", "/files/regions.yaml"}
    assert {fault["file"] for fault in told["faults"]} == {"licence.yaml", "regions.yaml"}
    wrong = {n for n, line in enumerate(sent["licence.yaml"].splitlines(), 1) if "thenn:" in line}
    assert wrong <= {fault["line"] for fault in told["faults"]}
    assert all(fault["remedy"] for fault in told["faults"])


@pytest.mark.parametrize(
    "body,pointer",
    [
        ({"files": {}, **WHY}, "/files"),
        ({"files": {"../x.yaml": ""}, **WHY}, "/files/..~1x.yaml"),
        ({"files": {"cases/../x.yaml": ""}, **WHY}, "/files/cases~1..~1x.yaml"),
        ({"files": {"/etc/x.yaml": ""}, **WHY}, "/files/~1etc~1x.yaml"),
        ({"files": {"x.py": ""}, **WHY}, "/files/x.py"),
        ({"files": {"a/b/c.yaml": ""}, **WHY}, "/files/a~1b~1c.yaml"),
        ({"files": {"x.yaml": 1}, **WHY}, "/files/x.yaml"),
        ({"files": {"x.yaml": ""}}, "/reason"),
        ({"files": {"x.yaml": ""}, "reason": " "}, "/reason"),
        ({"files": {"x.yaml": ""}, **WHY, "force": True}, "/force"),
        ([], ""),
    ],
    ids=str,
)
def test_what_is_no_upload_is_refused_by_its_place(server: Server, body: Any, pointer: str) -> None:
    with server.client("reviewer") as reviewer:
        answer = reviewer.post("/v1/rulesets", json=body)
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]


def test_more_than_eight_mebibytes_are_not_read(server: Server) -> None:
    with server.client("reviewer") as reviewer:
        answer = reviewer.post("/v1/rulesets", json={"files": {"x.yaml": "x" * 2**23}, **WHY})
    assert answer.status_code == 413


def test_decisions_are_answered_while_a_ruleset_is_loaded_and_checked(server: Server) -> None:
    sent = reworded("checked")
    sent["cases/broken.yaml"] = "cases: 3"  # which the loader's checks find, and the others then need not run
    with server.client("reviewer") as reviewer, server.client("portal") as portal:
        digest = load(reviewer, sent)
        begun = reviewer.post(f"/v1/rulesets/{digest}/checks")
        assert (begun.status_code, begun.json()) == (202, {"digest": digest, "begun": "checks"})
        assert portal.post("/v1/decisions", json=permitted()).status_code == 201

        def made() -> Any:
            found = reviewer.get(f"/v1/rulesets/{digest}", params={"reports": "true"}).json()["checks"]
            return found if len(found) == len(CHECKS) else None

        checks = until(made)
    assert [each["kind"] for each in checks] == list(CHECKS)
    assert not any(each["passed"] for each in checks)
    assert checks[0]["report"]["faults"][0]["file"] == "cases/broken.yaml"
    assert checks[0]["by"] == "test-reviewer"


@pytest.mark.skipif(sized(1, 0) > 0, reason="half a minute of proving, which tests of the proof do anyway")
def test_the_shipped_rules_pass_every_check(server: Server) -> None:
    with server.client("reviewer") as reviewer:
        every = reviewer.get("/v1/rulesets").json()["rulesets"]
        digest = next(each["digest"] for each in every if each["state"] == "in_force")
        reviewer.post(f"/v1/rulesets/{digest}/checks")
        checks = until(
            lambda: (
                len(found := reviewer.get(f"/v1/rulesets/{digest}").json()["checks"]) == len(CHECKS) and found
            ),
            300,
        )
    assert all(each["passed"] for each in checks)


def test_an_impact_is_signed_off_by_persons_and_only_while_it_is_current(server: Server) -> None:
    with server.client("reviewer") as reviewer:
        digest = reviewer.get("/v1/policy").json()["ruleset"]["digest"]

        async def work(database: Database, log: AuditLog) -> None:
            report = {"summary": "made up", "groups": [{"id": "one"}]}
            checked = Checked(IMPACT, passed=True, report=report)
            current = str(await in_force(database))
            await record_check(log, digest, checked, against=current, actor=SYSTEM)

        recording(server, work)
        path = f"/v1/rulesets/{digest}/impact"
        with server.client("nobody") as robot:
            robot.headers["authorization"] = f"Bearer {ADMIN_KEY}"  # the first key is no person's
            refused = robot.post(f"{path}/one/sign-off", json=WHY)
            assert (refused.status_code, "only a person" in refused.json()["detail"]) == (409, True)
        assert reviewer.post(f"{path}/two/sign-off", json=WHY).status_code == 404
        act(reviewer, digest, "impact/one/sign-off")
        [group] = reviewer.get(path).json()["groups"]
        assert (group["signed_off"]["by"], group["signed_off"]["reason"]) == ("test-reviewer", WHY["reason"])


def test_the_ruleset_that_the_log_began_with_is_kept_with_its_files(server: Server) -> None:
    with server.client("auditor") as auditor:
        [first] = [
            each for each in auditor.get("/v1/rulesets").json()["rulesets"] if each["state"] == "in_force"
        ]
        assert first["loaded_by"] == "system"
    with psycopg.connect(str(server.settings.database_url)) as connection:
        [(kept,)] = connection.execute(
            "SELECT convert_from(files, 'UTF8')::jsonb FROM ruleset_source WHERE ruleset = %s",
            (hash_bytes(first["digest"]),),
        ).fetchall()
    assert kept == read_folder(shipped_rules())
