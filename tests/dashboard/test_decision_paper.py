"""A decision to take away: one HTML file, and a PDF whose text is read back as a reader would."""

import json
import re
import zlib

from playwright.sync_api import Browser

from tests.api.bodies import permitted, prohibited
from tests.api.serving import Server
from tests.dashboard.browsing import stranger, violations, web
from tests.dashboard.deciding import decided

CYRILLIC, CHINESE = "Ромашка ООО", "中文公司"  # noqa: RUF001 - letters of another script are wanted


def paper(server: Server, identifier: str, kind: str) -> bytes:
    with web(server, "reviewer") as client:
        answer = client.get(f"/dashboard/decisions/{identifier}/paper.{kind}")
    assert answer.status_code == 200, answer.text
    name = f'attachment; filename="decision-{identifier}.{kind}"'
    assert answer.headers["content-disposition"] == name
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    return answer.content


def stream_of(pdf: bytes, number: bytes) -> bytes:
    """What is in the stream of an object, unpacked where it is packed."""
    content = pdf.partition(b"\n%b 0 obj" % number)[2].partition(b"stream\n")[2].partition(b"\nendstream")[0]
    return zlib.decompress(content) if content.startswith(b"x") else content


def text_of(pdf: bytes) -> str:
    """The text of a PDF without the blanks in it, by the tables of letters that its fonts carry."""
    letters: dict[bytes, dict[int, str]] = {}
    for name, number in re.findall(rb"/(F\d+) (\d+) 0 R", pdf):
        font = pdf.partition(b"\n%b 0 obj" % number)[2].partition(b"endobj")[0]
        table = re.search(rb"/ToUnicode (\d+) 0 R", font)
        assert table
        letters[name] = {
            int(code, 16): bytes.fromhex(meant.decode()).decode("utf-16-be")
            for code, meant in re.findall(rb"<([0-9A-Fa-f]{4})> <([0-9A-Fa-f]+)>", stream_of(pdf, table[1]))
        }
    said, font_now = [], b""
    for page in re.findall(rb"/Contents (\d+) 0 R", pdf):
        drawn = re.findall(rb"/(F\d+) [\d.]+ Tf|\(((?:\\.|[^\\)])*)\) Tj", stream_of(pdf, page), re.DOTALL)
        for chosen, shown in drawn:
            font_now = chosen or font_now
            codes = re.sub(rb"\\(.)", lambda one: _PLAIN.get(one[1], one[1]), shown, flags=re.DOTALL)
            numbers = [int.from_bytes(codes[at : at + 2]) for at in range(0, len(codes), 2)]
            said += [letters[font_now][number] for number in numbers]
    return re.sub(r"\s+", "", "".join(said))


_PLAIN = {b"n": b"\n", b"r": b"\r"}


def test_a_pdf_says_what_was_decided_why_and_what_proves_it(server: Server) -> None:
    identifier = decided(server, prohibited(name=f"{CYRILLIC} / {CHINESE}", reference="crm-pdf"))
    with server.client("reviewer") as client:
        said = {"kind": "comment", "reason": "note", "text": "Looked at with care."}
        assert client.post(f"/v1/decisions/{identifier}/reviews", json=said).status_code == 201
        receipt = client.get(f"/v1/decisions/{identifier}/receipt").json()
    content = paper(server, identifier, "pdf")
    assert content.startswith(b"%PDF-")
    text = text_of(content)
    wanted = [
        "Prohibited: " + CYRILLIC,
        "[U+4E2D][U+6587][U+516C][U+53F8]",
        "This use is prohibited.",
        "A multimodal model for a licensee in the EU",
        "Source: Llama 4 Acceptable Use Policy, Closing paragraph on multimodal models",
        "crm-pdf",
        "1,200,000",
        "None come with this outcome.",
        "Looked at with care.",
        identifier,
        receipt["block"]["root"],
        receipt["block"]["hash"],
        receipt["block"]["signature"],
        receipt["keys"][0]["key"],
        receipt["record"]["evaluation"],
        receipt["record"]["private"],
        "tools/verify_receipt.py receipt.json --key FINGERPRINT",
        *receipt["proof"],
    ]
    assert [each for each in wanted if re.sub(r"\s+", "", each) not in text] == []


def test_a_pdf_has_nothing_of_what_was_erased(server: Server) -> None:
    identifier = decided(server, permitted(name="To Be Forgotten", reference="crm-pdf-gone"))
    with server.client("admin") as admin:
        assert admin.post("/v1/erasures", json={"decisions": [identifier]}).status_code == 201
    text, page = text_of(paper(server, identifier, "pdf")), paper(server, identifier, "html").decode()
    for found in (text, re.sub(r"\s+", "", page)):
        assert "ToBeForgotten" not in found
        assert "crm-pdf-gone" not in found
        assert "wereerased" in found
    assert "Permitted:anapplicantwithoutaknownname" in text


def test_an_html_file_needs_nothing_else_and_says_the_same(browser: Browser, server: Server) -> None:
    identifier = decided(server, permitted(name=f"{CYRILLIC} & {CHINESE}"))
    content = paper(server, identifier, "html").decode()
    assert not re.search(r"<(?:script|link|img|iframe|form)\b|\bsrc=|url\((?!#)", content)
    assert re.findall(r'href="(?!https://)[^"]*"', content) == []
    with stranger(browser, server) as page:
        page.set_content(content)
        assert page.get_by_role("heading", level=1).inner_text() == f"{CYRILLIC} & {CHINESE}"
        shown = page.get_by_role("region", name="The graph as a picture").locator("svg")
        assert shown.evaluate("picture => picture.getBoundingClientRect().height") > 100
        assert violations(page) == []
        receipt = json.loads(page.locator("details pre").text_content() or "")
    with server.client("reviewer") as client:
        assert receipt == client.get(f"/v1/decisions/{identifier}/receipt").json()


def test_papers_are_recorded_as_looks(server: Server) -> None:
    identifier = decided(server, permitted())
    for kind in ("html", "pdf"):
        paper(server, identifier, kind)
    with web(server, "auditor") as client:
        shown = client.get(f"/dashboard/decisions/{identifier}").text
    assert re.search(r'<th scope="row">Looked at it <span class="soft">2 times', shown)
