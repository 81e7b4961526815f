"""The service beside which people work: what it says, and the commands that share its database."""

import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.running import REQUEST, Service, command, environment, running, started, until


def printed_command(service: Service) -> str:
    """The command that it suggests, as it was printed."""
    said = service.said()
    return said[said.index("curl -s") :].split("\n\n", 1)[0]


def arguments_of(printed: str) -> list[str]:
    """What a shell makes of the printed command."""
    script = "curl() { for word; do printf '%s\\0' \"$word\"; done; }\n" + printed
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True)
    return done.stdout.split("\0")[:-1]


def test_it_says_where_to_look_and_how_to_sign_in(service: Service) -> None:
    said = service.said()

    assert f"Ready on {service.url}" in said
    assert f"{service.url}/schema/openapi.json" in said
    assert f"{service.url}/v1/policy" in said
    assert str(service.data_dir / "admin-key") in said
    assert service.admin_key() not in said


def test_the_command_it_prints_works_when_pasted(service: Service) -> None:
    words = arguments_of(printed_command(service))
    headers = dict(words[n + 1].split(": ", 1) for n, word in enumerate(words) if word == "-H")
    body = words[words.index("-d") + 1]

    with service.client() as client:
        answer = client.post(words[1], headers=headers, content=body)

    assert answer.status_code == 201
    assert answer.json()["outcome"] == "permitted"


def test_the_command_that_makes_a_key_works_when_pasted(service: Service) -> None:
    line = next(line for line in service.said().splitlines() if line.endswith("--role portal"))
    done = subprocess.run(
        ["/bin/sh", "-c", line],
        env=environment(Path("unused")),
        cwd=Path(__file__).parent.parent.parent,
        capture_output=True,
        text=True,
        check=True,
    )

    with service.client(done.stdout.splitlines()[1]) as client:
        assert client.post("/v1/decisions", json=REQUEST).status_code == 201


def test_what_it_points_to_is_there(service: Service) -> None:
    with service.client() as client:
        assert client.get("/schema/openapi.json").status_code == 200
        assert client.get("/v1/policy").status_code == 200


def test_responses_do_not_name_the_server_software(service: Service) -> None:
    with service.client() as client:
        assert "server" not in client.get("/health/live").headers


def test_a_key_works_from_when_it_is_made_until_it_is_revoked(service: Service) -> None:
    made = json.loads(
        service.command("keys", "create", "crm", "--role", "portal", "--label", "for tests", "--json").stdout
    )
    assert (made["name"], made["kind"], made["role"], made["state"]) == ("crm", "system", "portal", "works")

    with service.client(made["key"]) as client:
        assert client.post("/v1/what-if", json=REQUEST).status_code == 200

        revoked = service.command("keys", "revoke", made["id"])
        assert revoked.returncode == 0
        until(
            lambda: client.post("/v1/what-if", json=REQUEST).status_code == 401, "the key stops", patience=10
        )

    states = {key["id"]: key["state"] for key in json.loads(service.command("keys", "list", "--json").stdout)}
    assert states[made["id"]] == "revoked"


def test_a_key_is_shown_once_and_never_listed(service: Service) -> None:
    made = service.command("keys", "create", "Ada", "--role", "reviewer", "--person")
    secret = made.stdout.splitlines()[1]
    listed = service.command("keys", "list")

    assert secret.startswith("elk_")
    assert "Ada" in listed.stdout
    assert secret not in listed.stdout
    assert secret not in service.command("keys", "list", "--json").stdout


def test_an_expired_key_is_listed_as_such(service: Service) -> None:
    soon = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=3)
    written = soon.strftime("%Y-%m-%dT%H:%M:%S+0000")
    made = service.command("keys", "create", "brief", "--role", "monitor", "--expires", written, "--json")
    identifier = json.loads(made.stdout)["id"]

    until(lambda: datetime.now(UTC) > soon, "its time is over")

    keys = json.loads(service.command("keys", "list", "--json").stdout)
    assert [key["state"] for key in keys if key["id"] == identifier] == ["expired"]


