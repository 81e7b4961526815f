"""The log's signing key on this machine: one file, and beside it the next one while keys are rotated."""

from __future__ import annotations

from pathlib import Path

from eligibility import signing
from eligibility.errors import SettingsInvalid, SigningKeyMissing
from eligibility.settings import Settings
from eligibility.signing import SigningKey
from eligibility.storage.secret_files import read, read_or_create, write_private


class Signer:
    """The keys that this machine has; which of them is the log's active one, the log says."""

    def __init__(self, path: Path, *, may_create: bool) -> None:
        """Read the file at `path`, making a key where there is none and it may. Raises SettingsInvalid."""
        self.path = path
        pem = read_or_create(path, signing.generate) if may_create else read(path)
        self.key = signing.load(pem, f"`{path}`")
        """The key in the file: the active one, but for moments after a rotation."""

    @property
    def next_path(self) -> Path:
        """Where the key lies that a rotation makes active."""
        return self.path.with_name(f"{self.path.name}.next")

    def find(self, active: str) -> SigningKey | None:
        """The key of that fingerprint, if it is here. Files are read again where it is not the known one."""
        if self.key.id == active:
            return self.key
        for path in (self.path, self.next_path):
            try:
                key = signing.load(read(path), f"`{path}`")
            except SettingsInvalid:
                continue
            if key.id == active:
                self.key = key
                return key
        return None

    def next_key(self) -> SigningKey:
        """The key to rotate to, made unless it lies there already. Raises SettingsInvalid."""
        return signing.load(
            read_or_create(self.next_path, signing.generate, like=self.path), f"`{self.next_path}`"
        )

    def finish_rotation(self) -> None:
        """Put the next key in the place of the former, whose private part is then gone from this machine.

        The file stays readable for whom it was. Raises SettingsInvalid where it cannot be replaced.
        """
        pem = read(self.next_path)
        try:
            write_private(self.path, pem, like=self.path)
            if self.next_path.exists() and read(self.next_path) == pem:
                self.next_path.unlink(missing_ok=True)
        except OSError as error:
            raise SettingsInvalid(
                f"cannot put the next key in the place of `{self.path}`: {error.strerror}; the log is signed "
                f"with the key in `{self.next_path}` now: keep it, and put it there by hand"
            ) from error
        self.key = signing.load(pem, f"`{self.path}`")

    def mend(self, active: str) -> bool:
        """Finish a rotation that was interrupted after the log had taken it; whether there was one.

        Raises SettingsInvalid where the files cannot be changed.
        """
        try:
            following = signing.load(read(self.next_path), f"`{self.next_path}`")
        except SettingsInvalid:  # none lies there: nothing was begun, or another process has finished it
            return False
        if following.id != active:
            return False
        self.finish_rotation()
        return True


def signing_key_missing(active: str, signer: Signer) -> SigningKeyMissing:
    """What to raise where the log's active key is not here."""
    return SigningKeyMissing(
        f"the log is signed with the key {active}, and the one in `{signer.path}` is {signer.key.id}: "
        "put the active one there",
        retry_after=60,
    )


def signer(settings: Settings) -> Signer:
    """The signing key of this machine: the configured file, or the generated one. Raises SettingsInvalid."""
    given = settings.signing_key_file
    return Signer(given or settings.data_dir / "signing-key", may_create=given is None)
