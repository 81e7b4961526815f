"""Requests a second of `POST /v1/decisions`, against an empty endpoint on the same server.

Server, database and client share the machine's cores, so only the ratio means something.
"""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.requests import requests

CONNECTIONS = 64
BODIES = 3_200
SECONDS = 8.0
WARM_UP_SECONDS = 4.0
"""Enough for every body to be sent once, so that what is measured is the steady state: most requests are
like earlier ones."""
KEY = "benchmark-admin-key-of-32-letters"
START_SECONDS = 60


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def _running(command: list[str], environment: dict[str, str], port: int, ready: str) -> Iterator[None]:
    """A server process, from the moment it answers until it has ended."""
    process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(f"http://127.0.0.1:{port}{ready}"):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"`{' '.join(command)}` did not start")
            time.sleep(0.05)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=2).close()  # noqa: S310 - our own loopback address
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False
    return True


async def _connection(port: int, bodies: list[bytes], until: float, statuses: dict[int, int]) -> int:
    """Send one request after the other; how many were answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answered = 0
    while time.monotonic() < until:
        body = bodies[answered % len(bodies)]
        writer.write(
            b"POST /v1/decisions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Authorization: Bearer " + KEY.encode() + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        )
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        status = int(head.split(b" ", 2)[1])
        statuses[status] = statuses.get(status, 0) + 1
        answered += 1
    writer.close()
    return answered


async def _rate(port: int, seconds: float) -> tuple[float, dict[int, int]]:
    bodies = requests(BODIES)
    share = len(bodies) // CONNECTIONS
    statuses: dict[int, int] = {}
    start = time.monotonic()
    answered = await asyncio.gather(
        *(
            _connection(port, bodies[place * share : (place + 1) * share], start + seconds, statuses)
            for place in range(CONNECTIONS)
        )
    )
    return sum(answered) / (time.monotonic() - start), statuses


def _measure(port: int) -> float:
    asyncio.run(_rate(port, WARM_UP_SECONDS))
    rate, statuses = asyncio.run(_rate(port, SECONDS))
    print(f"  {rate:8.0f} requests a second, answers by status {json.dumps(statuses)}")
    return rate


def main() -> None:
    """Measure both and print the ratio."""
    print(f"{CONNECTIONS} connections, one server process")
    port = _free_port()
    options = ["--port", str(port), "--log-level", "warning", "--no-access-log", "--loop", "uvloop"]
    command = [sys.executable, "-m", "uvicorn", "benchmarks.empty:create_app", "--factory", *options]
    print("empty endpoint")
    with _running(command, {}, port, "/"):
        empty = _measure(port)
    print("decisions, each durably recorded")
    with tempfile.TemporaryDirectory(prefix="eligibility-benchmark-") as folder:
        Path(folder).chmod(0o755)  # the embedded server's account must be able to enter
        port = _free_port()
        environment = {
            "ELIGIBILITY_PORT": str(port),
            "ELIGIBILITY_DATA_DIR": f"{folder}/data",
            "ELIGIBILITY_ADMIN_KEY": KEY,
        }
        with _running([sys.executable, "-m", "eligibility", "serve"], environment, port, "/health/ready"):
            decided = _measure(port)
    print(f"decisions as a share of the empty endpoint: {decided / empty:.2f}")


if __name__ == "__main__":
    main()
