"""Cases of reviews, and files attached to them: what decisions and steps come to is what must be there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any as Anything
from uuid import UUID

import orjson

from eligibility.review import Case, Decided, Policy, after, opening, refusal
from eligibility.storage.entries import month_of
from eligibility.storage.reading_log import CaseRow, LogReader
from eligibility.verifying.acts import Expected
from eligibility.verifying.verdicts import Flaw, Place

_MALFORMED = (ValueError, KeyError, TypeError, AttributeError)
_COLUMNS = (
    *("decision", "opened_at", "channel", "generation", "outcome", "causes", "reasons", "state", "number"),
    *("outcome_in_force", "due", "paused_at", "proposer", "proposed_outcome", "closed_at"),
)


def case_flaws(reader: LogReader, expected: Expected) -> Iterator[Flaw]:
    """Compare the cases with what decisions open, and steps make of them. Who holds one is not in the log."""
    reasons = {key: _reasons(content) for key, content in reader.contact_evaluations()}
    progress, steps = reader.case_progress(), dict(expected.steps)
    percent = max((policy.sample_percent for _, policy in expected.policies), default=0)
    percent = max(percent, Policy().sample_percent)
    for row in reader.cases(list(steps), percent):
        policy = _policy_at(row.block, expected)
        first = opening(_decided(row, reasons), policy)
        taken = steps.pop(str(row.id), None)
        place = Place(row=str(row.id))
        wanted: Case | None = first if first.causes else None
        if taken is not None:
            wanted = first
            for number, step in sorted(taken, key=lambda each: each[0]):
                if number != wanted.number + 1 or refusal(wanted, step) is not None:
                    what = f"its step {number}, `{step.kind}`, cannot have been taken"
                    yield place.flaw("integrity", "review_step.number", what)
                    break
                wanted = after(wanted, step, policy.disputed)
        yield from _compared(row, wanted, place, must_be=row.block <= progress or taken is not None)
    yield from _strays(reader, expected, steps)


def _compared(row: CaseRow, wanted: Case | None, place: Place, *, must_be: bool) -> Iterator[Flaw]:
    if row.case is None:
        if wanted is not None and must_be:
            what = "the log says that there is a case, and it is missing"
            yield place.flaw("completeness", "review_case.decision", what)
        return
    if wanted is None:
        yield place.flaw("completeness", "review_case.decision", "nothing in the log opens this case")
        return
    for column, stored in zip(_COLUMNS, row.case, strict=True):
        value = getattr(wanted, column)
        if (tuple(stored) if isinstance(stored, list) else stored) != value:
            shown = [each if each is None else str(each) for each in (stored, value)]
            yield place.flaw("integrity", f"review_case.{column}", "differs from the log", *shown)


def _strays(reader: LogReader, expected: Expected, steps: Mapping[str, Anything]) -> Iterator[Flaw]:
    for decision in reader.stray_cases():
        what = "there is a case of what is no decision of the log"
        yield Place(row=str(decision)).flaw("completeness", "review_case.decision", what)
    for about in steps:
        if (month_of(UUID(about)).isoformat(), "decisions") not in expected.retained:
            what = "there are steps of a review, and no decision that they are about"
            yield Place(row=about).flaw("completeness", "review_step.decision", what)


def attachment_flaws(reader: LogReader, expected: Expected) -> Iterator[Flaw]:
    """Compare the files that are attached with what the records of their steps commit to."""
    wanted = dict(expected.attached)
    for record, decision, media_type, said, size, digest in reader.attachments():
        place = Place(row=record)
        row = wanted.pop(record, None)
        if row is None:
            what = "no record speaks of this file, or its texts were erased and it should be gone"
            yield place.flaw("completeness", "review_attachment.record", what)
            continue
        found = {"decision": decision, "media_type": media_type, "size": said, "sha256": digest}
        for name, value in found.items():
            column = f"review_attachment.{'content' if name == 'sha256' else name}"
            if value != row[name]:
                yield place.flaw("integrity", column, "differs from the log", value, row[name])
        if size != said:
            yield place.flaw("integrity", "review_attachment.size", "differs from the content", said, size)
    for record in wanted:
        what = "the log says that there is such a file, and it is missing"
        yield Place(row=record).flaw("completeness", "review_attachment.record", what)


def _policy_at(block: int, expected: Expected) -> Policy:
    """What was asked of reviews of decisions in a block: what was set last in one before it."""
    return next((policy for since, policy in reversed(expected.policies) if since < block), Policy())


def _decided(row: CaseRow, reasons: Mapping[bytes, tuple[str, ...]]) -> Decided:
    found = reasons.get(row.evaluation_key, ()) if row.outcome == "contact_meta" else ()
    return Decided(row.id, row.at, row.channel, row.generation, row.outcome, found)


def _reasons(content: bytes) -> tuple[str, ...]:
    try:
        return tuple(orjson.loads(content).get("contact_reasons", ()))
    except _MALFORMED:  # which is told of the evaluation
        return ()
