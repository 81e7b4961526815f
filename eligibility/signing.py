"""Ed25519 keys: what the log's blocks are signed with, and known by.

A key is named by its fingerprint, the SHA-256 of its 32 public bytes. A signature is over the canonical bytes
of a block's header and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from eligibility.errors import SettingsInvalid


@dataclass(frozen=True)
class SigningKey:
    """A key that can sign. `id` is its fingerprint, `public` its 32 public bytes."""

    id: str
    public: bytes
    _private: Ed25519PrivateKey = field(repr=False, compare=False)

    def sign(self, message: bytes) -> bytes:
        """The signature, 64 bytes."""
        return self._private.sign(message)


def fingerprint(public: bytes) -> str:
    """What a key is named by, from its public bytes."""
    return f"sha256:{sha256(public).hexdigest()}"


def generate() -> str:
    """A new key as PEM (PKCS 8, not encrypted), which `openssl` reads too."""
    return (
        Ed25519PrivateKey.generate()
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        .decode()
    )


def load(pem: str, where: str) -> SigningKey:
    """The key in a PEM text; `where` names the place in messages. Raises SettingsInvalid."""
    try:
        private = serialization.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError):  # TypeError: it is encrypted
        private = None
    if not isinstance(private, Ed25519PrivateKey):
        raise SettingsInvalid(
            f"{where} holds no Ed25519 key: give an unencrypted one as PEM, "
            "as `openssl genpkey -algorithm ed25519` makes it"
        )
    return _key(private)


def from_seed(seed: bytes) -> SigningKey:
    """The key that 32 bytes make: always the same one."""
    return _key(Ed25519PrivateKey.from_private_bytes(seed))


def _key(private: Ed25519PrivateKey) -> SigningKey:
    public = private.public_key().public_bytes_raw()
    return SigningKey(fingerprint(public), public, private)


def public_pem(public: bytes) -> str:
    """A public key as PEM, to hand out."""
    key = Ed25519PublicKey.from_public_bytes(public)
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


def is_signed(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the owner of the public key signed the message."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def load_public(pem: str, where: str) -> bytes:
    """The public bytes in the PEM text of a public key; `where` names the place. Raises SettingsInvalid."""
    try:
        public = serialization.load_pem_public_key(pem.encode())
    except ValueError:
        public = None
    if not isinstance(public, Ed25519PublicKey):
        raise SettingsInvalid(f"{where} holds no Ed25519 public key: give one as PEM")
    return public.public_bytes_raw()
