"""The page of today where nothing was decided yet. No browser: its server is of its own."""

from tests.api.bodies import unclear
from tests.api.serving import Server
from tests.dashboard.browsing import web


def test_a_log_without_anything_is_told_so(own_server: Server) -> None:
    with web(own_server, "reviewer") as client:
        shown = client.get("/dashboard").text
    assert "Nothing was decided in these days." in shown
    assert "Nothing waits." in shown
    assert "You hold no case." in shown
    assert "Policy" in shown
    assert "was put in force" in shown
    assert "by the service" in shown


def test_figures_are_kept_for_a_while_and_what_waits_is_not(own_server: Server) -> None:
    with web(own_server, "reviewer") as client, own_server.client("portal") as portal:
        client.get("/dashboard")
        assert portal.post("/v1/decisions", json=unclear()).status_code == 201
        shown = client.get("/dashboard").text
    assert "Nothing was decided in these days." in shown
    assert "<strong>1</strong> open" in shown
