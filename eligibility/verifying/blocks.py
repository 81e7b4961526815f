"""Blocks: their chain, their records and their signatures, in a range of the log."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from eligibility import merkle
from eligibility.chain import BEFORE_THE_FIRST, Header
from eligibility.storage.reading_log import BlockRow, DroppedLeaf, LogReader, RecordRow
from eligibility.storage.records import hash_text
from eligibility.verifying.key_history import KeyHistory, signature_flaws
from eligibility.verifying.meaning import Meaning
from eligibility.verifying.records import Retained, check_record
from eligibility.verifying.verdicts import Findings, Flaw, Place

Tell = Callable[[int], None]
"""Told how many more records were looked at."""

_MOST_EVALUATIONS = 65_536


@dataclass(frozen=True)
class Known:
    """What must be known of the rest of the log to check any part of it."""

    keys: KeyHistory
    retained: Retained
    rulesets: Mapping[str, bytes] | None
    """The documents by digest, to find the meaning of decisions; None where it is not asked for."""


def check_blocks(reader: LogReader, first: int, last: int, known: Known, tell: Tell) -> Findings:
    """Check the blocks of these numbers, and all records in them; the block before is taken as it is."""
    return _Walk(reader, known, tell).walk(first, last)


class _Walk:
    """A walk along the chain: what the next block must be, and what was found so far."""

    def __init__(self, reader: LogReader, known: Known, tell: Tell) -> None:
        self._reader = reader
        self._known = known
        self._tell = tell
        self._findings = Findings()
        self._evaluations: dict[bytes, tuple[str, str, str, bytes, bytes]] = {}
        self._meaning = None if known.rulesets is None else Meaning(known.rulesets, reader.cells)
        self._number, self._sequence, self._previous = 1, 1, BEFORE_THE_FIRST

    def walk(self, first: int, last: int) -> Findings:
        """Check the blocks from the one number to the other."""
        before = self._reader.block(first - 1) if first > 1 else None
        if before is not None:
            self._sequence, self._previous = before.header.next_sequence, before.hash
        self._number = first
        for blocks in self._reader.blocks(first, last):
            ids = [block.id for block in blocks]
            records, dropped = self._reader.records(ids), self._reader.dropped(ids)
            self._fetch_evaluations(records)
            for block, rows in zip(blocks, records, strict=True):
                self._block(block, rows, dropped.get(block.id, ()))
            self._tell(sum(block.count for block in blocks))
        self._gap(last + 1)
        return self._findings

    def _fetch_evaluations(self, blocks: Sequence[Sequence[RecordRow]]) -> None:
        """Get to know the evaluations that these records name, of which many were seen before."""
        wanted = {row[7] for rows in blocks for row in rows} - self._evaluations.keys() - {None}
        if len(self._evaluations) + len(wanted) > _MOST_EVALUATIONS:
            self._evaluations.clear()
            wanted = {row[7] for rows in blocks for row in rows} - {None}
        for key, (content_hash, ruleset, outcome) in self._reader.evaluations([*wanted]).items():
            self._evaluations[key] = (
                *(hash_text(content_hash), hash_text(ruleset), outcome),
                *(content_hash, ruleset),
            )

    def _gap(self, number: int) -> None:
        """Say which blocks are missing before this number."""
        if number > self._number:
            which = f"block {self._number} is"
            if number - 1 > self._number:
                which = f"the blocks {self._number} to {number - 1} are"
            self._findings.add(Flaw("completeness", f"{which} missing", self._number, column="block.number"))

    def _block(
        self,
        block: BlockRow,
        rows: Sequence[RecordRow],
        dropped: Sequence[DroppedLeaf],
    ) -> None:
        findings = self._findings
        is_next = block.number == self._number
        if not is_next:
            self._gap(block.number)
        header = block.header
        findings.extend(self._chain_flaws(block, header, is_next=is_next))
        findings.extend(signature_flaws(block, header, self._known.keys))
        leaves: dict[int, bytes] = {}
        is_intact = True
        number, first, evaluations = block.number, block.first, self._evaluations
        retained, meaning = self._known.retained, self._meaning
        for row in rows:
            position = row[1]
            leaf, envelope, private, flaws = check_record(
                row, number, first + position, evaluations, retained
            )
            if flaws:
                findings.extend(flaws)
                is_intact = is_intact and leaf == row[12]
            if meaning is not None and row[7] is not None and envelope is not None:
                findings.looked_at["decisions"] += 1
                what = meaning.fault(envelope, private, row[7])
                if what is not None:
                    place = Place(number, first + position, row[2])
                    findings.add(place.flaw("meaning", "record.evaluation_key", what))
            if position in leaves:
                findings.add(_twice(block, position, row[2]))
            leaves[position] = leaf
        for kept in dropped:
            if kept.position in leaves:
                findings.add(_twice(block, kept.position, str(kept.record)))
            elif not self._known.retained.covers(kept.record, kept.record_class):
                findings.add(_not_announced(block, kept))
            leaves[kept.position] = kept.leaf
        findings.extend(_leaf_flaws(block, leaves, is_intact=is_intact))
        findings.looked_at["records"] += len(rows)
        findings.looked_at["dropped records"] += len(dropped)
        findings.looked_at["blocks"] += 1
        findings.looked_at["signatures"] += block.key is not None
        self._number, self._sequence = block.number + 1, header.next_sequence
        self._previous = block.hash

    def _chain_flaws(self, block: BlockRow, header: Header, *, is_next: bool) -> Iterator[Flaw]:
        place = Place(block.number)
        if is_next and block.first != self._sequence:
            what = "it does not begin where the block before ends"
            yield place.flaw("completeness", "block.first", what, block.first, self._sequence)
        if is_next and block.previous != self._previous:
            what = "it does not name the block before by its hash"
            yield place.flaw("integrity", "block.previous", what, block.previous, self._previous)
        if block.hash != header.hash:
            what = "it is not the hash of the header: it, or another column of the block, was changed"
            yield place.flaw("integrity", "block.hash", what, block.hash, header.hash)


def _leaf_flaws(block: BlockRow, leaves: Mapping[int, bytes], *, is_intact: bool) -> Iterator[Flaw]:
    """What is wrong with the records of a block as a whole; `is_intact` says that each is by itself."""
    place = Place(block.number)
    missing = [position for position in range(block.count) if position not in leaves]
    beyond = sorted(position for position in leaves if not 0 <= position < block.count)
    if missing:
        what = f"{len(missing)} of its {block.count} records are missing, from this sequence on"
        first = Place(block.number, block.first + missing[0])
        yield first.flaw("completeness", "record.position", what)
    if beyond:
        what = f"there are {len(beyond)} records more than the block has"
        yield place.flaw("completeness", "record.position", what, len(leaves), block.count)
    if missing or beyond or not is_intact:
        return
    root = merkle.root([leaves[position] for position in range(block.count)])
    if root != block.root:
        yield place.flaw(
            "integrity", "block.root", "its records are not those it was sealed with", block.root, root
        )


def _twice(block: BlockRow, position: int, record: str) -> Flaw:
    what = "another record stands at the same place"
    return Place(block.number, block.first + position, record).flaw("completeness", "record.position", what)


def _not_announced(block: BlockRow, kept: DroppedLeaf) -> Flaw:
    place = Place(block.number, block.first + kept.position, str(kept.record))
    what = f"the record was dropped, and no retention of {kept.record_class} in that month says so"
    return place.flaw("completeness", "dropped_leaf.record", what)
