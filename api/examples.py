"""The worked examples of the OpenAPI document: real answers, made as they are for callers."""

from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import orjson

from api.answers import as_json
from api.batch_examples import batch_examples
from api.decisions import line, whole
from api.erasures import erasure_document
from api.log_examples import log_examples
from api.policy_views import index, ruleset_name, view
from api.problems import KINDS
from api.recording import CHANNEL
from api.reviews_examples import review_examples
from api.ruleset_examples import ruleset_examples
from eligibility.canonical import canonical
from eligibility.decider import Decider, Decision
from eligibility.exported import Lines
from eligibility.facts import RequestBody
from eligibility.reading import read_request
from eligibility.recall import recalled
from eligibility.recording import decision_entry, moment_of
from eligibility.ruleset import Ruleset
from eligibility.storage.decisions import StoredDecision
from eligibility.storage.entries import prepare
from eligibility.storage.erasure import Texts
from eligibility.storage.exporting import ExportedRecord, Opening, Wanted
from eligibility.storage.keys import Key

_ID: Final = UUID("01982c3e-5a00-7000-8000-000000000001")
_ERASURE: Final = UUID("01982c3e-5a00-7000-8000-000000000005")
_PRINCIPAL: Final = Key(
    id=UUID("01982c3e-5a00-7000-8000-000000000002"),
    principal=UUID("01982c3e-5a00-7000-8000-000000000003"),
    name="example-portal",
    kind="system",
    role="portal",
    label="",
    bootstrap=False,
    created_at=datetime(2025, 7, 21, tzinfo=UTC),
    expires_at=None,
    revoked_at=None,
)


def request_example() -> dict[str, Any]:
    """The request that the description of requests shows."""
    schema: Any = RequestBody.model_config["json_schema_extra"]
    example: dict[str, Any] = schema["examples"][0]
    return example


def kinds_of_problems() -> dict[str, Any]:
    """Every kind of problem."""
    return {
        "problems": [
            {"type": kind.type, "status": kind.status, "title": kind.title, "remedy": kind.remedy}
            for kind in KINDS.values()
        ]
    }


def examples(decider: Decider) -> dict[str, Any]:
    """Every worked example by its name, under the ruleset of a decider."""
    ruleset = decider.ruleset
    request = request_example()
    made = decider.decide(read_request(as_json(request), ruleset.vocabulary))
    stored = _as_stored(made)
    questions = decider.questions[stored.generation]
    return {
        "request": request,
        "decision": orjson.loads(made.json(_ID, moment_of(_ID))),
        "hypothetical": orjson.loads(made.json(None, moment_of(_ID))),
        "recorded": whole(stored, questions),
        "replay": {
            "recorded": recalled(questions, stored.evaluation, stored.facts, stored.id, stored.at),
            "replayed": orjson.loads(made.json(None, moment_of(_ID))),
            "same": True,
            "differences": None,
        },
        "decisions": {"decisions": [line(stored, questions)], "next": None},
        **ruleset_examples(ruleset),
        **batch_examples(made),
        **review_examples(stored),
        "erasure_request": {"reference": "crm-4711", "reason": "asked for in letter 12"},
        "erasure": erasure_document(Texts((_ID,), (), stored.at, stored.at), (_ERASURE,)),
        **log_examples(stored),
        "export": _as_exported(stored, ruleset),
        "policy": index(ruleset),
        "policy_view": view(ruleset, "generations"),
        "live": {"status": "ok"},
        "ready": {
            "status": "ready",
            "database": {"migration": "0001"},
            "log": {"block": 41, "next_sequence": 43, "backlog": 0},
            "ruleset": {**ruleset_name(ruleset), "in_force": ruleset.digest},
        },
        "problems": kinds_of_problems(),
    }


def _as_stored(made: Decision) -> StoredDecision:
    """The decision as it would be read from the log, had it been recorded."""
    entry = decision_entry(made, actor=str(_PRINCIPAL.principal), channel=CHANNEL)
    entry = entry._replace(id=_ID, at=moment_of(_ID))
    prepared = prepare(entry, b"")
    return StoredDecision(
        id=entry.id,
        sequence=42,
        at=entry.at,
        actor=entry.actor,
        requested_by=_PRINCIPAL.name,
        channel=entry.channel,
        ruleset=made.evaluation.ruleset,
        outcome=made.outcome,
        generation=made.evaluation.generation,
        body=prepared.body,
        leaf=prepared.leaf,
        envelope=orjson.loads(prepared.body),
        evaluation_key=made.evaluation.key,
        evaluation=made.evaluation.content,
        cells=made.evaluation.cells_document,
        private=entry.private,
    )


def _as_exported(stored: StoredDecision, ruleset: Ruleset) -> dict[str, Any]:
    """The decision as an export has it, without proofs."""
    record = ExportedRecord(
        position=0,
        body=stored.body,
        requested_by=stored.requested_by,
        evaluation=stored.evaluation,
        has_texts=True,
        opening=Opening(bytes(32), canonical(dict(stored.private or {}))),
    )
    lines = Lines(Wanted(), lambda _digest: canonical(dict(ruleset.document)))
    return dict(lines.line(stored.sequence, record))
