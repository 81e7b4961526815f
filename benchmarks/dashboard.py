"""Milliseconds of the server's answer for lists, searches and pages of decisions, with a full database.

A backlog is recorded as the command line does it, some cases are reviewed, and the words in it are read, as
the service does by and by. Then the real server is asked over HTTP, by one person, one page after the other.
"""

from __future__ import annotations

import asyncio
import http.client
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode

import httpx
import psycopg

from benchmarks.backlog_rows import write
from benchmarks.processes import free_port, running
from eligibility.settings import Settings
from eligibility.storage import migrate
from eligibility.storage.database import Database
from eligibility.storage.embedded import DATABASE, EmbeddedPostgres, start_or_join
from eligibility.storage.keys import Keys
from eligibility.storage.log import AuditLog
from eligibility.storage.reviews import fill
from eligibility.storage.search_parts import fill_part
from eligibility.storage.secret_files import service_secret
from eligibility.storage.signing_keys import signer

COUNT: Final = 1_000_000
REQUESTS: Final = 200
REVIEWED: Final = 300
LIST_AIM, PAGE_AIM = 200.0, 100.0
"""Milliseconds, of which p95 is to stay below."""

_STRIDE: Final = 7919


class Asked(NamedTuple):
    """A page that is asked for. `{number}` is another row of the backlog, `{id}` its decision, each time."""

    name: str
    address: str
    aim: float = LIST_AIM


def _found(name: str, **filters: str) -> Asked:
    return Asked(f"decisions, {name}", f"/dashboard/decisions?{urlencode(filters, safe='{}')}")


def _queued(name: str, **filters: str) -> Asked:
    return Asked(f"queue, {name}", f"/dashboard/queue?{urlencode(filters)}")


PAGES: Final = (
    Asked("decisions", "/dashboard/decisions"),
    _found("outcome", outcome="prohibited"),
    _found("outcome in force", in_force="contact_meta"),
    _found("overridden", outcome="contact_meta", in_force="permitted"),
    _found("generation", generation="llama-2"),
    _found("finding", finding="licence.eu-office"),
    _found("rare finding", finding="aup.nuclear-industry"),
    _found("facts", facts="entity.kind=company entity.principal_place_of_business=FR"),
    _found("rare facts", facts="entity.kind=government_partner entity.principal_place_of_business=IS"),
    _found("who", who="system"),
    _found("who else", who="nobody of this name"),
    _found("channel", channel="http"),
    _found("batch", batch="{batch}"),
    _found("policy", ruleset="{ruleset}"),
    _found("time", **{"from": "2020-01-01", "to": "2020-12-31"}),
    _found("review open", state="open"),
    _found("review closed", state="closed"),
    _found("review proposed", state="proposed"),
    _found(
        "five at once",
        outcome="prohibited",
        generation="llama-2",
        state="none",
        channel="batch",
        who="system",
    ),
    _found("frequent word", text="evaluation"),
    _found("rare words", text="case-{number}"),
    _found("rare name", text='"No {number}"'),
    _found("request id", text="r-{row}"),
    _found("absent word", text="absent{number}"),
    _found("phrase", text='"asks for an evaluation again"'),
    _found("words never together", text="ticket helper {number} llama 7919"),
    _found("word and outcome", text="evaluation", outcome="contact_meta", generation="llama-2"),
    _found("review’s word", text="remarkable"),
    Asked("audit", "/dashboard/audit"),
    Asked("audit, acts", "/dashboard/audit/acts"),
    Asked("audit, acts of a kind", "/dashboard/audit/acts?kind=batch.slice"),
    Asked("audit, acts of a person", "/dashboard/audit/acts?who=Bea+Benchmark"),
    Asked("audit, accesses", "/dashboard/audit/accesses"),
    Asked("keys and people", "/dashboard/people"),
    Asked("queue", "/dashboard/queue"),
    _queued("filtered", state="open", generation="llama-2", overdue="false"),
    _queued("oldest first", order="opened"),
    _queued("disputed", cause="disputed"),
    _queued("sampled", cause="sampled"),
    _queued("rare reason", reason="case_by_case"),
    _queued("proposed", state="proposed"),
    _queued("closed", state="closed"),
    _queued("channel of none", channel="http"),
    _queued("mine", holder="me"),
    _queued("overdue", overdue="true"),
    Asked("precedents", "/dashboard/precedents"),
    Asked("batches", "/dashboard/batches"),
    Asked("today", "/dashboard"),
    Asked("a decision", "/dashboard/decisions/{id}", PAGE_AIM),
)
"""What is asked for; pages that the service does not have are told and passed over."""


