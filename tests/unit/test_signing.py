import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from eligibility import signing
from eligibility.errors import SettingsInvalid


def test_what_a_key_signs_its_public_half_confirms() -> None:
    key = signing.load(signing.generate(), "here")
    signature = key.sign(b"message")
    assert len(signature) == 64
    assert signing.is_signed(key.public, b"message", signature)
    assert not signing.is_signed(key.public, b"massage", signature)
    other = signing.load(signing.generate(), "here")
    assert not signing.is_signed(other.public, b"message", signature)
    assert not signing.is_signed(b"no key", b"message", signature)


def test_a_key_is_named_by_the_hash_of_its_public_half() -> None:
    key = signing.load(signing.generate(), "here")
    assert key.id == signing.fingerprint(key.public)
    handed_out = load_pem_public_key(signing.public_pem(key.public).encode())
    assert isinstance(handed_out, Ed25519PublicKey)
    assert handed_out.public_bytes_raw() == key.public


def test_a_key_does_not_show_its_private_half() -> None:
    assert "rivate" not in repr(signing.load(signing.generate(), "here"))


@pytest.mark.parametrize("length", [0, 27, 60])
def test_what_is_no_key_is_refused_with_the_remedy(length: int) -> None:
    with pytest.raises(SettingsInvalid, match=r"`here` holds no Ed25519 key: .*openssl genpkey"):
        signing.load(signing.generate()[:length], "`here`")
