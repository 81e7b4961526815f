"""What an export says of a record: one line, of columns that have the same names in every format."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any as Anything
from typing import Literal

import orjson

from eligibility import merkle
from eligibility.atoms import Questions
from eligibility.building import build
from eligibility.chain import signed_document
from eligibility.recall import missing_facts
from eligibility.storage.entries import DECISION
from eligibility.storage.exporting import ExportedBlock, ExportedRecord, Opening, Wanted
from eligibility.storage.records import join_private

Kind = Literal["number", "text", "time", "flag", "list", "json"]
"""What a column holds; `json` is nested where the format can be."""

Line = Mapping[str, Anything]

_COLUMNS: Mapping[str, Kind] = {
    "sequence": "number",
    "id": "text",
    "kind": "text",
    "at": "time",
    "actor": "text",
    "requested_by": "text",
    "channel": "text",
    "subject": "text",
    "outcome": "text",
    "generation": "text",
    "ruleset": "text",
    "findings": "list",
    "obligations": "list",
    "missing_facts": "list",
    "facts": "json",
    "request_id": "text",
    "texts_erased": "flag",
}
_PROOFS: Mapping[str, Kind] = {
    "block": "number",
    "index": "number",
    "leaf": "text",
    "proof": "list",
    "body": "text",
    "texts": "json",
    "block_header": "json",
}
_RULESETS, _GENERATIONS = 4, 32
"""Rulesets, and generations of them, that are kept at hand: neighbours in the log share theirs."""

_NO_FACTS = frozenset({"request_id", "idempotency_key"})
"""Private texts that are no facts."""


def columns(wanted: Wanted) -> Mapping[str, Kind]:
    """The columns of an export, in their order."""
    return {**_COLUMNS, **_PROOFS} if wanted.proofs else _COLUMNS


def json_text(value: Anything) -> str:
    """A value as JSON in a text, the same for the same value."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


class Lines:
    """Makes lines of records. `document` gives the canonical JSON of a recorded ruleset by its digest."""

    def __init__(self, wanted: Wanted, document: Callable[[str], bytes]) -> None:
        self._wanted = wanted
        self._ruleset = lru_cache(_RULESETS)(lambda digest: build(orjson.loads(document(digest))))
        self._asked = lru_cache(_GENERATIONS)(self._questions)

    def of(self, block: ExportedBlock) -> Iterator[Line]:
        """The lines of a block's records. Raises NotFound, StorageUnavailable."""
        proofs = merkle.proofs(block.leaves)
        for record in block.records:
            line = self.line(block.header.first + record.position, record)
            if self._wanted.proofs:
                line |= _proved(block, record, proofs)
            yield line

    def line(self, sequence: int, record: ExportedRecord) -> dict[str, Anything]:
        """A line without proofs: what the record's body says, joined with texts that are kept and wanted.

        Raises NotFound, StorageUnavailable.
        """
        envelope = orjson.loads(record.body)
        facts = envelope.get("facts", {})
        content = record.evaluation if envelope["kind"] == DECISION else None
        private = orjson.loads(record.opening.content) if record.opening else {}
        texts = {name: value for name, value in private.items() if name not in _NO_FACTS}
        return {
            "sequence": sequence,
            "id": envelope["id"],
            "kind": envelope["kind"],
            "at": envelope["at"],
            "actor": envelope["actor"],
            "requested_by": record.requested_by,
            "channel": envelope["channel"],
            "subject": facts.get("subject"),
            "outcome": envelope.get("outcome"),
            "generation": None if content is None else facts["model"]["generation"],
            "ruleset": envelope.get("ruleset"),
            "findings": _names(content, "findings", "finding"),
            "obligations": _names(content, "obligations", "obligation"),
            "missing_facts": self._missing(envelope, content),
            "facts": join_private(facts, texts),
            "request_id": private.get("request_id"),
            "texts_erased": "private" in envelope and not record.has_texts,
        }

    def _missing(self, envelope: Line, content: Line | None) -> list[str] | None:
        """The paths of missing facts; those of affiliates hang on how many were given."""
        if content is None:
            return None
        if not content["missing"]:
            return []
        facts = envelope["facts"]
        questions = self._asked(envelope["ruleset"], facts["model"]["generation"])
        return missing_facts(questions, content, facts)

    def _questions(self, digest: str, generation: str) -> Questions:
        """The questions of a generation under a recorded ruleset."""
        ruleset = self._ruleset(digest)
        return Questions(ruleset, ruleset.program(generation))


def _names(content: Line | None, members: str, name: str) -> list[str] | None:
    return None if content is None else [member[name] for member in content[members]]


def _proved(
    block: ExportedBlock, record: ExportedRecord, proofs: Sequence[Sequence[bytes]]
) -> dict[str, Anything]:
    """What proves a line: the proof is null where leaves of its block are missing."""
    return {
        "block": block.header.number,
        "index": record.position,
        "leaf": merkle.leaf(record.body).hex(),
        "proof": [step.hex() for step in proofs[record.position]] if proofs else None,
        "body": record.body.decode(),
        "texts": record.opening and _opened(record.opening),
        "block_header": signed_document(block.header, block.signature),
    }


def _opened(opening: Opening) -> dict[str, Anything]:
    return {"salt": opening.salt.hex(), "content": orjson.loads(opening.content)}
