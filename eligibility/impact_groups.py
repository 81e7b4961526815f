"""Recorded evaluations and decisions, sorted by what a draft changes about them: the work of `elsewhere`.

Like changes are one group, known by a number to whoever asks. A group's document is handed out once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any as Anything
from typing import Final, NamedTuple

import orjson

from eligibility.again import Before, Decides, Given, Recorded
from eligibility.atoms import Cells
from eligibility.canonical import canonical
from eligibility.carrying import Unanswered
from eligibility.carrying_open import Settling
from eligibility.recent import Recent
from eligibility.refusing import Refused
from eligibility.replay import Again, Changed, NotDecidable
from eligibility.storage.packing import packed_facts, unpacked
from eligibility.storage.records import facts_of

UNCHANGED: Final = 0
ASK_FACTS: Final = -1
"""In place of a group: the recorded cells do not answer what the draft asks, so the facts must."""


_MOST_READ: Final = 262_144
"""What was read of facts lately; where it is read again, so is what came of it."""


class Numbered(NamedTuple):
    """For each row the number of its group, and the canonical documents of new groups, in order."""

    numbers: list[int]
    new: list[bytes]


class _Open(NamedTuple):
    """An evaluation whose cells leave something open; nothing settles it where they can not be read."""

    recorded: Recorded
    settling: Settling | None


class Groups:
    """The groups that were found under one draft, numbered from 1."""

    def __init__(self, decides: Decides) -> None:
        """Find none yet."""
        self._decides = decides
        self._numbers: dict[bytes, int] = {}
        self._new: list[bytes] = []
        self._open: dict[bytes, _Open] = {}
        self._read: Recent[tuple[Anything, ...], int] = Recent(_MOST_READ)
        self._seen: dict[tuple[bytes, Cells | Refused | Unanswered], int] = {}

    def evaluations(self, rows: Sequence[tuple[bytes, Recorded]]) -> Numbered:
        """Sort distinct evaluations by their recorded cells. Those that need facts are kept, for `decisions`.

        Raises EvaluatorsDisagree, EngineFailure.
        """
        return self._numbered([self._evaluation(key, recorded) for key, recorded in rows])

    def decisions(
        self, keys: Sequence[bytes], bodies: Sequence[bytes], private: Sequence[bytes | None]
    ) -> Numbered:
        """Sort decisions by their facts: keys of their evaluations, envelopes as they are stored, texts.

        Raises EvaluatorsDisagree, EngineFailure.
        """
        return self._numbered(list(map(self._decision, keys, bodies, private)))

    def _numbered(self, numbers: list[int]) -> Numbered:
        new, self._new = self._new, []
        return Numbered(numbers, new)

    def _evaluation(self, key: bytes, recorded: Recorded) -> int:
        if recorded.ruleset == self._decides.ruleset.digest:
            content = self._decides.content(recorded.cells)
            return self._number(self._decides.as_recorded(recorded, content))
        before = self._decides.before(recorded)
        found = self._decides.carried(before)
        if isinstance(found, Unanswered):
            carrier = self._decides.carrier(before)
            self._open[key] = _Open(recorded, None if carrier is None else carrier.settling(found.facts))
            return ASK_FACTS
        return self._number(self._decides.decide(before, found))

    def _decision(self, key: bytes, body: bytes, private: bytes | None) -> int:
        settling = self._open[key].settling
        if settling is None:
            return self._by_facts(key, body, private)
        read = (key, *_read(settling, body, private))
        number = self._read.get(read)
        if number is None:
            number = self._by_facts(key, body, private)
            self._read.put(read, number)
        return number

    def _by_facts(self, key: bytes, body: bytes, private: bytes | None) -> int:
        before = self._decides.before(self._open[key].recorded)
        found = self._decides.cells(Given(unpacked(body), private), before)
        seen = (key, found)
        if seen not in self._seen:
            self._seen[seen] = self._number(self._again(before, found))
        return self._seen[seen]

    def _again(self, before: Before, found: Cells | Refused | Unanswered) -> Again:
        if isinstance(found, Unanswered):
            return NotDecidable(found.facts)
        return self._decides.decide(before, found)

    def _number(self, again: Again | None) -> int:
        if again is None or (isinstance(again, Changed) and not again):
            return UNCHANGED
        document = canonical(again.essence())
        if document not in self._numbers:
            self._numbers[document] = len(self._numbers) + 1
            self._new.append(document)
        return self._numbers[document]


def _read(settling: Settling, body: bytes, private: bytes | None) -> tuple[Anything, ...]:
    """What settles a decision: whether its texts were erased, and what is read of its facts."""
    packed = packed_facts(body)
    if packed is None:
        envelope = orjson.loads(body)
        facts, has_texts = envelope["facts"], "private" in envelope
    else:
        facts, has_texts = orjson.loads(packed), True
    if private is not None and settling.reads_texts:
        facts = facts_of({"facts": facts}, orjson.loads(private))
    return (has_texts and private is None, *settling.read(facts))
