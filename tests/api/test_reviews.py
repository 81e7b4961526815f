"""Reviews over HTTP: each step for people of each role, the queue, leases, files, and what portals see."""

import base64
import concurrent.futures
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import psycopg
import pytest

from eligibility.review import KINDS, REASONS
from eligibility.storage.database import Database
from eligibility.storage.embedded import EmbeddedPostgres
from eligibility.storage.keys import Keys
from eligibility.storage.log import AuditLog
from eligibility.storage.secret_files import service_secret
from tests.api.bodies import permitted, unclear
from tests.api.governing import recording
from tests.api.problems import problem
from tests.api.serving import Server, Who, serving
from tests.conftest import FreshDatabase, fresh_database

PEOPLE: tuple[Who, ...] = ("reviewer", "approver", "admin")
STATES = ("open", "waiting", "proposed", "closed")
FILE = {
    "name": "letter é.pdf",
    "media_type": "application/pdf",
    "content": base64.b64encode(b"%PDF").decode(),
}


class Office:
    """A server, and a client for each caller."""

    def __init__(self, server: Server, database: FreshDatabase, stack: ExitStack) -> None:
        self.server, self.database = server, database
        self.clients = {who: stack.enter_context(server.client(who)) for who in server.keys}

    def decide(self, who: Who = "portal", body: dict[str, Any] | None = None) -> str:
        answer = self.clients[who].post("/v1/decisions", json=body or unclear())
        identifier: str = answer.json()["id"]
        return identifier

    def case(self, about: str, who: Who = "auditor") -> dict[str, Any]:
        answer = self.clients[who].get(f"/v1/reviews/{about}")
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def say(self, who: Who, about: str, kind: str, **more: Any) -> httpx.Response:
        """Take a step with the case as it stands."""
        reason = next(iter(REASONS[kind]))  # type: ignore[index]  # a kind, as tests name it
        said = {"kind": kind, "reason": reason, "text": f"{kind} by {who}", **more}
        if kind not in {"comment", "dispute"} and "number" not in more:
            said["number"] = self.case(about)["number"]
        if kind == "override":
            said.setdefault("outcome", "prohibited")
        return self.clients[who].post(f"/v1/decisions/{about}/reviews", json=said)

    def must(self, who: Who, about: str, kind: str, **more: Any) -> dict[str, Any]:
        answer = self.say(who, about, kind, **more)
        assert answer.status_code == 201, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def attach(self, who: Who, about: str, **changes: Any) -> httpx.Response:
        said = {"reason": "evidence", "text": "a letter", **FILE, **changes}
        return self.clients[who].post(f"/v1/reviews/{about}/attachments", json=said)

    def queue(self, who: Who = "reviewer", **query: str) -> list[str]:
        answer = self.clients[who].get("/v1/reviews", params={"limit": "200", **query})
        assert answer.status_code == 200, answer.text
        return [case["decision"] for case in answer.json()["reviews"]]

    def act(self, who: Who, about: str, what: str, **body: Any) -> httpx.Response:
        return self.clients[who].post(f"/v1/reviews/{about}/{what}", json=body or None)


@pytest.fixture(scope="module")
def office(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with (
        fresh_database(postgres) as database,
        serving(database.service_url, tmp_path_factory.mktemp("office")) as server,
        ExitStack() as stack,
    ):
        yield Office(server, database, stack)


@pytest.fixture(scope="module")
def in_state(office: Office) -> dict[str, str]:
    """A case in each state, which no test moves; what is proposed was proposed by the reviewer."""
    made = {state: office.decide() for state in STATES}
    office.must("reviewer", made["waiting"], "ask", questions=["entity.monthly_active_users"])
    office.must("reviewer", made["proposed"], "override")
    office.must("reviewer", made["closed"], "confirm")
    return made


ALLOWED = {
    "confirm": {"open", "waiting"},
    "override": {"open", "waiting", "closed"},
    "agree": {"proposed"},
    "decline": {"proposed"},
    "withdraw": {"proposed"},
    "ask": {"open"},
    "answer": {"waiting"},
}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in {"comment", "attach", "dispute"}])
@pytest.mark.parametrize("who", ["portal", "other_portal", "auditor", "monitor", *PEOPLE])
def test_a_step_that_is_not_allowed_is_refused(
    office: Office, in_state: dict[str, str], kind: str, who: Who
) -> None:
    for state, about in in_state.items():
        allowed = state in ALLOWED[kind]
        if (who == "reviewer" and kind in {"agree", "decline"}) or who not in PEOPLE:
            wanted = 403
        elif not allowed or (kind == "withdraw" and who != "reviewer"):
            wanted = 409
        else:
            continue  # it is allowed: the tests below do it
        assert office.say(who, about, kind).status_code == wanted, (state, kind, who)


