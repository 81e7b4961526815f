"""What the service writes into its log, verified."""

from eligibility.storage.reading_log import reading_log
from eligibility.storage.secret_files import service_secret
from eligibility.verifying.verification import Wanted, verify
from tests.api.serving import Server
from tests.cli.running import REQUEST
from tests.storage.logs import contents


def test_what_the_service_has_written_holds(own_server: Server) -> None:
    location = ""
    with own_server.client("portal") as portal:
        for number in range(4):
            headers = {"Idempotency-Key": f"to-be-verified-{number}"} if number % 2 else {}
            made = portal.post("/v1/decisions", json=REQUEST, headers=headers)
            assert made.status_code == 201
            location = made.headers["location"]
            again = portal.post("/v1/decisions", json=REQUEST, headers=headers)
            assert again.status_code == (200 if headers else 201)
    with own_server.client("admin") as admin:
        assert admin.get(location).status_code == 200
        assert admin.get("/v1/audit/export").status_code == 200
        erased = location.rsplit("/", 1)[1]
        assert admin.post("/v1/erasures", json={"decisions": [erased]}).status_code == 201
    settings = own_server.settings
    assert settings.database_url is not None
    with reading_log(settings.database_url) as reader:
        report = verify(reader, Wanted(contents=contents, secret=service_secret(settings)))
    assert not report.findings.flaws
    assert report.findings.looked_at["idempotency keys"] >= 2
    assert report.findings.looked_at["evaluations made again"] >= 1
