"""The shipped register has an entry for each clause; one that is wrong is refused, with line and remedy."""

import json
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from eligibility.cli import main
from eligibility.errors import RulesetInvalid
from eligibility.loading import load_rules, shipped_rules
from eligibility.register import FILE, Entry, load_register
from eligibility.ruleset import Ruleset
from tests.rules.patching import copied, replace

# Numbers and headings as they stand in the documents, read off these and not off the register.
CLAUSES: dict[str, list[str]] = json.loads(
    (Path(__file__).parent.parent / "data" / "clauses.json").read_text(encoding="utf-8")
)
COUNTS = {
    "llama-faq": 28,
    "llama-2-licence": 25,
    "llama-2-aup": 36,
    "llama-3-licence": 61,
    "llama-3-aup": 36,
    "llama-3.1-licence": 24,
    "llama-3.1-aup": 36,
    "llama-3.2-licence": 24,
    "llama-3.2-aup": 39,
    "llama-3.3-licence": 24,
    "llama-3.3-aup": 39,
    "llama-4-licence": 24,
    "llama-4-aup": 39,
}
SPAM = "    encoded: [aup.spam]"
# What is replaced in the register, by what, what must be said, and in which line.
BROKEN = {
    "an unknown document": (
        'document: llama-faq\n    clause: "General, question 1"',
        'document: lama-faq\n    clause: "General, question 1"',
        "there is no document `lama-faq`: did you mean `llama-faq`?",
        "- document: lama-faq",
    ),
    "an unknown rule": (
        SPAM,
        "    encoded: [aup.spma]",
        "there is no rule `aup.spma`: did you mean `aup.spam`?",
        "encoded: [aup.spma]",
    ),
    "an unknown key": (SPAM, "    encodde: [aup.spam]", "`encodde` is no key here: did you mean", "encodde:"),
    "an unknown generation": (
        "generations: {from: llama-3.2}",
        "generations: {from: llama-3.5}",
        "there is no generation `llama-3.5`: did you mean",
        "generations: {from: llama-3.5}",
    ),
    "generations the wrong way round": (
        "generations: {from: llama-3.2}",
        "generations: {from: llama-3.2, until: llama-3}",
        "no generation lies there",
        "generations: {from: llama-3.2, until: llama-3}",
    ),
    "generations of a document that has none": (
        'clause: "General, question 3"',
        'clause: "General, question 3"\n    generations: all',
        "only `licence` and `aup` are documents of several generations",
        "- document: llama-faq",
    ),
    "an item that a generation lacks": (
        'generations: {from: llama-3.2}\n    item: "5"',
        'item: "5"',
        "`llama-2-aup` has no item 5",
        'item: "5"',
    ),
    "an item of something else": (
        'clause: "General, question 3"',
        'item: "3"',
        "only the acceptable use policy (`aup`) has items",
        "- document: llama-faq",
    ),
    "a clause for too few generations": (
        "      llama-2: Version Release Date\n",
        "",
        "`clause` is not given for just these generations: give it for llama-2,",
        "clause:",
    ),
    "a clause by generation in a document that has none": (
        'clause: "General, question 3"',
        'clause: {llama-3: "General, question 3"}',
        "`clause` is not given for just these generations: write it as one text",
        "clause: {llama-3:",
    ),
    "a second entry": (
        'clause: "General, question 4"',
        'clause: "General, question 3"',
        "`General, question 3` of `llama-faq` has an entry at line",
        "- document: llama-faq",
    ),
    "no clause": (
        'clause: "General, question 3"\n',
        "\n",
        "an entry names one of clause, clauses, item",
        "- document: llama-faq",
    ),
    "encoded by nothing": (SPAM, "    encoded: []", "`encoded` can not be read", "encoded: []"),
    "a rule named twice": (
        SPAM,
        "    encoded: [aup.spam, aup.spam]",
        "a rule is named once",
        "- document: aup",
    ),
    "a standing without its reason": (
        "informational: Technical advice.",
        "informational:",
        "an entry has one standing of encoded, informational, people, with its rules or reason",
        "- document: llama-faq",
    ),
    "an empty reason": (
        "informational: Technical advice.",
        'informational: " "',
        "`informational` can not be read",
        "informational:",
    ),
    "no standing": (
        "    informational: Technical advice.\n",
        "",
        "an entry has one standing",
        "- document: llama-faq",
    ),
    "two standings": (
        SPAM,
        f"{SPAM}\n    informational: Nothing.",
        "an entry has one standing",
        "- document: aup",
    ),
    "something besides a reason": (
        "informational: Technical advice.",
        "informational: Technical advice.\n    besides: And more.",
        "`besides` is for clauses with rules",
        "- document: llama-faq",
    ),
    "a heading above several": (
        "informational: Technical advice.",
        "informational: Technical advice.\n    heading: Advice",
        "`clauses` gives each its heading",
        "- document: llama-faq",
    ),
    "a rule that does not cite the clause": (
        SPAM,
        "    encoded: [aup.spam, aup.fraud]",
        "`aup.fraud` does not cite `Prohibited Uses, 3.3` of `llama-2-aup`, ",
        "encoded: [aup.spam, aup.fraud]",
    ),
    "a rule in force in other generations": (
        "generations: {until: llama-3}",
        "generations: [llama-4]",
        "`no-other-model` is in force in none of these generations",
        "encoded: [licence.improve-other-model, no-other-model]",
    ),
    "a generation without a rule": (
        "generations: {until: llama-3}",
        "generations: {until: llama-3.1}",
        "none of the rules is in force for `Section 1.b.v, Redistribution and Use` of `llama-3.1-licence`",
        "encoded: [licence.improve-other-model, no-other-model]",
    ),
    "rules that leave nothing to people": (
        SPAM,
        "    people: [aup.spam]",
        "none of these rules sends the applicant to Meta or tells them anything",
        "people: [aup.spam]",
    ),
    "a citing rule that is not named": (
        "encoded: [aup.disinformation, aup.fraud]",
        "encoded: [aup.disinformation]",
        "aup.fraud cites `Prohibited Uses, 3.1` of `llama-2-aup`, and the entry does not say so",
        "- document: aup",
    ),
    "a cited clause that is said to mean nothing": (
        SPAM,
        "    informational: Nothing.",
        "aup.spam cites `Prohibited Uses, 3.3` of `llama-2-aup`, and the entry does not say so",
        "- document: aup",
    ),
    "a cited clause without an entry": (
        '  - document: aup\n    item: "3.3"\n    heading: Spam\n    encoded: [aup.spam]\n',
        "",
        "`Prohibited Uses, 4.3` of `llama-4-aup`, which aup.spam cites, has no entry",
        None,
    ),
    "other words that no rule uses": (
        'item: "3.3"',
        'item: "3.3"\n    cited_as: [Junk]',
        "no rule cites `Junk`: leave it out",
        "cited_as: [Junk]",
    ),
    "another key above": ("\nregister:\n", "\nclauses:\n", "the file has the one key `register`", None),
    "a key twice": (SPAM, f"{SPAM}\n{SPAM}", "the key `encoded` is given twice", "encoded: [aup.spam]"),
}