@pytest.mark.parametrize("who", PEOPLE)
def test_people_of_each_role_bring_a_case_from_its_opening_to_its_end(office: Office, who: Who) -> None:
    about = office.decide()
    opened = office.case(about)
    assert (opened["state"], opened["causes"], opened["number"]) == ("open", ["contact"], 0)
    assert opened["reasons"] == ["clarification"]
    asked = office.must(who, about, "ask", questions=["entity.monthly_active_users"])
    assert (asked["state"], asked["number"]) == ("waiting", 1)
    assert office.must(who, about, "answer")["state"] == "open"
    assert office.must(who, about, "override", outcome="permitted")["state"] == "proposed"
    second: Who = "approver" if who != "approver" else "admin"
    assert office.must(second, about, "decline")["state"] == "open"
    assert office.must(who, about, "override")["state"] == "proposed"
    assert office.must(who, about, "withdraw")["state"] == "open"
    assert office.must(who, about, "override")["outcome_in_force"] == "contact_meta"
    own = office.say(who, about, "agree")
    assert own.status_code == (403 if who == "reviewer" else 409)
    told = office.must(second, about, "agree")
    assert (told["state"], told["outcome_in_force"]) == ("closed", "prohibited")
    assert office.must(who, about, "dispute")["state"] == "open"
    assert office.must(who, about, "comment")["number"] == 10
    assert office.attach(who, about).status_code == 201
    assert office.must(who, about, "confirm")["outcome_in_force"] == "prohibited"
    case = office.case(about)
    assert [review["kind"] for review in case["reviews"]] == [
        *("ask", "answer", "override", "decline", "override", "withdraw", "override", "agree", "dispute"),
        *("comment", "attach", "confirm"),
    ]
    assert case["reviews"][0]["questions"] == ["entity.monthly_active_users"]
    assert case["reviews"][3]["by"] == f"test-{second}"
    assert case["causes"] == ["contact", "disputed"]


def test_a_decision_tells_its_reviews_and_a_portal_states_and_outcomes_alone(office: Office) -> None:
    about = office.decide()
    office.must("reviewer", about, "comment", text="a word among ourselves")
    office.must("reviewer", about, "override")
    office.must("approver", about, "agree")
    whole = office.clients["reviewer"].get(f"/v1/decisions/{about}").json()
    assert (whole["outcome"], whole["outcome_in_force"]) == ("contact_meta", "prohibited")
    assert [each["kind"] for each in whole["reviews"]] == ["comment", "override", "agree"]
    told = whole["reviews"][1]
    assert (told["state"], told["outcome"], told["reason"], told["text"], told["by"]) == (
        *("proposed", "prohibited", "wrong_facts", "override by reviewer"),
        "test-reviewer",
    )
    seen = office.clients["portal"].get(f"/v1/decisions/{about}").json()
    assert seen["outcome_in_force"] == "prohibited"
    assert seen["reviews"] == [
        {"state": "proposed", "outcome": "contact_meta"},
        {"state": "closed", "outcome": "prohibited"},
    ]
    numbers: dict[Who, int] = {"portal": 2, "auditor": 3}
    for who, number in numbers.items():
        listed = office.clients[who].get("/v1/decisions", params={"review": "agree"}).json()["decisions"]
        [line] = [line for line in listed if line["id"] == about]
        assert (line["outcome_in_force"], line["reviews"]) == ("prohibited", number)
    asked = office.clients["portal"].get("/v1/decisions", params={"review": "comment"})
    assert problem(asked, 422)["errors"][0]["pointer"] == "/review"
    assert office.clients["auditor"].get("/v1/decisions", params={"review": "comment"}).status_code == 200


def test_a_portal_disputes_its_own_decisions_and_no_others(office: Office) -> None:
    about = office.decide(body=permitted())
    assert office.say("other_portal", about, "dispute").status_code == 404
    assert office.clients["portal"].get(f"/v1/reviews/{about}").status_code == 403
    told = office.must("portal", about, "dispute")
    assert (told["state"], told["number"]) == ("open", 1)
    assert about in office.queue(cause="disputed")
    assert office.case(about)["reviews"][0]["by"] == "test-portal"


