"""Several people act at random, by key and by page, alone and at once, on cases that change meanwhile.

Whatever they try, a case goes only where `office_life` says that it can. Whoever was told that it was done
finds it in the log, in order, under their name, and nobody finds anything else there.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from random import Random
from typing import Any

import httpx
import pytest

from eligibility.review import REASONS
from eligibility.storage.database import Database
from eligibility.storage.embedded import EmbeddedPostgres
from eligibility.storage.keys import Keys
from eligibility.storage.log import AuditLog
from eligibility.storage.reading_log import reading_log
from eligibility.storage.secret_files import service_secret
from eligibility.storage.signing_keys import signer
from eligibility.verifying.verification import Wanted, verify
from tests.api.bodies import permitted, prohibited, unclear
from tests.api.serving import Server, serving
from tests.conftest import fresh_database
from tests.dashboard.browsing import form_token, web
from tests.dashboard.office_life import FROM, OUTCOMES, REVIEWING, Case, Said
from tests.properties.sizes import sized
from tests.storage.logs import contents

STEPS = sized(500, 20_000)
PEOPLE = ("reviewer", "second_reviewer", "approver", "admin", "auditor", "portal")
KINDS = (
    "confirm",
    "override",
    "override",
    "agree",
    "agree",
    "decline",
    "withdraw",
    "ask",
    "answer",
    "comment",
    "dispute",
)
BODIES = (unclear, permitted, prohibited)
DONE = {200, 201, 303}
REFUSED = {403, 404, 409, 422}


class Office:
    """A server and all who use it; and what each case must be."""

    def __init__(self, server: Server, random: Random, stack: ExitStack) -> None:
        self.server, self.random = server, random
        self.by_key = {who: stack.enter_context(server.client(who)) for who in PEOPLE}  # type: ignore[arg-type]  # keys of ours
        signed_in = {who for who in PEOPLE if who != "portal"}
        self.by_page = {who: stack.enter_context(web(server, who)) for who in signed_in}  # type: ignore[arg-type]  # as above
        self.tokens = {who: form_token(client, "/dashboard/help") for who, client in self.by_page.items()}
        self.pool = stack.enter_context(ThreadPoolExecutor(4))
        self.cases: dict[str, Case] = {}
        self.looks: Counter[str] = Counter()
        self.tried: Counter[str] = Counter()

    def decide(self) -> None:
        who = self.random.choice(("portal", "reviewer"))
        body = self.random.choice(BODIES)(reference=f"crm-{self.random.randrange(20)}")
        told = self.by_key[who].post("/v1/decisions", json=body).json()
        state = "open" if told["outcome"] == "contact_meta" else self.told(told["id"])["state"]
        self.cases[told["id"]] = Case(who, state, told["outcome"])

    def told(self, about: str) -> dict[str, Any]:
        answer = self.by_key["auditor"].get(f"/v1/reviews/{about}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def some_step(self, case: Case) -> Said:
        who, kinds = self.random.choice(PEOPLE), list(KINDS)
        if self.random.random() < 0.6:  # else most of what is tried is refused
            kinds = [kind for kind in KINDS if case.state in FROM.get(kind, ())]
        kind = self.random.choice(kinds)
        is_late = case.number and self.random.random() < 0.15
        number = self.random.randrange(case.number) if is_late else case.number
        outcome = self.random.choice(OUTCOMES) if kind == "override" else None
        return Said(who, kind, number, outcome, by_page=who in self.by_page and self.random.random() < 0.5)

    def send(self, about: str, said: Said) -> httpx.Response:
        """Send a step by key or by page, as it comes."""
        fields = {"kind": said.kind, "reason": next(iter(REASONS[said.kind])), "text": f"by {said.who}"}  # type: ignore[index]  # a kind
        if said.outcome is not None:
            fields["outcome"] = said.outcome
        if said.by_page:
            fields |= {"form": self.tokens[said.who], "number": str(said.number)}
            return self.by_page[said.who].post(f"/dashboard/decisions/{about}/reviews", data=fields)
        numbered = {"number": said.number} if said.is_numbered else {}
        return self.by_key[said.who].post(f"/v1/decisions/{about}/reviews", json={**fields, **numbered})

    def one_acts(self, about: str) -> None:
        case = self.cases[about]
        said = self.some_step(case)
        may = case.allows(said)
        answer = self.send(about, said)
        assert (answer.status_code in DONE) == may, (said, case, answer.status_code, answer.text)
        assert may or answer.status_code in REFUSED, answer.text
        self.tried[f"{said.kind} {'done' if may else 'refused'}"] += 1
        if may:
            case.take(said)
        self.compare(about)

    def several_act(self, about: str) -> None:
        """Several act on the case as they all see it: what was done must have been allowed in some order."""
        case = self.cases[about]
        all_said = [self.some_step(case) for _ in range(self.random.randrange(2, 5))]
        answers = list(self.pool.map(lambda said: self.send(about, said), all_said))
        assert all(answer.status_code in DONE | REFUSED for answer in answers)
        done = [said for said, answer in zip(all_said, answers, strict=True) if answer.status_code in DONE]
        assert sum(said.is_numbered for said in done) <= 1, done
        for step in self.told(about)["reviews"][case.number :]:
            who = step["by"].removeprefix("test-").replace("-", "_")
            found = next(
                said
                for said in done
                if (said.who, said.kind, said.outcome) == (who, step["kind"], step["outcome"])
            )
            done.remove(found)
            case.take(Said(who, found.kind, case.number, found.outcome))
        assert not done, f"acknowledged, but not in the log: {done}"
        self.tried["at once"] += 1
        self.compare(about)

    def hold(self, about: str) -> None:
        case, who = self.cases[about], self.random.choice(PEOPLE)
        what = self.random.choice(("claim", "release"))
        if what == "claim":
            may = who in REVIEWING and case.state != "closed" and case.holder in {None, who}
        else:
            may = who in REVIEWING and case.holder == who
        if who in self.by_page and self.random.random() < 0.5:
            path, data = f"/dashboard/decisions/{about}/{what}", {"form": self.tokens[who]}
            answer = self.by_page[who].post(path, data=data)
        else:
            answer = self.by_key[who].post(f"/v1/reviews/{about}/{what}")
        assert (answer.status_code in DONE) == may, (who, what, case, answer.status_code, answer.text)
        self.tried[f"{what} {'done' if may else 'refused'}"] += 1
        if may:
            case.holder = who if what == "claim" else None

    def look(self, about: str) -> None:
        who = self.random.choice(("second_reviewer", "approver"))
        if self.random.random() < 0.5:
            answer = self.by_key[who].get(f"/v1/decisions/{about}")
        else:
            answer = self.by_page[who].get(f"/dashboard/decisions/{about}")
        assert answer.status_code == 200, answer.text
        self.looks[who] += 1

    def compare(self, about: str) -> None:
        """See that the case is what it must be, with all its steps and no others."""
        case, told = self.cases[about], self.told(about)
        assert (told["state"], told["number"]) == (case.state, case.number)
        assert told["outcome_in_force"] == case.in_force
        assert told["proposed_outcome"] == case.proposed
        steps = [(each["by"], each["kind"], each["outcome"]) for each in told["reviews"]]
        assert steps == [(name_of(who), kind, outcome) for who, kind, outcome in case.taken]


def name_of(who: str) -> str:
    return f"test-{who}"


@pytest.fixture
def office(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with ExitStack() as stack:
        database = stack.enter_context(fresh_database(postgres))
        server = stack.enter_context(serving(database.service_url, tmp_path_factory.mktemp("office")))
        asyncio.run(make_second_reviewer(server))
        yield Office(server, Random(11), stack)


async def make_second_reviewer(server: Server) -> None:
    settings = server.settings
    assert settings.database_url is not None
    secret = service_secret(settings)
    database = Database.open(settings.database_url)
    async with AuditLog(database, secret, signer(settings)) as log:
        _, made = await Keys(database, secret).create(
            log, name=name_of("second_reviewer"), kind="person", role="reviewer"
        )
    await database.close()
    server.keys["second_reviewer"] = made  # type: ignore[index]  # one more than other tests have


def test_whatever_people_try_cases_go_only_where_they_can(office: Office) -> None:
    actions = (
        office.one_acts,
        office.one_acts,
        office.one_acts,
        office.several_act,
        office.hold,
        office.look,
    )
    for step in range(STEPS):
        if len(office.cases) < 4 or (len(office.cases) < STEPS // 40 and step % 20 == 0):
            office.decide()
        # mostly the newest, so that each goes a long way
        about = office.random.choice(list(office.cases)[-6:])
        office.random.choice(actions)(about)

    assert office.tried["agree done"] > STEPS // 100
    assert office.tried["agree refused"] > STEPS // 100
    assert_log_is_complete(office)


def assert_log_is_complete(office: Office) -> None:
    """The log holds each step and look that was done, under its actor, and proves itself."""
    period = {"from": "2020-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z", "format": "jsonl", "kind": "all"}
    exported = office.by_key["admin"].get("/v1/audit/export", params=period)
    records = [json.loads(line) for line in exported.text.splitlines()]
    by = Counter((each["kind"], each["requested_by"]) for each in records if "kind" in each)
    taken = Counter(
        (f"review.{kind}", name_of(who)) for case in office.cases.values() for who, kind, _ in case.taken
    )
    assert Counter({key: n for key, n in by.items() if key[0].startswith("review.")}) == taken
    assert sum(n for (kind, _), n in by.items() if kind == "decision") == len(office.cases)
    for who in ("second_reviewer", "approver"):
        assert by["access", name_of(who)] >= office.looks[who]
    url = office.server.settings.database_url
    assert url is not None
    with reading_log(url) as reader:
        assert verify(reader, Wanted(contents=contents)).holds
