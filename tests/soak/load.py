"""Callers who ask for decisions without a pause, and remember what they were answered.

Each request has an idempotency key, and is sent again under it until there is an answer. Now and then an
answered one is sent once more, perhaps to another process: it must be answered alike.
"""

import asyncio
import random
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import count
from typing import Any, Self

import httpx
import orjson

from tests.api.bodies import permitted, prohibited, unclear
from tests.cli.running import NO_CERTIFICATES, until

PATIENCE = 60.0
"""Seconds after which a caller says that it was left without an answer."""

_ASKED_AGAIN = 0.15
_PAUSE = 0.05
_BODIES = (permitted, prohibited, unclear)


@dataclass(frozen=True)
class Answer:
    """What a caller relies on from now on: the decision's id and outcome, and the hash of all it was told."""

    id: str
    outcome: str
    told: bytes


class Load:
    """Callers in a thread of their own, as a context manager: at its end what was asked has been answered."""

    def __init__(self, urls: Sequence[str], key: str, *, callers: int = 8, seed: int = 0) -> None:
        """`urls` are of the services to ask, each as good as any other; `key` is an API key."""
        self.acknowledged: dict[str, Answer] = {}
        self.statuses: Counter[int] = Counter()
        self.wrong: list[str] = []
        self._urls = urls
        self._headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        self._callers = callers
        self._random = random.Random(seed)
        self._name = f"load-{secrets.token_hex(4)}"
        self._numbers = count()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._stop.set()
        if kind is not None:
            self.wrong.append("the test failed")  # and its callers need no answers any more
        self._thread.join()

    def goes_on(self, requests: int = 30) -> None:
        """Wait until so many more have been acknowledged."""
        until(self.more_acknowledged(requests), "more decisions", patience=max(PATIENCE, requests / 10))
        assert not self.wrong, self.wrong[:3]

    def is_refused(self, times: int | None = None) -> None:
        """Wait until there were so many more refusals; as many as there are callers unless it is said."""
        enough = self.statuses[503] + (times or self._callers)
        until(lambda: self.wrong or self.statuses[503] >= enough, "more refusals")
        assert not self.wrong, self.wrong[:3]

    def more_acknowledged(self, requests: int = 30) -> Callable[[], bool]:
        """Whether so many more than now have been acknowledged, or something is wrong."""
        enough = len(self.acknowledged) + requests + self._callers  # not those in flight already
        return lambda: bool(self.wrong) or len(self.acknowledged) >= enough

    async def _run(self) -> None:
        limits = httpx.Limits(max_connections=self._callers)
        client = httpx.AsyncClient(
            headers=self._headers, timeout=PATIENCE, limits=limits, verify=NO_CERTIFICATES
        )
        async with client:
            await asyncio.gather(*(self._call(client) for _ in range(self._callers)))

    async def _call(self, client: httpx.AsyncClient) -> None:
        while not self._stop.is_set() and not self.wrong:
            number = next(self._numbers)
            await self._ask(client, f"{self._name}-{number}")
            if self.acknowledged and self._random.random() < _ASKED_AGAIN:
                await self._ask(client, self._random.choice(tuple(self.acknowledged)))

    async def _ask(self, client: httpx.AsyncClient, key: str) -> None:
        """Ask under the key until there is an answer."""
        body = orjson.dumps(self._body(key))
        try:
            async with asyncio.timeout(2 * PATIENCE):
                while not self.wrong and not await self._asked(client, key, body):  # noqa: ASYNC110  # the service tells no event
                    await asyncio.sleep(_PAUSE)
        except (TimeoutError, httpx.TimeoutException) as error:
            self.wrong.append(f"{key} was left without an answer: {error!r} after {dict(self.statuses)}")

    def _body(self, key: str) -> Mapping[str, Any]:
        return _BODIES[int(key.rpartition("-")[2]) % len(_BODIES)](reference=key)

    async def _asked(self, client: httpx.AsyncClient, key: str, body: bytes) -> bool:
        """Ask once; whether that was the end of it."""
        url = f"{self._random.choice(self._urls)}/v1/decisions"
        try:
            got = await client.post(url, content=body, headers={"idempotency-key": key})
        except httpx.TimeoutException:
            raise
        except httpx.TransportError:
            self.statuses[0] += 1
            return False
        self.statuses[got.status_code] += 1
        if got.status_code == 503 and int(got.headers.get("retry-after", 0)) >= 1:
            return False
        if got.status_code in {200, 201}:
            self._keep(key, got)
        else:
            self.wrong.append(f"{key}: {got.status_code} {got.headers} {got.text}")
        return True

    def _keep(self, key: str, got: httpx.Response) -> None:
        """Keep the first answer; every later one must equal it."""
        document = got.json()
        told = sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).digest()
        answer = Answer(document["id"], document["outcome"], told)
        if self.acknowledged.setdefault(key, answer) != answer:
            self.wrong.append(f"{key} was answered by {self.acknowledged[key].id}, then by {answer.id}")
