"""A log with something of everything in it, and the addresses of all pages that show it."""

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from api.dashboard.sessions import is_of_dashboard
from api.roles import ROUTES
from eligibility.storage.embedded import EmbeddedPostgres
from tests.api.backlogs import ended, jsonl, requests, uploaded, working
from tests.api.bodies import permitted, prohibited, unclear
from tests.api.governing import act, load, pass_checks, reworded, stricter
from tests.api.serving import Server, Who, serving
from tests.api.test_precedents import asked, overridden
from tests.conftest import fresh_database

NAMES = (
    "Nordlicht Robotik GmbH",
    "Université de Lyon",
    "Example Robotics Inc.",
    "株式会社サンプル",
    "ACME Grid Ltd.",
)


@dataclass(frozen=True)
class Furnished:
    """A server, and the ids of what it has, by what stands before `{…}` in a page's address.

    `overridden` is a decision that can be made a precedent.
    """

    server: Server
    ids: Mapping[str, list[str]]
    overridden: str

    def addresses(self, most: int = 100) -> list[str]:
        """The addresses of each page, for so many of the things that it can show."""
        found: list[str] = []
        for method, route in ROUTES:
            if method == "GET" and is_of_dashboard(route) and "/static/" not in route:
                found += self._filled(route)[:most]
        return sorted(found)

    def _filled(self, route: str) -> list[str]:
        names = re.findall(r"{\w+}", route)
        if not names:
            return [route + (f"?decision={self.overridden}" if route == "/dashboard/precedents/new" else "")]
        before = route.partition(names[0])[0]
        filled = [route.replace(names[0], identifier) for identifier in self.ids[before]]
        return filled if len(names) == 1 else []  # parts of a page, which it loads


@contextmanager
def furnished(postgres: EmbeddedPostgres, folder: Path) -> Iterator[Furnished]:
    """A server of its own, furnished."""
    with ExitStack() as stack:
        database = stack.enter_context(fresh_database(postgres))
        server = stack.enter_context(serving(database.service_url, folder / "server"))
        stack.enter_context(working(server.settings, folder))
        clients = {who: stack.enter_context(server.client(who)) for who in server.keys}
        about = overridden(clients["reviewer"], clients["approver"])
        ids = {
            "/dashboard/decisions/": _decisions(clients),
            "/dashboard/precedents/": [_precedent(clients["reviewer"], about)],
            "/dashboard/batches/": [_batch(clients["reviewer"])],
            "/dashboard/rulesets/": _rulesets(server, clients),
            "/dashboard/rules/": ["licence.eu-multimodal"],
            "/dashboard/people/keys/": [_key(clients["admin"])],
        }
        yield Furnished(server, ids, about)


def _decisions(clients: Mapping[Who, httpx.Client]) -> list[str]:
    """Decisions of every outcome, and cases in every state."""
    made: dict[str, str] = {}
    for place, name in enumerate(NAMES):
        for body in (unclear, permitted, prohibited):
            sent = body(name=name, reference=f"crm-{place}")
            identifier = clients["portal"].post("/v1/decisions", json=sent).json()["id"]
            made.setdefault(body.__name__, identifier)
            if body is unclear:
                made[f"open {place}"] = identifier
    steps: tuple[tuple[str, str, dict[str, object]], ...] = (
        ("open 1", "ask", {"questions": ["entity.monthly_active_users"]}),
        ("open 2", "confirm", {}),
        ("open 3", "override", {"outcome": "permitted"}),
    )
    for about, kind, more in steps:
        _say(clients["reviewer"], made[about], kind, 0, **more)
    clients["reviewer"].post(f"/v1/reviews/{made['open 4']}/claim")
    wanted = ("unclear", "permitted", "prohibited", "open 1", "open 2", "open 3", "open 4")
    return [made[about] for about in wanted]


REASON = {"ask": "facts_missing", "confirm": "as_decided", "override": "new_evidence"}


def _say(client: httpx.Client, about: str, kind: str, number: int, **more: object) -> None:
    said = {"kind": kind, "reason": REASON[kind], "text": "We have looked at this.", "number": number, **more}
    answer = client.post(f"/v1/decisions/{about}/reviews", json=said)
    assert answer.status_code == 201, answer.text


def _precedent(client: httpx.Client, about: str) -> str:
    made: str = client.post("/v1/precedents", json=asked(about)).json()["id"]
    return made


def _key(client: httpx.Client) -> str:
    """The key that was made last."""
    records = client.get("/v1/audit/export", params={"kind": "key.created", "format": "jsonl"}).text
    *_, last = re.findall(r'"key":"([0-9a-f-]{36})"', records)
    return str(last)


def _batch(client: httpx.Client) -> str:
    lines = [*requests(60), {"model": {"generation": "llama-9"}}, {"modell": 1}]
    place = uploaded(client, jsonl(lines))
    identifier: str = ended(client, place)["id"]
    return identifier


def _rulesets(server: Server, clients: Mapping[Who, httpx.Client]) -> list[str]:
    """The one in force, one that is proposed, and a draft."""
    [listed] = [each["digest"] for each in clients["reviewer"].get("/v1/rulesets").json()["rulesets"]]
    proposed, draft = (
        load(clients["reviewer"], reworded("2026.12.1")),
        load(clients["reviewer"], stricter("2026.12.2")),
    )
    pass_checks(server, proposed)
    act(clients["reviewer"], proposed, "proposal")
    return [listed, proposed, draft]
