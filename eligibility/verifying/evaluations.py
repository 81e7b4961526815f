"""All stored evaluations: their columns, and whether evaluating again gives the same."""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterable, Iterator, Mapping
from itertools import groupby

from eligibility.storage.reading_log import EvaluationRow
from eligibility.storage.records import hash_text
from eligibility.verifying.again import CannotRun, Contents
from eligibility.verifying.tables import evaluation_flaws
from eligibility.verifying.verdicts import Findings, Place


def check_evaluations(
    rows: Iterable[EvaluationRow],
    documents: Mapping[bytes, bytes],
    contents: Contents | None,
    *,
    skip: Container[str],
    may_be_unused: bool,
) -> Findings:
    """Check evaluations, those of one ruleset together; with `contents`, evaluate them again too.

    Those of the rulesets to `skip` are not evaluated again.
    """
    findings = Findings()

    def looked_at() -> Iterator[EvaluationRow]:
        for row in rows:
            is_known = row.ruleset in documents
            findings.extend(evaluation_flaws(row, is_known=is_known, may_be_unused=may_be_unused))
            findings.looked_at["evaluations"] += 1
            yield row

    for ruleset, group in groupby(looked_at(), key=lambda row: row.ruleset):
        document = documents.get(ruleset)
        if contents is not None and document is not None and hash_text(ruleset) not in skip:
            _evaluate_again(group, ruleset, document, contents, findings)
        else:
            deque(group, maxlen=0)  # looked at, and no more
    return findings


def _evaluate_again(
    rows: Iterator[EvaluationRow], ruleset: bytes, document: bytes, contents: Contents, findings: Findings
) -> None:
    waiting: deque[EvaluationRow] = deque()

    def cells() -> Iterator[bytes]:
        for row in rows:
            waiting.append(row)
            yield row.cells

    try:
        for content in contents(document, cells()):
            row = waiting.popleft()
            findings.looked_at["evaluations made again"] += 1
            if content != row.content:
                what = "evaluating its cells again gives another result"
                findings.add(Place(row=row.key.hex()).flaw("meaning", "evaluation.content", what))
    except CannotRun as error:
        place = Place(row=hash_text(ruleset))
        findings.add(
            place.flaw("meaning", "ruleset.document", f"its evaluations cannot be made again: {error}")
        )
    deque(rows, maxlen=0)
