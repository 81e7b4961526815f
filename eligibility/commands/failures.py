"""What an error means to whoever started the process: a message and an exit code."""

from __future__ import annotations

from eligibility.errors import (
    BacklogRefused,
    CheckpointFailed,
    ClusterFailed,
    EligibilityError,
    RequestRefused,
    RulesetInvalid,
    SettingsInvalid,
    SigningKeyMissing,
    StorageError,
    StorageUnavailable,
)

DONE, NO, WRONG_USE, NOT_REACHED, FAULT = 0, 1, 2, 3, 70
"""Exit codes: done; the answer is no; wrong usage or input; service or database not reached; our fault."""

_CODES: tuple[tuple[type[EligibilityError], int], ...] = (
    (SigningKeyMissing, WRONG_USE),
    (StorageUnavailable, NOT_REACHED),
    (StorageError, NO),
    (RequestRefused, WRONG_USE),
    (BacklogRefused, WRONG_USE),
    (RulesetInvalid, WRONG_USE),
    (SettingsInvalid, WRONG_USE),
    (ClusterFailed, NOT_REACHED),
    (CheckpointFailed, NO),
)


def exit_code(error: Exception) -> int:
    """The exit code of a process that ends with this error."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), FAULT)


def message(error: Exception) -> str:
    """What to tell people about it, without a traceback."""
    if not isinstance(error, EligibilityError):
        return f"error: a fault of the program: {type(error).__name__}: {error}"
    cause = error.__cause__ if isinstance(error, StorageError) else None
    return f"error: {error}" + (f"\n  the database says: {str(cause).strip()}" if cause else "")