@pytest.fixture(scope="module")
def entries(ruleset: Ruleset) -> tuple[Entry, ...]:
    return load_register(shipped_rules(), ruleset)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped rules, without cases."""
    return copied(tmp_path / "rules")


def show(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["rules", "show", "--coverage", *arguments])


def test_the_documents_are_those_that_rules_may_cite(ruleset: Ruleset) -> None:
    assert list(CLAUSES) == list(ruleset.document["documents"])


@pytest.mark.parametrize("document", CLAUSES)
def test_each_clause_has_one_entry_and_no_entry_is_superfluous(
    entries: tuple[Entry, ...], document: str
) -> None:
    registered = Counter(entry.clause for entry in entries if entry.document == document)
    there = Counter(CLAUSES[document])

    assert max(there.values()) == 1
    assert not there - registered, "clauses without an entry"
    assert not registered - there, "entries without a clause"


def test_clauses_stand_in_the_order_of_their_document(entries: tuple[Entry, ...]) -> None:
    for document, clauses in CLAUSES.items():
        assert [entry.clause for entry in entries if entry.document == document] == clauses


def test_as_many_clauses_are_registered_as_were_counted_by_hand(entries: tuple[Entry, ...]) -> None:
    assert Counter(entry.document for entry in entries) == COUNTS


def test_entries_name_exactly_the_rules_that_cite_their_clause(
    ruleset: Ruleset, entries: tuple[Entry, ...]
) -> None:
    """In both directions, and worked out here once more."""
    named = {(entry.document, entry.clause, rule) for entry in entries for rule in entry.rules}
    citing = {
        (cited.document, cited.clause.split(", which have no item")[0], rule.id)
        for rule in ruleset.rules
        for each in rule.citations.values()
        for cited in each
    }
    assert named == citing


def test_a_rule_is_named_only_where_it_is_in_force(entries: tuple[Entry, ...]) -> None:
    weapons = {
        entry.document: entry.rules for entry in entries if entry.clause.startswith("Prohibited Uses, 2.2")
    }
    assert weapons["llama-3.1-aup"] == ("aup.biological-chemical-weapons.before-3.2", "aup.weapons")
    assert weapons["llama-3.2-aup"] == ("aup.weapons",)


def test_each_clause_has_rules_or_a_reason(entries: tuple[Entry, ...]) -> None:
    assert all(
        entry.rules if entry.standing == "encoded" else entry.rules or entry.reason for entry in entries
    )
    assert not [entry for entry in entries if entry.standing == "informational" and entry.rules]


@pytest.mark.parametrize("old, new, said, at", BROKEN.values(), ids=BROKEN)
def test_a_broken_register_is_refused(
    folder: Path, ruleset: Ruleset, old: str, new: str, said: str, at: str | None
) -> None:
    replace(folder / FILE, old, new)

    with pytest.raises(RulesetInvalid) as refused:
        load_register(folder, ruleset)

    faults = [fault for fault in refused.value.faults if said in str(fault)]
    assert faults, str(refused.value)
    assert {fault.file for fault in faults} == {FILE}
    if at is not None:
        lines = (folder / FILE).read_text(encoding="utf-8").splitlines()
        assert any(at in lines[fault.line - 1] for fault in faults if fault.line), faults


def test_a_register_that_is_not_utf_8_is_refused(folder: Path, ruleset: Ruleset) -> None:
    (folder / FILE).write_bytes(b"register:\n  - document: \xff\n")

    with pytest.raises(RulesetInvalid, match=r"not UTF-8 \(byte 24\)"):
        load_register(folder, ruleset)


def test_all_faults_of_a_register_are_reported_together(folder: Path, ruleset: Ruleset) -> None:
    replace(folder / FILE, SPAM, "    encoded: [aup.spma]")
    replace(folder / FILE, "encoded: [aup.defamation]", "encoded: [aup.defamation, aup.fraud]")

    with pytest.raises(RulesetInvalid) as refused:
        load_register(folder, ruleset)

    assert len(refused.value.faults) == 2


def test_a_rule_that_cites_a_new_clause_needs_an_entry(folder: Path) -> None:
    replace(
        folder / "licence.yaml", "Section 5.c, Intellectual Property", "Section 5.d, Intellectual Property"
    )

    with pytest.raises(RulesetInvalid) as refused:
        load_register(folder, load_rules(folder))

    said = str(refused.value)
    assert "`licence.ip-litigation` does not cite `Section 5.c, Intellectual Property`" in said


def test_the_register_is_no_part_of_the_policy(folder: Path, ruleset: Ruleset) -> None:
    replace(folder / FILE, "Technical advice.", "Something else.")
    assert load_rules(folder).digest == ruleset.digest
    (folder / FILE).unlink()
    assert load_rules(folder).digest == ruleset.digest


def test_rules_may_have_no_register(folder: Path) -> None:
    (folder / FILE).unlink()
    assert load_register(folder, load_rules(folder)) == ()

    said = show("--rules", str(folder))
    assert said.exit_code == 1
    assert "these rules have no register" in said.stderr
    assert json.loads(show("--rules", str(folder), "--json").stdout) == {"registered": False, "documents": {}}


def test_the_coverage_is_shown_by_document_with_sums() -> None:
    shown = show()
    lines = shown.stdout.splitlines()

    assert shown.exit_code == 0
    assert "llama-4-aup: 39 clauses, 29 encoded, 4 informational, 6 left to people" in lines
    assert "13 documents: 435 clauses, 241 encoded, 144 informational, 50 left to people" in lines
    assert "Llama 4 Acceptable Use Policy (llama-4-aup)" in lines
    row = next(line for line in lines if line.startswith("Prohibited Uses, 6 "))
    assert [cell.strip() for cell in row.split("  ") if cell.strip()] == [
        "Prohibited Uses, 6",
        "Unlawful third-party tools",
        "encoded",
        "aup.unlawful-third-party-tools",
    ]


def test_the_coverage_of_one_document_is_shown_as_json(entries: tuple[Entry, ...]) -> None:
    documents = json.loads(show("--document", "llama-faq", "--json").stdout)["documents"]

    assert list(documents) == ["llama-faq"]
    faq = documents["llama-faq"]
    assert {key: faq[key] for key in ("clauses", "encoded", "informational", "people")} == {
        "clauses": 28,
        "encoded": 14,
        "informational": 12,
        "people": 2,
    }
    assert [entry["clause"] for entry in faq["entries"]] == CLAUSES["llama-faq"]
    first = next(entry for entry in entries if entry.document == "llama-faq")
    assert faq["entries"][0] == {
        "clause": first.clause,
        "heading": first.heading,
        "standing": "people",
        "rules": list(first.rules),
        "reason": first.reason,
    }


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("--document", "lama-faq"), "there is no document `lama-faq`: did you mean `llama-faq`?"),
        (("aup.spam",), "`--coverage` shows clauses, not rules: leave RULE out"),
    ],
    ids=["an unknown document", "a rule"],
)
def test_coverage_of_what_is_not_there_is_wrong_use(arguments: tuple[str, ...], said: str) -> None:
    done = show(*arguments)
    assert done.exit_code == 2
    assert said in done.stderr