@pytest.mark.parametrize(
    "changes,pointer,words",
    [
        ({"reason": "because"}, "/reason", "`as_decided`"),
        ({"text": " "}, "/text", "some words"),
        ({"text": "x" * 10_001}, "/text", "10000"),
        ({"number": None}, "/number", "give that of the case"),
        ({"outcome": "permitted"}, "/outcome", "belongs to `override`"),
        ({"questions": ["entity.kind"]}, "/questions", "belong to `ask`"),
        (
            {"kind": "ask", "reason": "facts_missing", "questions": ["entity.kin"]},
            "/questions/0",
            "entity.kind",
        ),
        ({"kind": "override", "reason": "wrong_facts"}, "/outcome", "belongs to `override`"),
        ({"kind": "attach", "reason": "evidence"}, "/kind", "attachments"),
        ({"kind": "approve"}, "/kind", "confirm"),
    ],
)
def test_what_is_not_well_said_is_422_with_the_remedy(
    office: Office, in_state: dict[str, str], changes: dict[str, Any], pointer: str, words: str
) -> None:
    said = {"kind": "confirm", "reason": "as_decided", "text": "seen", "number": 0, **changes}
    answer = office.clients["reviewer"].post(f"/v1/decisions/{in_state['open']}/reviews", json=said)
    document = problem(answer, 422)
    [error] = [each for each in document["errors"] if each["pointer"] == pointer]
    assert words in error["detail"]


def test_of_two_people_at_once_one_acts_and_one_is_told(office: Office) -> None:
    about = office.decide()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        answers = list(
            pool.map(lambda who: office.say(who, about, "confirm", number=0), ("reviewer", "approver"))
        )
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert refused.json()["type"] == "/schema/problems#overtaken"
    late = office.say("approver", about, "override", number=0)
    assert "`number` is 1" in problem(late, 409)["detail"]
    assert office.case(about)["number"] == 1


def test_a_comment_is_not_repeated_by_accident(office: Office) -> None:
    about = office.decide()
    office.must("reviewer", about, "comment", number=0)
    assert office.say("reviewer", about, "comment", number=0).status_code == 409
    said = {"kind": "comment", "reason": "note", "text": "seen"}
    path, headers = f"/v1/decisions/{about}/reviews", {"idempotency-key": "once"}
    refused = office.clients["reviewer"].post(path, json=said, headers=headers)
    assert "`number`" in problem(refused, 400)["detail"]
    assert office.must("reviewer", about, "comment")["number"] == 2


def test_a_case_is_claimed_released_handed_over_and_assigned(office: Office) -> None:
    about, other = office.decide(), office.decide()
    claimed = office.act("reviewer", about, "claim")
    assert (claimed.status_code, claimed.json()["holder"]) == (200, "test-reviewer")
    assert office.act("approver", about, "claim").status_code == 409
    assert office.say("approver", about, "confirm").status_code == 409
    assert office.must("approver", about, "comment")["number"] == 1
    assert about in office.queue("reviewer", holder="me")
    assert about in office.queue("approver", holder="test-reviewer")
    assert about not in office.queue("approver", holder="none")
    assert office.act("approver", about, "hand-over", to="test-approver").status_code == 409
    handed = office.act("reviewer", about, "hand-over", to="test-approver")
    assert handed.json()["holder"] == "test-approver"
    assert office.act("approver", about, "hand-over", to="test-portal").status_code == 404
    assert office.act("approver", about, "hand-over", to="test-auditor").status_code == 409
    told = office.clients["reviewer"].post(
        "/v1/reviews/assign", json={"to": "test-reviewer", "decisions": [about, other]}
    )
    assert told.json() == {"to": "test-reviewer", "assigned": [other], "refused": [about]}
    assert office.act("reviewer", about, "release").status_code == 409
    assert office.act("approver", about, "release").json()["holder"] is None
    with psycopg.connect(office.database.superuser_url) as superuser:
        superuser.execute(
            "UPDATE review_case SET held_until = now() - interval '1 second' WHERE decision = %s", (other,)
        )
    assert office.act("approver", other, "claim").json()["holder"] == "test-approver"


