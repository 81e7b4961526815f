"""Pieces of uploads as they are stored until they are decided: packed, since they are much alike inside."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from eligibility.backlog.cutting import Piece
from eligibility.storage.batch_parts import StoredPart

_CODEC: Final = pa.Codec("zstd", 1)
_LENGTH: Final = 8
"""Bytes before the packed content that say how long it is unpacked."""


def packed(piece: Piece) -> StoredPart:
    """A piece, to be stored."""
    content: bytes = _CODEC.compress(piece.content, asbytes=True)
    return StoredPart(piece.number, piece.first, piece.count, len(piece.content).to_bytes(_LENGTH) + content)


def unpacked(part: StoredPart) -> Piece:
    """The piece that was stored."""
    length = int.from_bytes(part.content[:_LENGTH])
    content: bytes = _CODEC.decompress(part.content[_LENGTH:], decompressed_size=length, asbytes=True)
    return Piece(part.number, part.first, part.rows, content)
