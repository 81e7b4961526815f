"""A client as lean as Python allows, since it shares the machine's cores with what it measures."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import uvloop

CONNECTIONS = 64
KEY = "benchmark-admin-key-of-32-letters"

_HEAD = (
    b"POST /v1/decisions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Authorization: Bearer " + KEY.encode() + b"\r\nContent-Length: %d\r\n\r\n"
)
_LENGTH = b"content-length: "


@dataclass
class Answers:
    """What was answered: seconds from sending a request to the last byte of its answer, and statuses."""

    seconds: float = 0.0
    waits: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.waits) / self.seconds

    def wait(self, share: float) -> float:
        """Milliseconds that this share of the requests did not wait longer than."""
        ascending = sorted(self.waits)
        return ascending[min(len(ascending) - 1, int(len(ascending) * share))] * 1e3


class _Connection(asyncio.Protocol):
    """Sends one request after the other, each once the one before is answered."""

    def __init__(self, requests: Sequence[bytes], until: float, answers: Answers) -> None:
        self._requests = requests
        self._until = until
        self._answers = answers
        self._count = 0
        self._missing = 0
        self._sent = 0.0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]  # a stream's is one
        self._send()

    def _send(self) -> None:
        request = self._requests[self._count % len(self._requests)]
        self._count += 1
        self._sent = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        if not self._missing:
            at = data.index(_LENGTH) + len(_LENGTH)
            length = int(data[at : data.index(b"\r", at)])
            self._missing = data.index(b"\r\n\r\n", at) + 4 + length
            self._answers.statuses[data[9:12].decode()] += 1
        self._missing -= len(data)
        if self._missing:
            return
        now = time.perf_counter()
        self._answers.waits.append(now - self._sent)
        if now < self._until or self._count < len(self._requests):
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if error is None and not self._missing:
            self.ended.set_result(None)
        else:
            self.ended.set_exception(error or EOFError("the server closed the connection"))


async def _ask(port: int, bodies: Sequence[bytes], seconds: float) -> Answers:
    requests = [_HEAD % len(body) + body for body in bodies]
    loop, answers, start = asyncio.get_running_loop(), Answers(), time.perf_counter()
    connections = []
    for place in range(CONNECTIONS):
        mine = requests[place::CONNECTIONS]
        _, connection = await loop.create_connection(
            partial(_Connection, mine, start + seconds, answers),
            "127.0.0.1",
            port,
        )
        connections.append(connection)
    await asyncio.gather(*(connection.ended for connection in connections))
    answers.seconds = time.perf_counter() - start
    return answers


def ask(port: int, bodies: Sequence[bytes], seconds: float) -> Answers:
    """Post the bodies to `/v1/decisions` over all connections at once, for so long and each once at least."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_ask(port, bodies, seconds))