def test_the_queue_is_read_by_pages_with_counts(office: Office) -> None:
    ids = {office.decide() for _ in range(3)}
    seen: list[str] = []
    cursor: str | None = None
    while True:
        query = {"limit": "2", "order": "opened", **({"cursor": cursor} if cursor else {})}
        page = office.clients["auditor"].get("/v1/reviews", params=query).json()
        seen += [case["decision"] for case in page["reviews"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen))
    assert ids <= set(seen)
    counts = page["counts"]
    assert counts["open"] + counts["waiting"] + counts["proposed"] == len(seen)
    with psycopg.connect(office.database.superuser_url) as superuser:
        superuser.execute(
            "UPDATE review_case SET due = now() - interval '1 second' WHERE decision = ANY(%s::uuid[])",
            (list(ids),),
        )
    assert set(office.queue(overdue="true")) == ids
    assert set(office.queue()[:3]) == ids


@pytest.mark.parametrize(
    "query",
    ["state=shut", "cause=x", "reason=x", "overdue=1", "order=x", "cursor=zz", "holder=nobody+at+all"],
)
def test_a_filter_that_cannot_be_used_is_422(office: Office, query: str) -> None:
    document = problem(office.clients["reviewer"].get(f"/v1/reviews?{query}"), 422)
    assert document["errors"][0]["pointer"] == f"/{query.partition('=')[0]}"


def test_a_file_is_attached_read_and_erased(office: Office) -> None:
    about = office.decide()
    made = office.attach("reviewer", about)
    assert made.status_code == 201
    path = f"/v1/reviews/{about}/attachments/{made.json()['review']}"
    assert office.clients["auditor"].get(path).json() == {**FILE, "size": 4}
    saved = office.clients["auditor"].get(path, params={"as": "file"})
    assert saved.content == b"%PDF"
    assert saved.headers["content-type"] == "application/octet-stream"
    assert saved.headers["content-disposition"] == "attachment; filename*=UTF-8''letter%20%C3%A9.pdf"
    other = office.decide()
    assert office.clients["auditor"].get(path.replace(about, other)).status_code == 404
    for changes, pointer in (
        ({"content": "no base64!"}, "/content"),
        ({"name": "../x"}, "/name"),
        ({"media_type": "text/html; charset=utf-8"}, "/media_type"),
        ({"reason": "note"}, "/reason"),
        ({"content": base64.b64encode(bytes(10 * 1024 * 1024 + 1)).decode()}, "/content"),
    ):
        assert problem(office.attach("reviewer", about, **changes), 422)["errors"][0]["pointer"] == pointer
    largest = office.attach("reviewer", about, content=base64.b64encode(bytes(10 * 1024 * 1024)).decode())
    assert largest.status_code == 201
    erased = office.clients["admin"].post("/v1/erasures", json={"decisions": [about], "reason": "asked for"})
    assert erased.status_code == 201
    assert office.clients["auditor"].get(path).status_code == 404
    told = office.case(about)["reviews"][0]
    assert (told["text"], told["attachment"]["name"], told["attachment"]["is_kept"]) == (None, None, False)


def test_looking_at_a_case_is_recorded(office: Office) -> None:
    about = office.decide()
    before = _looks(office, about)
    office.queue()
    assert _looks(office, about) == before
    office.case(about, "reviewer")
    assert _looks(office, about) == before + 1


def _looks(office: Office, about: str) -> int:
    with psycopg.connect(office.database.superuser_url) as superuser:
        [row] = superuser.execute(
            "SELECT count(*) FROM record WHERE kind = 'access' AND position(%s::bytea IN body) > 0",
            (about.encode(),),
        ).fetchall()
    return int(row[0])


def test_a_key_of_no_person_reviews_nothing(office: Office) -> None:
    made: list[str] = []

    async def work(database: Database, log: AuditLog) -> None:
        keys = Keys(database, service_secret(office.server.settings))
        _, key = await keys.create(log, name="robot", kind="system", role="approver")
        made.append(key)

    recording(office.server, work)
    about = office.decide()
    said = {"kind": "confirm", "reason": "as_decided", "text": "seen", "number": 0}
    headers = {"authorization": f"Bearer {made[0]}"}
    with httpx.Client(base_url=office.server.url, headers=headers) as robot:
        refused = robot.post(f"/v1/decisions/{about}/reviews", json=said)
        assert "only a person" in problem(refused, 409)["detail"]
        assert robot.post(f"/v1/reviews/{about}/claim").status_code == 409
        said = {"to": "test-reviewer", "decisions": [about]}
        assert robot.post("/v1/reviews/assign", json=said).status_code == 409
