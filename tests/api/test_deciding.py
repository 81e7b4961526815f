"""Requests that come together are decided together, and each is answered as it would be by itself."""

import asyncio
from collections import Counter

import httpx

from tests.api.bodies import permitted
from tests.api.serving import Server

BODIES = {
    b"no JSON": 400,
    b'{"model":{"generation":"llama-4"},"entity":{"kind":"robot"}}': 422,
    b'{"model":{"generation":"llama-4"},"entity":{"kind":"company"},"use":{"on_behalf_of":"employer"}}': 422,
    httpx.Request("POST", "http://localhost", json=permitted()).content: 201,
}


async def test_what_one_is_refused_for_harms_no_other(server: Server) -> None:
    bodies = list(BODIES) * 30
    async with server.async_client() as portal:
        answers = await asyncio.gather(
            *(
                portal.post("/v1/decisions", content=body, headers={"content-type": "application/json"})
                for body in bodies
            )
        )
    assert [answer.status_code for answer in answers] == [BODIES[body] for body in bodies]
    ids = Counter(answer.json()["id"] for answer in answers if answer.status_code == 201)
    assert len(ids) == 30
