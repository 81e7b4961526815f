"""Verifying one decision: its block and everything in it, the keys, and the evaluation that it rests on."""

from __future__ import annotations

from eligibility.storage.reading_log import reading_log
from eligibility.storage.records import hash_text
from eligibility.verifying.again import contents_elsewhere
from eligibility.verifying.evaluations import check_evaluations
from eligibility.verifying.meaning import other_semantics
from eligibility.verifying.verdicts import Place, Report
from eligibility.verifying.verification import Wanted, verify


def verify_decision(url: str, sequence: int, evaluation_key: bytes) -> Report:
    """Verify the decision of that sequence, which rests on the evaluation of that key.

    The block that holds it is verified as a whole, with the records by which signing keys came to be; its
    columns are held against it, its facts are reduced to cells again, and the cells evaluated again in a
    process that ends. Takes a second or so, and is not for an event loop's thread.

    Raises StorageUnavailable.
    """
    with reading_log(url) as reader:
        report = verify(reader, Wanted(first=sequence, last=sequence, contents=contents_elsewhere))
        found, documents = reader.evaluation(evaluation_key), reader.rulesets()
    if found is None:
        what = "the evaluation that the decision rests on is not there"
        place = Place(sequence=sequence, row=evaluation_key.hex())
        report.findings.add(place.flaw("completeness", "evaluation.key", what))
        return report
    report.findings.merge(
        check_evaluations(
            [found],
            {digest: document for digest, (_, document) in documents.items()},
            contents_elsewhere,
            skip=other_semantics(
                {hash_text(digest): document for digest, (_, document) in documents.items()}
            ),
            may_be_unused=False,
        )
    )
    return report
