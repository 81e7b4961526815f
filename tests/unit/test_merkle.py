from hashlib import sha256

import pytest

from eligibility import merkle

# The seven inputs and the roots over the first n of them that implementations of RFC 6962 test with.
INPUTS = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


def from_above(leaves: list[bytes]) -> bytes:
    """The root as RFC 6962 defines it, by splitting, written apart from the code under test."""
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    middle = 1
    while middle * 2 < len(leaves):
        middle *= 2
    return sha256(b"\x01" + from_above(leaves[:middle]) + from_above(leaves[middle:])).digest()


@pytest.mark.parametrize("size", ROOTS)
def test_the_root_is_that_of_rfc_6962(size: int) -> None:
    assert merkle.root([merkle.leaf(data) for data in INPUTS[:size]]).hex() == ROOTS[size]


@pytest.mark.parametrize("size", [*range(1, 40), 63, 64, 65, 1000])
def test_the_root_is_that_of_the_definition(size: int) -> None:
    data = [str(n).encode() for n in range(size)]
    assert merkle.root([merkle.leaf(item) for item in data]) == from_above(data)


def test_the_root_of_nothing_is_the_hash_of_nothing() -> None:
    assert merkle.root([]) == sha256(b"").digest()


@pytest.mark.parametrize("size", range(1, 34))
def test_every_leaf_is_proved_and_no_other(size: int) -> None:
    leaves = [merkle.leaf(str(n).encode()) for n in range(size)]
    root = merkle.root(leaves)
    for index, leaf in enumerate(leaves):
        path = merkle.proof(index, leaves)
        assert merkle.verify(leaf, index, size, path, root)
        assert not merkle.verify(merkle.leaf(b"another"), index, size, path, root)
        assert not merkle.verify(leaf, (index + 1) % size, size, path, root) or size == 1
        assert not merkle.verify(leaf, index, size, (*path, root), root)
        if path:
            assert not merkle.verify(leaf, index, size, path[:-1], root)


@pytest.mark.parametrize("index", [-1, 3])
def test_a_leaf_that_is_not_there_has_no_proof(index: int) -> None:
    with pytest.raises(IndexError):
        merkle.proof(index, [b"a", b"b", b"c"])
    assert not merkle.verify(b"a", index, 3, (), b"a")


@pytest.mark.parametrize("size", [*range(34), 63, 64, 65, 130])
def test_the_proofs_of_all_leaves_are_those_of_each(size: int) -> None:
    leaves = [merkle.leaf(str(n).encode()) for n in range(size)]
    assert merkle.proofs(leaves) == [merkle.proof(n, leaves) for n in range(size)]
