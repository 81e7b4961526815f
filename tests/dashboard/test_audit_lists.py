"""A log of one test's own, seen from the audit pages: what is wrong with it, and lists of many pages."""

import csv
import io
import time

import httpx
import psycopg

from tests.api.bodies import permitted
from tests.api.serving import Server
from tests.conftest import FreshDatabase
from tests.dashboard.browsing import send, web

AUDIT = "/dashboard/audit"
PATIENCE = 60.0


def decided(server: Server) -> str:
    with server.client("portal") as portal:
        identifier: str = portal.post("/v1/decisions", json=permitted()).json()["id"]
    return identifier


def test_what_is_wrong_is_told_with_its_place(own_server: Server, database: FreshDatabase) -> None:
    about = decided(own_server)
    with web(own_server, "auditor") as client:
        checkpoint = client.get(f"{AUDIT}/checkpoint").text
        tampered(database, "UPDATE record SET channel = 'elsewhere' WHERE id = %s", about)
        tampered(database, "UPDATE block SET at = at + interval '1 s' WHERE number = %s", 2)
        fields = {"what": "everything", "checkpoints": checkpoint}
        assert send(client, f"{AUDIT}/verify", on=AUDIT, **fields).status_code == 303
        text = when_ended(client)
    assert "It does not hold" in text
    assert "against 1 checkpoint" in text
    assert "column record.channel, found elsewhere, expected http" in text
    assert "block 2" in text


def tampered(database: FreshDatabase, statement: str, value: object) -> None:
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute("SET session_replication_role = replica")
        assert connection.execute(statement.encode(), (value,)).rowcount == 1


def when_ended(client: httpx.Client) -> str:
    """The page, once the verification that was begun has ended."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        text = client.get(AUDIT).text
        if "Under way" not in text:
            return text
        time.sleep(0.2)
    raise AssertionError("the verification did not end")


def test_one_verification_at_a_time_and_what_was_interrupted_is_told(
    own_server: Server, database: FreshDatabase
) -> None:
    with web(own_server, "auditor") as client:
        statuses = [
            send(
                client, f"{AUDIT}/verify", on="/dashboard/help", what="everything", meaning="yes"
            ).status_code
            for _ in range(2)
        ]
        assert statuses == [303, 422]
        when_ended(client)
        query = (
            "UPDATE verification SET ended_at = NULL, report = NULL, seen_at = seen_at - CAST(%s AS interval)"
        )
        tampered(database, query, "1 hour")
        assert "It was interrupted" in client.get(AUDIT).text


def test_all_acts_are_taken_away_as_csv_and_pages_follow(own_server: Server) -> None:
    with own_server.client("reviewer") as reviewer, web(own_server, "auditor") as auditor:
        about = decided(own_server)
        for number in range(60):
            said = {"kind": "comment", "reason": "note", "text": f"=word {number}", "number": number}
            assert reviewer.post(f"/v1/decisions/{about}/reviews", json=said).status_code == 201
        answer = auditor.get(f"{AUDIT}/acts", params={"kind": "review.comment", "format": "csv"})
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        first = auditor.get(f"{AUDIT}/acts", params={"kind": "review.comment"}).text
        following = first.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
        second = auditor.get(following).text
    assert [row["kind"] for row in rows] == ["review.comment"] * 60
    assert rows[0]["texts"] == '{"text":"=word 59"}'
    assert rows[0]["by"] == "test-reviewer"
    assert first.count("<td>commented<br>") == 50
    assert second.count("<td>commented<br>") == 10