class House(NamedTuple):
    """A full database: its batch, the ids of some of its decisions, and the ruleset in force."""

    batch: str
    ids: list[str]
    ruleset: str
    rows: int

    def filled(self, address: str) -> Iterator[str]:
        """The address with other values each time."""
        for turn in itertools.count(1):
            number = turn * _STRIDE % self.rows
            values = {
                "number": str(number),
                "row": f"{number:08}",
                "id": self.ids[turn % len(self.ids)],
                "batch": self.batch,
                "ruleset": quote(self.ruleset),
            }
            yield address.format_map(values)


def main(count: int = COUNT) -> None:
    """Fill a database with so many decisions, ask for each page, and print how long the server took."""
    with tempfile.TemporaryDirectory(prefix="eligibility-benchmark-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the embedded server's account must be able to enter
        with start_or_join(folder / "data") as server:
            migrate.upgrade(server.owner_url)
            environment = {
                "ELIGIBILITY_DATABASE_URL": server.service_url,
                "ELIGIBILITY_DATA_DIR": str(folder / "data"),
            }
            results = _backlog(folder, count, environment)
            keys = asyncio.run(_keys(environment))
            _read(server, count)
            with _serving(environment) as url:
                house = _house(url, keys, results, count)
                _measure(url, keys["admin"], house)


def _backlog(folder: Path, count: int, environment: Mapping[str, str]) -> Path:
    lines, results = folder / "rows.jsonl", folder / "results.jsonl"
    write("values", lines, count)
    began = time.monotonic()
    command = [sys.executable, "-m", "eligibility", "batch", str(lines), str(results)]
    subprocess.run(command, env={**os.environ, **environment}, check=True, stdout=subprocess.DEVNULL)
    print(f"{count:,} decisions recorded in {time.monotonic() - began:.0f} s")
    return results


async def _keys(environment: Mapping[str, str]) -> dict[str, str]:
    """Keys of two people and a portal, by their role."""
    settings = Settings.from_environment(environment)
    secret = service_secret(settings)
    database = Database.open(str(settings.database_url))
    people = (("Ada Benchmark", "person", "admin"), ("Bea Benchmark", "person", "approver"))
    async with AuditLog(database, secret, signer(settings)) as log:
        made = {
            role: (await Keys(database, secret).create(log, name=name, kind=kind, role=role))[1]  # type: ignore[arg-type]  # kinds and roles that there are
            for name, kind, role in (*people, ("portal", "system", "portal"))
        }
    await database.close()
    return made


def _read(server: EmbeddedPostgres, count: int) -> None:
    """Open cases and read words, as the service does by and by; tell what that takes."""

    async def read() -> tuple[float, float]:
        database = Database.open(server.service_url)
        while await fill(database):
            pass
        wall, processor = time.monotonic(), time.process_time()
        while await fill_part(database):
            pass
        await database.close()
        return time.monotonic() - wall, time.process_time() - processor

    wall, processor = asyncio.run(read())
    with psycopg.connect(server.url("postgres", DATABASE)) as connection:
        connection.execute("ANALYZE")
        size = connection.execute("SELECT pg_total_relation_size('search_part')").fetchone()
    bytes_each = size[0] / count if size else 0
    print(
        f"words read in {wall:.0f} s: {processor / count * 1e6:.0f} µs of our processor time and "
        f"{bytes_each:.1f} bytes a decision"
    )


@contextmanager
def _serving(environment: Mapping[str, str]) -> Iterator[str]:
    port = free_port()
    given = {**environment, "ELIGIBILITY_PORT": str(port), "ELIGIBILITY_BATCH_WORKERS": "0"}
    with running([sys.executable, "-m", "eligibility", "serve"], port, "/health/ready", given):
        yield f"http://127.0.0.1:{port}"


def _house(url: str, keys: Mapping[str, str], results: Path, count: int) -> House:
    with results.open("rb") as file:
        told = [json.loads(line) for line in itertools.islice(file, 0, None, max(1, count // 500))]
    decided = [line for line in told if line.get("id")]
    ada, bea = ({"authorization": f"Bearer {keys[role]}"} for role in ("admin", "approver"))
    with httpx.Client(base_url=url, timeout=60) as client:
        _review(client, ada, bea)
        [batch] = client.get("/v1/batches", headers=ada).json()["batches"]
        ruleset = client.get("/health/ready", headers=ada).json()["ruleset"]["digest"]
    return House(batch["id"], [line["id"] for line in decided], ruleset, count)


def _review(client: httpx.Client, ada: dict[str, str], bea: dict[str, str]) -> None:
    """Steps of reviews: comments, proposals, and overrides in force."""
    cases = client.get("/v1/reviews", headers=ada, params={"limit": 200, "order": "opened"}).json()["reviews"]
    for turn in range(min(REVIEWED, len(cases))):
        about = f"/v1/decisions/{cases[turn]['decision']}/reviews"
        said: dict[str, Any] = {
            "kind": "comment",
            "reason": "note",
            "text": f"remarkable {turn}",
            "number": 0,
        }
        _said(client.post(about, headers=ada, json=said))
        if turn % 3 == 0 and cases[turn]["outcome"] != "permitted":
            said |= {"kind": "override", "reason": "new_evidence", "outcome": "permitted", "number": 1}
            _said(client.post(about, headers=ada, json=said))
        if turn % 6 == 0 and said["number"]:
            del said["outcome"]
            _said(
                client.post(
                    about, headers=bea, json=said | {"kind": "agree", "reason": "agreed", "number": 2}
                )
            )


def _said(answer: httpx.Response) -> None:
    if answer.is_error:
        raise RuntimeError(answer.text)


def _measure(url: str, key: str, house: House) -> None:
    """Ask for each page in turn, and print the table."""
    with httpx.Client(base_url=url, headers={"origin": url}) as client:
        page = client.get("/dashboard/sign-in").text
        token = re.findall(r'name="form" value="(\w+)"', page)[0]
        _said(client.post("/dashboard/sign-in", data={"form": token, "key": key}))
        cookie = f"eligibility={client.cookies['eligibility']}"
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
    print(f"{REQUESTS} requests each, one after the other; load of the machine {os.getloadavg()[0]:.1f}")
    print(f"{'milliseconds':34} {'p50':>7} {'p95':>7} {'p99':>7} {'aim':>5}")
    for asked in PAGES:
        addresses = house.filled(asked.address)
        waits, statuses = list[float](), Counter[int]()
        for address in itertools.islice(addresses, REQUESTS):
            began = time.perf_counter()
            connection.request("GET", address, headers={"cookie": cookie})
            answer = connection.getresponse()
            answer.read()
            waits.append((time.perf_counter() - began) * 1e3)
            statuses[answer.status] += 1
            if answer.status == http.HTTPStatus.NOT_FOUND:
                break
        _print(asked, sorted(waits), statuses)


def _print(asked: Asked, waits: list[float], statuses: Mapping[int, int]) -> None:
    if http.HTTPStatus.NOT_FOUND in statuses:
        print(f"{asked.name:34} is not there")
        return
    p50, p95, p99 = (waits[min(len(waits) - 1, int(len(waits) * share))] for share in (0.5, 0.95, 0.99))
    note = "" if p95 <= asked.aim else "  above its aim"
    others = {status: number for status, number in statuses.items() if status != http.HTTPStatus.OK}
    note += f"  answers by status {others}" if others else ""
    print(f"{asked.name:34} {p50:7.1f} {p95:7.1f} {p99:7.1f} {asked.aim:5.0f}{note}", flush=True)
