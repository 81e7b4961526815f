"""Requests a second of `POST /v1/decisions`, against an empty endpoint and a naive one on the same server.

The empty one is sent the same bodies and answers as many bytes as a decision has; what one is worth that
answers next to nothing is told, too. Server, database and client share the machine's cores, so only ratios
mean something.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import mean, median
from uuid import UUID

from benchmarks.client import CONNECTIONS, KEY, Answers, ask
from benchmarks.empty import ANSWER_BYTES
from benchmarks.naive import DATABASE
from benchmarks.processes import free_port, processor_seconds, running
from benchmarks.requests import requests
from eligibility.decider import Decider
from eligibility.loading import load_rules, shipped_rules
from eligibility.reading import read_request
from eligibility.storage import migrate
from eligibility.storage.embedded import EmbeddedPostgres, start_or_join

EMPTY = "empty endpoint"
TERSE = "empty endpoint with answers of two bytes"
BODIES = 3_200
SECONDS = 5.0
ROUNDS = 5
SHARE_OF_EMPTY = 0.5
WAITS_OF_EMPTY = 3.0
TIMES_NAIVE = 4.0


@dataclass(frozen=True)
class Measured:
    """What one server did: its answers, and microseconds of processor time per request by who spent them."""

    answers: Answers
    spent: dict[str, float]


@contextmanager
def _empty(answer: int) -> Iterator[tuple[int, list[int]]]:
    with _under_uvicorn("benchmarks.empty:create_app", {ANSWER_BYTES: str(answer)}) as (port, pid):
        yield port, [pid]


@contextmanager
def _naive() -> Iterator[tuple[int, list[int]]]:
    with tempfile.TemporaryDirectory(prefix="eligibility-benchmark-") as folder, _database(folder) as server:
        url = server.url("postgres", "postgres")
        with _under_uvicorn("benchmarks.naive:create_app", {DATABASE: url}) as (port, pid):
            yield port, [pid, _postmaster(server)]


@contextmanager
def _audited() -> Iterator[tuple[int, list[int]]]:
    with tempfile.TemporaryDirectory(prefix="eligibility-benchmark-") as folder, _database(folder) as server:
        migrate.upgrade(server.owner_url)
        port = free_port()
        environment = {
            "ELIGIBILITY_PORT": str(port),
            "ELIGIBILITY_DATA_DIR": f"{folder}/data",
            "ELIGIBILITY_ADMIN_KEY": KEY,
        }
        command = [sys.executable, "-m", "eligibility", "serve"]
        with running(command, port, "/health/ready", environment) as pid:
            yield port, [pid, _postmaster(server)]


@contextmanager
def _database(folder: str) -> Iterator[EmbeddedPostgres]:
    Path(folder).chmod(0o755)  # the embedded server's account must be able to enter
    with start_or_join(Path(folder) / "data") as server:
        yield server


def _postmaster(server: EmbeddedPostgres) -> int:
    assert server.process is not None, "the server is ours, since its folder is new"
    return server.process.pid


@contextmanager
def _under_uvicorn(factory: str, environment: dict[str, str]) -> Iterator[tuple[int, int]]:
    """An application under the same server, with the same options, as the service has."""
    port = free_port()
    options = ["--port", str(port), "--loop", "uvloop", "--http", "httptools", "--ws", "none"]
    quiet = ["--log-level", "warning", "--no-access-log", "--no-proxy-headers", "--no-server-header"]
    command = [sys.executable, "-m", "uvicorn", factory, "--factory", *options, *quiet]
    with running(command, port, "/", environment) as pid:
        yield port, pid


def _decision_bytes() -> int:
    """How many bytes the answer to a request has, on average."""
    decider = Decider(load_rules(shipped_rules()))
    vocabulary = decider.ruleset.vocabulary
    made = (decider.decide(read_request(body, vocabulary)) for body in requests(BODIES))
    return round(mean(len(one.json(UUID(int=0), datetime.now(UTC))) for one in made))


def _measure(port: int, roots: list[int]) -> Measured:
    bodies = requests(BODIES)
    ask(
        port, bodies, 0
    )  # every body once: what is measured is the steady state, where most are like earlier ones
    before, mine = _spent(roots), time.process_time()
    answers = ask(port, bodies, SECONDS)
    mine, after = time.process_time() - mine, _spent(roots)
    spent = {who: seconds - before.get(who, 0.0) for who, seconds in after.items()}
    count = len(answers.waits)
    per_request = {who: seconds / count * 1e6 for who, seconds in (*spent.items(), ("client", mine))}
    return Measured(answers, per_request)


def _spent(roots: list[int]) -> dict[str, float]:
    """Seconds of processor time so far: of the server, and of PostgreSQL."""
    found: dict[str, float] = defaultdict(float)
    seen: dict[int, tuple[str, float]] = {}
    for root in roots:
        seen.update(processor_seconds(root))
    for command, seconds in seen.values():
        found["PostgreSQL" if "postgres" in command else "server"] += seconds
    return dict(found)


def _print(name: str, measured: Measured) -> None:
    answers = measured.answers
    print(f"{name}")
    print(
        f"  {answers.rate:8.0f} requests a second, p50 {answers.wait(0.5):.1f} ms, "
        f"p99 {answers.wait(0.99):.1f} ms, answers by status {dict(answers.statuses)}"
    )
    parts = ", ".join(f"{who} {microseconds:.0f}" for who, microseconds in measured.spent.items())
    print(f"  microseconds of processor time a request: {parts}")


def main() -> None:
    """Measure all in turns, since what else the machine does changes, and print how they compare."""
    size = _decision_bytes()
    print(f"{CONNECTIONS} connections, one server process, {ROUNDS} rounds, answers of {size:,} bytes")
    servers: dict[str, Callable[[], AbstractContextManager[tuple[int, list[int]]]]] = {
        EMPTY: partial(_empty, size),
        TERSE: partial(_empty, 2),
        "naive": _naive,
        "audited": _audited,
    }
    rounds: dict[str, list[Measured]] = defaultdict(list)
    for _ in range(ROUNDS):
        for name, server in servers.items():
            with server() as (port, roots):
                rounds[name].append(_measure(port, roots))
            _print(name, rounds[name][-1])
    rate = {name: median(one.answers.rate for one in found) for name, found in rounds.items()}
    wait = {name: median(one.answers.wait(0.99) for one in found) for name, found in rounds.items()}
    print("medians of the rounds")
    for name, aim in ((EMPTY, f" (aim: at least {SHARE_OF_EMPTY})"), (TERSE, "")):
        print(f"audited, as a share of the {name}: {rate['audited'] / rate[name]:.2f}{aim}")
    waits = wait["audited"] / wait[EMPTY]
    print(f"its p99, as a multiple of the empty endpoint's: {waits:.1f} (aim: at most {WAITS_OF_EMPTY:.0f})")
    times = rate["audited"] / rate["naive"]
    print(f"audited, as a multiple of naive: {times:.1f} (aim: at least {TIMES_NAIVE:.0f})")


if __name__ == "__main__":
    main()
