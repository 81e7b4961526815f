"""A decision as a PDF: what was decided and why, its review, and the proof that it stands in the log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from fpdf import FPDF
from fpdf.enums import WrapMode, XPos, YPos
from fpdf.fonts import TTFFont
from ttf_opensans import opensans  # type: ignore[import-untyped]  # it ships no type information

from api.dashboard.decision_history import HistoryLine
from api.dashboard.decision_told import Told
from api.dashboard.wording import (
    CHANNELS,
    CONTACT_REASONS,
    EFFECTS,
    OUTCOMES,
    STATES,
    STATUSES,
    plain,
    written_time,
)
from eligibility.canonical import canonical

_FONT: Final = "OpenSans"
_LABEL: Final = 52.0
"""Millimetres that labels take before their values."""

_TALLEST_LABEL: Final = 16.0
"""Millimetres that have to be left of a page to begin a label on it, which may have three lines."""

_BY_PROGRAM: Final = (
    "To check this without the service: take the receipt of this decision, which holds all of the above"
    " as JSON, and run `python tools/verify_receipt.py receipt.json --key FINGERPRINT`, with the fingerprint"
    " of the log’s first key as you learnt it from somewhere else than this paper."
)
_BY_HAND: Final = (
    "By hand: the SHA-256 of a zero byte and the record (its canonical JSON, as above) is its leaf. Hashed up"
    " the path with one byte before each pair (RFC 6962), from its index in the block, it gives the root. The"
    " root stands in the header of the block, and the signature (Ed25519) is over the header’s canonical JSON"
    " (RFC 8785)."
)


def written(
    told: Told, review: Mapping[str, Any], steps: Sequence[HistoryLine], receipt: Mapping[str, Any] | None
) -> bytes:
    """The PDF. Letters that its font does not have stand in it by their code point, as `[U+4E2D]`."""
    paper = _Paper(str(told.stored.id))
    _outcome(paper, told, review)
    _reasons(paper, told)
    _obligations(paper, told)
    _facts(paper, told)
    _review(paper, review, steps)
    _proof(paper, told, receipt)
    return paper.bytes()


class _Paper(FPDF):
    """Pages of A4 with a line at the foot of each."""

    def __init__(self, identifier: str) -> None:
        super().__init__(format="A4")
        self._identifier = identifier
        self.add_font(_FONT, "", opensans(400).path)
        self.add_font(_FONT, "B", opensans(700).path)
        fonts = [font for font in self.fonts.values() if isinstance(font, TTFFont)]
        self._letters = frozenset.intersection(*(frozenset(font.cmap) for font in fonts))
        self.set_title(f"Decision {identifier}")
        self.set_lang("en")
        self.set_auto_page_break(auto=True, margin=20)
        self.set_margins(20, 18)
        self.alias_nb_pages()
        self.add_page()

    def footer(self) -> None:
        """The line at the foot."""
        self.set_y(-14)
        self.set_font(_FONT, "", 8)
        self.cell(0, 5, f"Decision {self._identifier} – page {self.page_no()} of {{nb}}", align="C")

    def shown(self, text: str) -> str:
        """The text with letters that can be printed, the others by their code point."""
        return "".join(
            letter if ord(letter) in self._letters or letter == "\n" else f"[U+{ord(letter):04X}]"
            for letter in text
        )

    def entitle(self, text: str) -> None:
        """The title of the paper."""
        self._lines(text, 16, "B", 8)
        self.ln(2)

    def heading(self, text: str) -> None:
        """The heading of a part, which stays with what follows it."""
        self.ln(3)
        if self.will_page_break(24):
            self.add_page()
        self.start_section(self.shown(text))
        self._lines(text, 12, "B", 7)
        self.ln(1)

    def say(self, text: str, *, bold: bool = False) -> None:
        """A paragraph."""
        self._lines(text, 9.5, "B" if bold else "", 5)
        self.ln(1.2)

    def point(self, text: str) -> None:
        """An entry of a list."""
        left = self.l_margin
        self.set_left_margin(left + 4)
        self._lines(f"– {text}", 9.5, "", 5)
        self.set_left_margin(left)
        self.set_x(left)

    def line_of(self, label: str, value: str, *, is_code: bool = False) -> None:
        """A label and its value beside it; a code may be broken anywhere."""
        if self.will_page_break(_TALLEST_LABEL):
            self.add_page()
        top, page = self.get_y(), self.page
        self.set_font(_FONT, "", 9.5)
        self.set_text_color(84, 94, 106)
        self.multi_cell(_LABEL - 3, 5, self.shown(label), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        under = self.get_y()
        self.set_text_color(0)
        self.set_xy(self.l_margin + _LABEL, top)
        self.set_font(_FONT, "", 8 if is_code else 9.5)
        wrap = WrapMode.CHAR if is_code else WrapMode.WORD
        self.multi_cell(
            0, 5, self.shown(value), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT, wrapmode=wrap
        )
        if self.page == page:
            self.set_y(max(self.get_y(), under))
        self.ln(0.8)

    def _lines(self, text: str, size: float, style: str, high: float) -> None:
        self.set_font(_FONT, style, size)
        self.multi_cell(0, high, self.shown(text), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def bytes(self) -> bytes:
        """The file."""
        return bytes(self.output())


def _outcome(paper: _Paper, told: Told, review: Mapping[str, Any]) -> None:
    decision, in_force = told.decision, OUTCOMES[review["outcome_in_force"]]
    paper.entitle(f"{in_force.word}: {told.applicant or 'an applicant without a known name'}")
    paper.say(in_force.sentence, bold=True)
    if review["outcome_in_force"] != decision["outcome"]:
        decided = OUTCOMES[decision["outcome"]].word
        paper.say(f"It was decided as {decided}, and two people have put another outcome in force since.")
    prefix = "" if review["outcome_in_force"] == decision["outcome"] else "What was decided: "
    paper.say(f"{prefix}{decision['summary']}")
    if decision["contact"]:
        reasons = "; ".join(CONTACT_REASONS[reason] for reason in decision["contact"]["reasons"])
        paper.say(f"Why Meta: {reasons}. Write to {decision['contact']['email']}.")
    if decision["recourse"]:
        paper.say(decision["recourse"]["summary"])
    stored, recorded = told.stored, decision["recorded"]
    channel = CHANNELS.get(stored.channel, plain(stored.channel))
    nothing = "erased" if stored.erased_at else "none"
    paper.line_of("Reference", stored.facts.get("entity", {}).get("reference") or nothing)
    paper.line_of("Model", told.subject.generation.title)
    paper.line_of("Licensor", decision["licensor"] or "not known")
    paper.line_of("Decided", f"{written_time(stored.at)} for {recorded['requested_by']}, {channel}")
    paper.line_of("Policy", decision["ruleset"]["version"])
    paper.line_of("Decision", str(stored.id))
    if stored.erased_at:
        paper.say(f"The texts of this decision, such as names, were erased {written_time(stored.erased_at)}.")


def _reasons(paper: _Paper, told: Told) -> None:
    paper.heading("Reasons")
    for made in told.findings:
        reason = f" – {CONTACT_REASONS[made['reason']]}" if made["reason"] else ""
        paper.say(f"{made['title']} ({EFFECTS[made['effect']]}{reason})", bold=True)
        paper.say(made["summary"])
        for each in made["because"]:
            paper.point(f"{each['label']}: {each['value']} – {each['test']}")
        for title in made["follows_from"]:
            paper.point(title)
        _cited(paper, made["citations"])
    if not told.findings:
        paper.say("No finding was made for certain.")
    paper.heading("How it follows")
    for paragraph in told.decision["explanation"]["text"]:
        paper.say(paragraph)
    if told.missing:
        paper.heading("Missing facts")
        for each in told.missing:
            paper.point(each["question"])


def _obligations(paper: _Paper, told: Told) -> None:
    paper.heading("Obligations")
    for due in told.obligations:
        value = f" – {due['value']}" if due["value"] else ""
        paper.say(f"{due['title']}{value} ({STATUSES[due['status']]})", bold=True)
        paper.say(due["summary"])
        _cited(paper, due["citations"])
    for due in told.possible_obligations:
        paper.say(f"{due['title']} (hangs on {', '.join(due['depends_on'])})", bold=True)
        paper.say(due["summary"])
    if not told.obligations and not told.possible_obligations:
        paper.say("None come with this outcome.")


def _cited(paper: _Paper, citations: Iterable[Mapping[str, str]]) -> None:
    for each in citations:
        paper.point(f"Source: {each['title']}, {each['clause']} ({each['url']})")
    paper.ln(1.5)


def _facts(paper: _Paper, told: Told) -> None:
    paper.heading("Facts as given")
    for line in told.facts:
        paper.line_of(line.label, line.value)
    paper.heading("Assumed")
    for line in told.assumptions:
        paper.line_of(line.label, line.value)
    if not told.assumptions:
        paper.say("Nothing was assumed.")


def _review(paper: _Paper, review: Mapping[str, Any], steps: Sequence[HistoryLine]) -> None:
    paper.heading("Review")
    paper.say(f"{STATES[review['state']]}.")
    for step in steps:
        more = f" ({step.more})" if step.more else ""
        when = written_time(step.at) if step.at else ""
        paper.say(f"{step.what}{more}, {step.by}, {when}", bold=True)
        paper.say(step.text)


def _proof(paper: _Paper, told: Told, receipt: Mapping[str, Any] | None) -> None:
    paper.heading("Proof")
    paper.line_of("Sequence in the log", f"{told.stored.sequence:,}")
    paper.line_of("Leaf of the record", told.leaf, is_code=True)
    if receipt is None:
        paper.say("This decision was recorded before the log was signed: it has no receipt.")
        return
    block = receipt["block"]
    paper.line_of("Index in the block", str(receipt["index"]))
    for number, step in enumerate(receipt["proof"], 1):
        paper.line_of(f"Path, step {number}", step, is_code=True)
    header = {name: value for name, value in block.items() if name not in {"hash", "signature"}}
    for label, value in (
        ("Root of the block", block["root"]),
        ("Hash of the block", block["hash"]),
        ("Header of the block", canonical(header).decode()),
        ("Signature", block["signature"]),
        *((f"Key {number} of the log", key["key"]) for number, key in enumerate(receipt["keys"], 1)),
        ("Policy decided under", told.stored.ruleset),
        ("Record", told.stored.body.decode()),
    ):
        paper.line_of(label, value, is_code=True)
    paper.say(_BY_PROGRAM)
    paper.say(_BY_HAND)
