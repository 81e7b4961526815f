"""Which key must have signed which block: read off the log's own records of its keys."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import orjson

from eligibility.chain import Header, is_signed_by
from eligibility.signing import fingerprint
from eligibility.storage.key_rotation import GENESIS, ROTATED
from eligibility.storage.reading_log import Act, BlockRow
from eligibility.verifying.verdicts import Flaw

KINDS = (GENESIS, ROTATED)


@dataclass
class KeyHistory:
    """The keys of a log. `since` are numbers of blocks, in order; `keys` those that sign from there on.

    Blocks before the first of `since` are not signed.
    """

    since: list[int] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    public: dict[str, bytes] = field(default_factory=dict)
    blocks: list[int] = field(default_factory=list)
    """The blocks that hold the records, on which everything else about keys rests."""

    flaws: list[Flaw] = field(default_factory=list)

    @property
    def genesis(self) -> str | None:
        """The log's first key."""
        return self.keys[0] if self.keys else None

    @property
    def active(self) -> str | None:
        """The key that signs the next block."""
        return self.keys[-1] if self.keys else None

    def expected(self, number: int) -> str | None:
        """The key that must have signed the block, None for one that is not signed."""
        place = bisect_right(self.since, number)
        return self.keys[place - 1] if place else None


def key_history(acts: Iterable[Act]) -> KeyHistory:
    """The history that the records of these kinds tell, with what is wrong in it."""
    history = KeyHistory()
    for act in acts:
        history.blocks.append(act.block)
        what = _fault(history, act)
        if what is not None:
            history.flaws.append(Flaw("authenticity", what, act.block, act.sequence, row=str(act.id)))
    return history


def _fault(history: KeyHistory, act: Act) -> str | None:
    """Take one record up into the history, or say why it cannot be."""
    try:
        facts = orjson.loads(act.body)["facts"]
        key, public, former = str(facts["key"]), bytes.fromhex(facts["public"]), facts.get("former")
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"`{act.kind}` does not say which key it is about"
    if fingerprint(public) != key:
        return f"`{act.kind}` names a key by a fingerprint that is not its own"
    if act.kind == GENESIS:
        if history.keys:
            return "the log has a second key without a former one"
        history.since.append(act.block)  # the block that holds it is signed by it
    else:
        if key in history.keys:
            return "a key comes back that was replaced before"
        if former != history.active:
            return f"a key takes over from {former}, which was not the one that signed"
        history.since.append(act.block + 1)
    history.keys.append(key)
    history.public[key] = public
    return None


def pinned_flaws(history: KeyHistory, pinned: str | None) -> Iterator[Flaw]:
    """What is wrong with the genesis key, given the fingerprint that it must have."""
    if pinned is not None and history.genesis != pinned:
        yield Flaw(
            "authenticity",
            "the log does not begin with the pinned key",
            found=history.genesis or "no key",
            expected=pinned,
        )


def signature_flaws(block: BlockRow, header: Header, history: KeyHistory) -> Iterator[Flaw]:
    """What is wrong with a block's key and signature."""
    expected = history.expected(block.number)
    if block.key != expected:
        what = "the block is signed with another key than the one active then"
        if expected is not None and block.key in history.keys[: history.keys.index(expected)]:
            what = "the block is signed with a key that had been replaced"
        yield Flaw(
            "authenticity",
            what,
            block.number,
            column="block.key",
            found=block.key or "none",
            expected=expected or "none, since the log had no key yet",
        )
    if block.key is None and block.signature is None:
        return
    if not is_signed_by(header, block.signature, history.public):
        what = "the signature is not that of the key over the block's header"
        yield Flaw("authenticity", what, block.number, column="block.signature")
