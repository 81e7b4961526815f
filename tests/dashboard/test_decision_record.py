"""What the page of a decision tells from the log: who saw it, what came before, whether its record holds."""

import re

import psycopg

from eligibility.ruleset_life import IMPACT, Checked
from eligibility.storage.database import Database
from eligibility.storage.log import AuditLog
from eligibility.storage.ruleset_moves import SYSTEM, record_check
from eligibility.storage.rulesets import in_force
from tests.api.bodies import permitted, prohibited, unclear
from tests.api.governing import act, load, pass_checks, recording, reworded
from tests.api.serving import Server
from tests.conftest import FreshDatabase
from tests.dashboard.browsing import send, web
from tests.dashboard.deciding import decided, path


def test_who_saw_it_is_told_and_looks_of_one_person_together(server: Server) -> None:
    identifier = decided(server, permitted())
    with web(server, "reviewer") as reviewer, web(server, "auditor") as auditor:
        auditor.get(path(identifier))
        picture = auditor.get(f"{path(identifier)}/graph.svg")
        assert "sandbox" in picture.headers["content-security-policy"]
        reviewer.get(f"{path(identifier)}/paper.pdf")
        reviewer.get(f"{path(identifier)}/receipt.json")
        shown = reviewer.get(path(identifier)).text
    rows = re.findall(r'<th scope="row">(Looked at it.*?)</th>\s*<td>(.*?)</td>', shown)
    told = [(re.sub(r"<[^>]*>| since .*", "", what).strip(), who) for what, who in rows]
    assert told == [("Looked at it 2 times", "test-reviewer"), ("Looked at it", "test-auditor")]


def test_a_picture_that_is_asked_for_alone_is_a_look(server: Server) -> None:
    identifier = decided(server, permitted())
    with web(server, "auditor") as client:
        assert client.get(f"{path(identifier)}/graph.svg?dark=true").status_code == 200
        assert client.get(f"{path(identifier)}/graph.svg?dark=perhaps").status_code == 422
        shown = client.get(path(identifier)).text
    assert "Looked at it" in shown


def test_earlier_decisions_are_found_by_reference_and_by_facts(server: Server) -> None:
    first = decided(server, permitted(reference="crm-earlier", monthly_active_users=5))
    second = decided(server, prohibited(reference="crm-earlier"))
    third = decided(server, permitted(reference="crm-earlier", monthly_active_users=6))
    nameless = decided(server, unclear(name="Only A Name"))
    with web(server, "reviewer") as client:
        shown, other = client.get(path(third)).text, client.get(path(nameless)).text
        of_applicant, on_facts = (
            shown.partition(caption)[2].partition("</table>")[0]
            for caption in (
                "Earlier decisions with the same reference",
                "Earlier decisions on the same facts",
            )
        )
    assert [found in of_applicant for found in (first, second, third)] == [True, True, False]
    assert [found in on_facts for found in (first, second, third)] == [True, False, False]
    assert "given without a reference" in other
    assert "/dashboard/decisions?text=Only%20A%20Name" in other


def test_erased_texts_are_gone_and_it_says_so(server: Server) -> None:
    body = prohibited(name="To Be Forgotten", reference="crm-gone")
    body["model"] = {"generation": "llama-4", "name": "our-own-derivative", "multimodal": False}
    identifier = decided(server, body)
    with server.client("admin") as admin:
        assert admin.post("/v1/erasures", json={"decisions": [identifier]}).status_code == 201
    with web(server, "reviewer") as client:
        shown = client.get(f"{path(identifier)}?show=changes").text
        verified = send(client, f"{path(identifier)}/verification", on=path(identifier))
    assert not {"To Be Forgotten", "crm-gone", "our-own-derivative"} & set(re.split(r"[<>]", shown))
    assert "were erased" in shown
    assert "Erased its private texts" in shown
    assert "earlier decisions can no longer be found by it" in shown
    assert "Texts that it was decided from were erased" in shown
    assert "nothing is wrong with the record" in verified.text


def test_a_record_that_was_changed_is_found_by_verifying_it(
    own_server: Server, database: FreshDatabase
) -> None:
    identifier = decided(own_server, permitted())
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute("UPDATE record SET channel = 'cli' WHERE id = %s", (identifier,))
    with web(own_server, "auditor") as client:
        answer = send(client, f"{path(identifier)}/verification", on=path(identifier))
    assert answer.status_code == 200
    assert "something is wrong with the record" in answer.text
    assert "column record.channel: differs from the record" in answer.text


def test_changes_are_not_told_under_another_policy_than_the_one_decided_under(own_server: Server) -> None:
    identifier = decided(own_server, prohibited())
    with own_server.client("reviewer") as reviewer, own_server.client("approver") as approver:
        digest = load(reviewer, reworded("reworded"))
        pass_checks(own_server, digest)

        async def work(database: Database, log: AuditLog) -> None:
            checked = Checked(IMPACT, passed=True, report={"summary": "made up", "groups": []})
            current = str(await in_force(database))
            await record_check(log, digest, checked, against=current, actor=SYSTEM)

        recording(own_server, work)
        act(reviewer, digest, "proposal")
        act(approver, digest, "approval")
        act(approver, digest, "activation")
    with web(own_server, "reviewer") as client:
        shown = client.get(f"{path(identifier)}?show=changes").text
    assert "no longer in force" in shown
    assert "were this different" not in shown


def test_verifying_takes_a_form_of_ours_and_a_decision_that_is_there(server: Server) -> None:
    identifier = decided(server, permitted())
    with web(server, "auditor") as client:
        assert client.post(f"{path(identifier)}/verification", data={"form": 64 * "0"}).status_code == 403
        missing = f"{path('01982c3e-5a00-7000-8000-000000000001')}/verification"
        assert send(client, missing, on="/dashboard/help").status_code == 404
