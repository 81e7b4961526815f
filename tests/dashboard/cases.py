"""Cases for tests of pages: decided, and moved, over the API."""

from typing import Any

from eligibility.review import REASONS, Kind
from tests.api.bodies import unclear
from tests.api.serving import Server, Who


def decided(server: Server, body: dict[str, Any] | None = None, **entity: Any) -> str:
    """The id of a new decision, by default one that needs a person."""
    with server.client("portal") as portal:
        identifier: str = portal.post("/v1/decisions", json=body or unclear(**entity)).json()["id"]
    return identifier


def case(server: Server, about: str) -> dict[str, Any]:
    with server.client("auditor") as client:
        told: dict[str, Any] = client.get(f"/v1/reviews/{about}").json()
    return told


def said(server: Server, who: Who, about: str, kind: Kind, **more: Any) -> None:
    """Take a step with a case as it stands."""
    step = {"kind": kind, "reason": next(iter(REASONS[kind])), "text": f"{kind} by {who}"}
    step["number"] = case(server, about)["number"]
    with server.client(who) as client:
        answer = client.post(f"/v1/decisions/{about}/reviews", json=step | more)
    assert answer.status_code == 201, answer.text


def claimed(server: Server, who: Who, about: str) -> None:
    with server.client(who) as client:
        assert client.post(f"/v1/reviews/{about}/claim").status_code == 200
