"""Decisions for tests of pages, and where their pages are."""

from typing import Any

from tests.api.serving import Server


def decided(server: Server, body: dict[str, Any]) -> str:
    with server.client("portal") as portal:
        answer = portal.post("/v1/decisions", json=body)
    assert answer.status_code == 201, answer.text
    identifier: str = answer.json()["id"]
    return identifier


def overridden(server: Server, body: dict[str, Any], outcome: str) -> str:
    """A decision with another outcome in force than the one decided."""
    identifier = decided(server, body)
    first = {"kind": "override", "reason": "agreement", "text": "An agreement says so.", "outcome": outcome}
    second = {"kind": "agree", "reason": "agreed", "text": "Seen it."}
    for number, (who, said) in enumerate((("reviewer", first), ("approver", second))):
        with server.client(who) as client:  # type: ignore[arg-type]  # both are among them
            answer = client.post(f"/v1/decisions/{identifier}/reviews", json={**said, "number": number})
            assert answer.status_code == 201, answer.text
    return identifier


def path(identifier: str) -> str:
    return f"/dashboard/decisions/{identifier}"