def test_revoking_a_key_twice_says_that_there_is_none(service: Service) -> None:
    made = json.loads(service.command("keys", "create", "twice", "--role", "monitor", "--json").stdout)
    assert service.command("keys", "revoke", made["id"]).returncode == 0

    again = service.command("keys", "revoke", made["id"])

    assert again.returncode == 1
    assert again.stderr == f"error: there is no key `{made['id']}` that could be revoked\n"


def test_one_name_is_not_both_a_person_and_a_system(service: Service) -> None:
    assert service.command("keys", "create", "both", "--role", "portal").returncode == 0

    second = service.command("keys", "create", "both", "--role", "reviewer", "--person")

    assert second.returncode == 1
    assert "`both` is a system" in second.stderr


def test_a_decision_recorded_on_the_command_line_is_in_the_log(service: Service) -> None:
    done = service.command("decide", "-", "--record", "--json", text=json.dumps(REQUEST))
    document = json.loads(done.stdout)

    with service.client() as client:
        stored = client.get(f"/v1/decisions/{document['id']}").json()

    assert {name: stored[name] for name in document} == document
    assert stored["recorded"]["channel"] == "cli"


def test_the_database_is_at_the_newest_revision(service: Service) -> None:
    assert json.loads(service.command("db", "current", "--json").stdout)["current"] is True
    assert "already" in service.command("db", "upgrade").stdout


def test_a_second_service_on_the_port_says_what_is_there(service: Service) -> None:
    second = command("serve", env=service.env)

    assert second.returncode == 2
    assert second.stderr == (
        f"error: an eligibility service answers on {service.url} already: "
        "stop it, or set `ELIGIBILITY_PORT` to another port\n"
    )


def test_a_second_service_on_the_data_directory_shares_its_database(service: Service) -> None:
    with running(service.data_dir) as second, second.client() as theirs, service.client() as ours:
        assert "sharing it" in second.said()
        made = theirs.post("/v1/decisions", json=REQUEST).json()["id"]
        assert ours.get(f"/v1/decisions/{made}").status_code == 200
        assert second.end() == 0
        assert ours.post("/v1/decisions", json=REQUEST).status_code == 201


def test_several_workers_serve_one_log(used_dir: Path) -> None:
    with running(used_dir, ELIGIBILITY_WORKERS="2") as service:
        served = set()
        ids = set()
        for _ in range(20):  # a new connection each, so that either may take it
            with service.client() as client:
                ids.add(client.post("/v1/decisions", json=REQUEST).json()["id"])
            served.add(service.worker())
        with service.client() as client:
            listed = {entry["id"] for entry in client.get("/v1/decisions?limit=200").json()["decisions"]}
        assert len(ids) == 20
        assert ids <= listed
        assert "starting 2 workers" in service.said()


@pytest.mark.parametrize(
    "changes, code, words",
    [
        ({"ELIGIBILITY_PORT": "no"}, 2, "`ELIGIBILITY_PORT` is `no`"),
        ({"ELIGIBILITY_HOST": "no.such.host.invalid"}, 2, "`ELIGIBILITY_HOST` is `no.such.host.invalid`"),
        ({"ELIGIBILITY_HOST": "192.0.2.1"}, 2, "cannot listen on `192.0.2.1`"),
        ({"ELIGIBILITY_DATABASE_URL": "postgresql://a:b@127.0.0.1:1/c"}, 3, "the database does not answer"),
        ({"ELIGIBILITY_DATABASE_URL": "mysql://a:b@127.0.0.1/c"}, 2, "which is no PostgreSQL"),
        ({"ELIGIBILITY_ADMIN_KEY": "short"}, 2, "`ELIGIBILITY_ADMIN_KEY` has 5 characters"),
    ],
)
def test_a_service_that_cannot_run_says_why(
    data_dir: Path, changes: dict[str, str], code: int, words: str
) -> None:
    done = command("serve", env=environment(data_dir, ELIGIBILITY_PORT="18000") | changes)

    assert done.returncode == code
    assert words in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_broken_rules_keep_the_service_from_starting(used_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    with started(used_dir, ELIGIBILITY_RULES_DIR=str(tmp_path / "rules")) as service:
        assert service.process.wait(60) == 2
        assert "licence.yaml: the file is missing" in service.said()
        assert "Traceback" not in service.said()
