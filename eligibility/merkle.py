"""Merkle trees as RFC 6962 defines them: bytes in, bytes out.

A leaf is SHA-256(0x00 ‖ data), a node SHA-256(0x01 ‖ left ‖ right). Of n leaves, the left branch holds the
largest power of two smaller than n. All functions take leaves that are hashed already.
"""

from collections.abc import Sequence
from hashlib import sha256


def leaf(data: bytes) -> bytes:
    """The hash of a leaf (RFC 6962, 2.1)."""
    return sha256(b"\x00" + data).digest()


def node(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node (RFC 6962, 2.1)."""
    return sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The root over hashed leaves; of none, the hash of nothing."""
    if not leaves:
        return sha256(b"").digest()
    level = list(leaves)
    while len(level) > 1:  # an odd one out rises, which is the same tree as splitting from above
        odd = level[-1:] if len(level) % 2 else []
        pairs = zip(level[::2], level[1::2], strict=False)
        level = [sha256(b"\x01" + left + right).digest() for left, right in pairs] + odd
    return level[0]


def proof(index: int, leaves: Sequence[bytes]) -> tuple[bytes, ...]:
    """The hashes that lead from the leaf at `index` to the root, lowest first (RFC 6962, 2.1.1).

    Raises IndexError where there is no such leaf.
    """
    if not 0 <= index < len(leaves):
        message = f"there is no leaf {index} among {len(leaves)}"
        raise IndexError(message)
    if len(leaves) == 1:
        return ()
    middle = 1 << (len(leaves) - 1).bit_length() - 1
    if index < middle:
        return (*proof(index, leaves[:middle]), root(leaves[middle:]))
    return (*proof(index - middle, leaves[middle:]), root(leaves[:middle]))


def proofs(leaves: Sequence[bytes]) -> list[tuple[bytes, ...]]:
    """The proof of each leaf, in their order, as `proof` gives it; each node is hashed once."""
    levels = [list(leaves)]
    while len(levels[-1]) > 1:
        level = levels[-1]
        odd = level[-1:] if len(level) % 2 else []
        levels.append([node(*pair) for pair in zip(level[::2], level[1::2], strict=False)] + odd)
    return [
        tuple(
            level[index >> height ^ 1]
            for height, level in enumerate(levels)
            if index >> height ^ 1 < len(level)  # an odd one out rises without a sibling
        )
        for index in range(len(leaves))
    ]


def verify(leaf_hash: bytes, index: int, size: int, path: Sequence[bytes], expected: bytes) -> bool:
    """Whether the path leads from the hashed leaf at `index` of `size` to the root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    position, last, current = index, size - 1, leaf_hash
    for sibling in path:
        if last == 0:
            return False
        if position % 2 or position == last:
            current = node(sibling, current)
            while position % 2 == 0 and position:
                position, last = position >> 1, last >> 1
        else:
            current = node(current, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and current == expected
