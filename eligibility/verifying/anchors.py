"""What is held outside the database to verify the log against: checkpoints, and the genesis key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any as Anything

import orjson

from eligibility import signing
from eligibility.chain import Header
from eligibility.errors import SettingsInvalid
from eligibility.storage.reading_log import LogReader
from eligibility.storage.records import hash_bytes, hash_text
from eligibility.verifying.verdicts import Flaw, Place


@dataclass(frozen=True)
class Anchor:
    """A checkpoint: a block as it stood in the log once. `source` says where this was read."""

    header: Header
    source: str


def read_checkpoints(path: Path) -> Iterator[Anchor]:
    """The checkpoints in a file, one a line, as `chain.signed_document` makes them.

    Raises SettingsInvalid.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SettingsInvalid(f"cannot read the checkpoints in `{path}`: {error.strerror}") from error
    yield from checkpoints_in(content, f"`{path}`")


def checkpoints_in(content: bytes, source: str) -> Iterator[Anchor]:
    """The checkpoints in such a file, which came from a `source`. Raises SettingsInvalid."""
    for number, line in enumerate(content.splitlines(), start=1):
        if line.strip():
            where = f"{source}, line {number}"
            yield Anchor(_header(line, where), where)


def _header(line: bytes, where: str) -> Header:
    try:
        document: dict[str, Anything] = orjson.loads(line)
        header = Header(
            number=int(document["number"]),
            first=int(document["first"]),
            count=int(document["count"]),
            root=hash_bytes(document["root"]),
            previous=hash_bytes(document["previous"]),
            at=datetime.fromisoformat(document["at"]),
            key=document.get("key"),
        )
        is_whole = hash_text(header.hash) == document["hash"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingsInvalid(f"{where} is no checkpoint: give the JSON of a block's head") from error
    if not is_whole:
        raise SettingsInvalid(f"{where} is no whole checkpoint: its hash is not that of its other members")
    return header


def anchor_flaws(reader: LogReader, anchors: Iterable[Anchor]) -> Iterator[Flaw]:
    """Compare the log with checkpoints: each block must be there still, and the same."""
    for anchor in anchors:
        header, block = anchor.header, reader.block(anchor.header.number)
        place = Place(header.number)
        if block is None:
            what = f"the block of the checkpoint in {anchor.source} is not there"
            yield place.flaw("completeness", "block.number", what)
        elif block.hash != header.hash:
            what = f"the block is not that of the checkpoint in {anchor.source}"
            yield place.flaw("integrity", "block.hash", what, block.hash, header.hash)


def pinned_fingerprint(given: str) -> str:
    """The fingerprint of the key that is given by it, or as a PEM file. Raises SettingsInvalid."""
    try:
        return hash_text(hash_bytes(given))
    except ValueError:
        pass
    try:
        pem = Path(given).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise SettingsInvalid(
            f"`{given}` is neither a key's fingerprint (`sha256:` and 64 hexadecimal digits) nor a file"
        ) from error
    return signing.fingerprint(signing.load_public(pem, f"`{given}`"))
