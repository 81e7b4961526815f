"""Everything that a page or a paper says of a decision, in words, from the record and the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from api.dashboard.decision_history import HistoryLine, history
from api.dashboard.facts_told import FactLine, assumed_facts, given_facts, said_fact, said_value
from api.dashboard.graph_boxes import Shown, shown
from api.decisions import whole
from api.service import Service
from eligibility.chain import signed_document
from eligibility.reading import flatten
from eligibility.ruleset import Ruleset
from eligibility.storage.decision_history import EarlierDecisions, around
from eligibility.storage.decisions import StoredDecision
from eligibility.storage.receipts import block_of
from eligibility.storage.records import hash_text
from eligibility.wording import Subject

Document = dict[str, Any]


@dataclass(frozen=True)
class Told:
    """A decision with all that belongs to it.

    `decision` is as it was answered; `of_applicant` is None where the applicant has no known reference.
    """

    stored: StoredDecision
    subject: Subject
    decision: Document
    findings: Sequence[Document]
    missing: Sequence[Document]
    obligations: Sequence[Document]
    possible_obligations: Sequence[Document]
    questions: str
    facts: Sequence[FactLine]
    assumptions: Sequence[FactLine]
    graph: Shown
    of_applicant: EarlierDecisions | None
    on_facts: EarlierDecisions
    history: Sequence[HistoryLine]
    block: Document | None

    @property
    def leaf(self) -> str:
        """The hash of the record in the log."""
        return hash_text(self.stored.leaf)

    @property
    def applicant(self) -> str | None:
        """The applicant's name, if it is known."""
        name = self.stored.facts.get("entity", {}).get("name")
        return name if isinstance(name, str) else None


async def told(service: Service, stored: StoredDecision) -> Told:
    """Gather it. Raises StorageUnavailable."""
    database = service.database
    questions = await service.questions(stored.ruleset, stored.generation)
    subject = Subject(questions, flatten(stored.facts))
    decision = whole(stored, questions)
    missing = [each | {"label": subject.label(each["fact"])} for each in decision["missing_facts"]]
    block, beside = await block_of(database, stored.id), await around(database, stored)
    return Told(
        stored=stored,
        subject=subject,
        decision=decision,
        findings=_findings(subject, decision),
        missing=missing,
        obligations=[_due(subject, due) for due in decision["obligations"]],
        possible_obligations=[_due(subject, due) for due in decision["possible_obligations"]],
        questions=_letter(stored, subject, missing),
        facts=given_facts(subject),
        assumptions=assumed_facts(subject, decision["assumptions"]),
        graph=graph_of(subject, decision),
        of_applicant=beside.of_applicant,
        on_facts=beside.on_facts,
        history=history(stored, beside),
        block=None if block is None else signed_document(*block),
    )


def graph_of(subject: Subject, decision: Mapping[str, Any]) -> Shown:
    """The inference graph of a decision as it is shown."""
    graph = decision["explanation"]
    paths = [node["fact"] for node in graph["nodes"] if node["kind"] == "fact"]
    return shown(graph, {path: said_fact(subject, path) for path in paths})


def sources(ruleset: Ruleset, citations: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """Citations with the titles of their documents."""
    documents = ruleset.document["documents"]
    return [{**each, "title": documents[each["document"]]["title"]} for each in citations]


def _findings(subject: Subject, decision: Mapping[str, Any]) -> list[Document]:
    """The findings, each with what led to it: facts in words, and the titles of what it follows from."""
    titles = {
        node.get("finding") or node.get("name"): node["title"]
        for node in decision["explanation"]["nodes"]
        if node["kind"] in {"finding", "derived"}
    }
    return [
        made
        | {
            "because": [_premise(subject, each) for each in made["because"]],
            "follows_from": [titles.get(name, name) for name in made["follows_from"]],
            "citations": sources(subject.ruleset, made["citations"]),
        }
        for made in decision["findings"]
    ]


def _due(subject: Subject, due: Mapping[str, Any]) -> Document:
    """An obligation with its sources, and the labels of the facts that it depends on."""
    labels = [subject.label(fact) for fact in due.get("depends_on", ())]
    return {**due, "citations": sources(subject.ruleset, due["citations"]), "depends_on": labels}


def _premise(subject: Subject, entry: Mapping[str, Any]) -> dict[str, str]:
    fact, value = entry["fact"], entry["value"]
    return {
        "label": subject.label(fact),
        "value": said_value(subject, fact, value),
        "test": entry["test"].replace("_", " "),
    }


def _letter(stored: StoredDecision, subject: Subject, missing: Sequence[Mapping[str, Any]]) -> str:
    """The questions to the applicant as a text that is ready to be sent; empty where nothing is missing."""
    if not missing:
        return ""
    asked = "\n".join(f"{number}. {each['question']}" for number, each in enumerate(missing, 1))
    reference = stored.facts.get("entity", {}).get("reference")
    about = f"your request {reference}" if reference else "your request"
    return (
        f"To decide on {about} to use {subject.generation.title}, we need to know:\n\n{asked}\n\n"
        f"Please name the decision {stored.id} when you answer."
    )
