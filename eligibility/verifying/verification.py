"""Verifying the log: everything that can be checked about it, in one moment of the database.

The bulk, blocks and records, is checked along the chain, in several processes where that is wanted. Tables
as a whole (what follows from the log, the head, evaluations, idempotency keys, strays) are checked with the
whole log only, not with a range of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from hashlib import sha256
from uuid import UUID

import orjson

from eligibility.chain import BEFORE_THE_FIRST
from eligibility.company import made_by_all, started
from eligibility.ruleset import SEMANTICS
from eligibility.storage.erasure import ERASURE
from eligibility.storage.reading_log import BlockRow, HeadRow, LogReader, reading_log
from eligibility.storage.records import hash_text
from eligibility.verifying.acts import KINDS, Expected, expected_rows
from eligibility.verifying.again import Contents
from eligibility.verifying.anchors import Anchor, anchor_flaws
from eligibility.verifying.blocks import Known, Tell, check_blocks
from eligibility.verifying.cases import attachment_flaws, case_flaws
from eligibility.verifying.evaluations import check_evaluations
from eligibility.verifying.key_history import KINDS as KEY_KINDS
from eligibility.verifying.key_history import KeyHistory, key_history, pinned_flaws
from eligibility.verifying.meaning import other_semantics
from eligibility.verifying.records import Retained
from eligibility.verifying.tables import derived_flaws, head_flaws, ruleset_flaws
from eligibility.verifying.used_keys import check_used_keys
from eligibility.verifying.verdicts import VERDICTS, Findings, Flaw, Place, Report

_PARTS_PER_PROCESS = 4


@dataclass(frozen=True)
class Wanted:
    """What to verify, and against what.

    `first` and `last` are sequences, None for the whole log. `pinned` is the fingerprint that the genesis key
    must have. `contents` evaluates again; without it the meaning is not examined. `secret` is the service's,
    under which idempotency keys are hashed.
    """

    first: int | None = None
    last: int | None = None
    checkpoints: tuple[Anchor, ...] = ()
    pinned: str | None = None
    contents: Contents | None = None
    secret: bytes | None = None

    @property
    def is_range(self) -> bool:
        """Whether only a part of the log is to be verified."""
        return self.first is not None or self.last is not None


@dataclass(frozen=True)
class Beside:
    """How to work in several processes: how many, and the login by which each reads the log.

    A part of the log has at least so many `blocks`: fewer are not worth starting a process.
    """

    processes: int
    url: str
    blocks: int = 64


def _silent(_records: int) -> None:
    """Tell nobody."""


def verify(
    reader: LogReader, wanted: Wanted, *, tell: Tell = _silent, beside: Beside | None = None
) -> Report:
    """Verify the log that the reader shows; `tell` is told how many more records were looked at.

    Raises errors of psycopg, which the reader's context translates, and EngineFailure where one of several
    processes is killed.
    """
    began = time.perf_counter()
    findings = Findings()
    history = key_history(reader.acts(KEY_KINDS))
    findings.extend(history.flaws)
    findings.extend(pinned_flaws(history, wanted.pinned))
    expected = expected_rows(reader.acts(KINDS))
    rulesets = reader.rulesets()
    documents = {hash_text(digest): document for digest, (_, document) in rulesets.items()}
    known = Known(history, Retained(expected.retained), documents if wanted.contents else None)
    head = reader.head()
    first, last = _blocks_of(reader, head, wanted)
    for low, high in _with_keys(first, last, history):
        findings.merge(_checked(reader, low, high, known, tell, beside))
    findings.extend(anchor_flaws(reader, wanted.checkpoints))
    start = reader.block(first) if first <= last else None
    end = reader.block(min(last, reader.last_block()))
    if not wanted.is_range:
        findings.extend(_head_flaws(head, end, history, expected))
        findings.extend(derived_flaws(reader, expected))
        findings.extend(case_flaws(reader, expected))
        findings.extend(attachment_flaws(reader, expected))
        findings.extend(ruleset_flaws(rulesets))
        findings.extend(_strays(reader, expected))
        findings.merge(check_used_keys(reader.used_keys(), wanted.secret))
        findings.merge(
            check_evaluations(
                reader.all_evaluations(),
                {digest: document for digest, (_, document) in rulesets.items()},
                wanted.contents,
                skip={*other_semantics(documents), *_not_of_the_log(documents, expected)},
                may_be_unused=any(record_class == "decisions" for _, record_class in expected.retained),
            )
        )
    _note(findings, wanted, history, last)
    if wanted.contents:
        for digest, semantics in other_semantics(documents).items():
            what = f"has semantics {semantics}, and this release {SEMANTICS}: decide with the release before"
            findings.note("meaning", f"not examined under the ruleset {digest}, which {what}")
    return Report(
        findings,
        VERDICTS if wanted.contents else VERDICTS[:-1],
        start.first if start else 0,
        end.header.next_sequence - 1 if end else 0,
        time.perf_counter() - began,
    )


def _blocks_of(reader: LogReader, head: HeadRow | None, wanted: Wanted) -> tuple[int, int]:
    """The numbers of the first and the last block to check; one less than the first where there is none."""
    if wanted.is_range:
        return reader.blocks_of(wanted.first or 1, wanted.last)
    return 1, max(reader.last_block(), head.block if head else 0)


def _with_keys(first: int, last: int, history: KeyHistory) -> Iterator[tuple[int, int]]:
    """The range, and the blocks beyond it that hold the records of keys, on which all signatures rest."""
    if first <= last:
        yield first, last
        for block in sorted(set(history.blocks)):
            if not first <= block <= last:
                yield block, block


def _checked(
    reader: LogReader, first: int, last: int, known: Known, tell: Tell, beside: Beside | None
) -> Findings:
    """Check blocks, here or in several processes. Raises EngineFailure where one of these is killed."""
    if beside is None or last - first < beside.processes * beside.blocks:
        return check_blocks(reader, first, last, known, tell)
    size = max(beside.blocks, -(-(last - first + 1) // (_PARTS_PER_PROCESS * beside.processes)))
    parts = [(low, min(low + size - 1, last)) for low in range(first, last + 1, size)]
    findings = dict[int, Findings]()
    with started(beside.processes, __name__) as company:
        for process in company:
            process.begin(_begin, beside.url, reader.snapshot(), known)
        for place, done in made_by_all(company, parts):
            tell(done.looked_at["records"] + done.looked_at["dropped records"])
            findings[place] = done
    whole = Findings()
    for place in range(len(parts)):
        whole.merge(findings[place])
    return whole


def _begin(url: str, snapshot: str, known: Known) -> Callable[[tuple[int, int]], Findings]:
    return partial(_check_part, url, snapshot, known)


def _check_part(url: str, snapshot: str, known: Known, part: tuple[int, int]) -> Findings:
    with reading_log(url, snapshot) as reader:
        return check_blocks(reader, *part, known, _silent)


def _head_flaws(
    head: HeadRow | None, end: BlockRow | None, history: KeyHistory, expected: Expected
) -> Iterator[Flaw]:
    active = history.active
    last = HeadRow(0, 1, BEFORE_THE_FIRST, None, active)
    if end is not None:
        last = HeadRow(end.number, end.header.next_sequence, end.hash, None, active)
    yield from head_flaws(head, last, expected.in_force)
    if end is not None and history.genesis is None:
        yield Flaw("authenticity", "no block is signed: the log has no key")


def _not_of_the_log(documents: Mapping[str, bytes], expected: Expected) -> Iterator[str]:
    """The rulesets that are not what was recorded, which is a flaw by itself: they are not to be run."""
    for digest, document in documents.items():
        if hash_text(sha256(document).digest()) != digest or digest not in expected.tables.get("ruleset", ()):
            yield digest


def _strays(reader: LogReader, expected: Expected) -> Iterator[Flaw]:
    """What is there and should not be, or the other way round, as far as no block shows it."""
    for number in reader.blocks_before_the_first():
        yield Place(number).flaw("completeness", "block.number", "a log begins with block 1")
    for record in reader.stray_records():
        what = "the record is in no block that exists"
        yield Place(row=str(record)).flaw("completeness", "record.block", what)
    for record in reader.stray_texts():
        what = "there are private texts of a record that is not in the log"
        yield Place(row=str(record)).flaw("completeness", "private.record", what)
    for record in reader.lost_keys():
        what = "the decision was asked for with an idempotency key, which is missing"
        yield Place(row=str(record)).flaw("completeness", "idempotency.record", what)
    for record in reader.repeated_keys():
        what = "the decision has more than one idempotency key"
        yield Place(row=str(record)).flaw("completeness", "idempotency.record", what)
    yield from _erasures(reader)
    counts = reader.dropped_counts()
    for (month, record_class), number in expected.retained.items():
        found = counts.get((date.fromisoformat(month), record_class), 0)
        if record_class != "texts" and found != number:
            what = f"retention dropped other numbers of {record_class} in {month} than the log says"
            yield Place().flaw("completeness", "dropped_leaf.record", what, found, number)


def _erasures(reader: LogReader) -> Iterator[Flaw]:
    """Compare the table of erasures with the records that announce them."""
    announced = 0
    for act in reader.acts([ERASURE]):
        place = Place(act.block, act.sequence, str(act.id))
        try:
            records = {UUID(record) for record in orjson.loads(act.body)["facts"]["records"]}
        except (ValueError, KeyError, TypeError, AttributeError):
            yield place.flaw("integrity", "record.body", "it does not say whose texts were erased")
            continue
        found = reader.erased_by(act.id)
        announced += len(found)
        for record in sorted(found ^ records):
            what = "the log says that its texts were erased, and the table does not"
            if record in found:
                what = "the table says that its texts were erased, and the record of the erasure does not"
            yield Place(row=str(record)).flaw("completeness", "erased.record", what)
    stored = reader.count("erased")
    if stored != announced:
        what = "there are erasures that no record of the log announces"
        yield Place().flaw("completeness", "erased.made_by", what, stored, announced)


def _note(findings: Findings, wanted: Wanted, history: KeyHistory, last: int) -> None:
    """Say what the verdicts rest on, and what they leave open."""
    if wanted.pinned is None and history.genesis is not None:
        findings.note(
            "authenticity", f"the genesis key {history.genesis} is trusted as found: pin it with `--key`"
        )
    if history.since and history.since[0] > 1 and last >= history.since[0]:
        what = "were written before the log had a key: the first signed block vouches for them"
        findings.note("authenticity", f"the blocks before {history.since[0]} {what}")
    if not wanted.checkpoints:
        what = "that the end was not cut off shows only against a later checkpoint: give `--checkpoint`"
        findings.note("completeness", what)
    if wanted.is_range:
        what = "tables as a whole, the head and what lies outside the range are not part of it"
        findings.note("completeness", what)
    elif wanted.secret is None:
        what = "idempotency keys are compared with decisions, but without the service's secret not made again"
        findings.note("integrity", what)
