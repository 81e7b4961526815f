"""Every exception that this project raises on purpose.

EligibilityError
├── RequestRefused              the caller's request is at fault; nothing was decided or recorded
│   ├── UnreadableRequest         400: the bytes are no JSON
│   └── UnacceptableRequest       422: JSON, but no acceptable request
├── BacklogRefused              a file of requests is at fault as a whole, or cannot be read on
├── RulesetInvalid              the rules folder is at fault
├── EvaluatorsDisagree          503: the two evaluators gave different answers
├── EngineFailure               503: the rule engine refused to work
├── SettingsInvalid             an environment variable is at fault
├── ClusterFailed               the machines that share a backlog could not go on
├── CheckpointFailed            a checkpoint could not be kept outside the database
└── StorageError
    ├── StorageUnavailable        503: the database gave no answer, or none in time
    │   ├── LogBehind               503: the database lacks a block that was acknowledged
    │   └── SigningKeyMissing       503: the log is signed with a key that is not on this machine
    ├── RulesetReplaced           another policy was put in force meanwhile
    ├── IdempotencyConflict       409: the key was used for another request
    ├── Overtaken                 409: somebody else did it, or something else, first
    ├── ActRefused                409: as things stand, this may not be done to a ruleset, or not by them
    ├── Held                      409: a legal hold keeps it
    ├── RecordRefused             the database refused this one record
    ├── LogDamaged                what is stored does not prove what it should
    └── NotFound                  404
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


class EligibilityError(Exception):
    """Catch this to catch all of them. `str()` is one plain sentence that may be shown to people."""


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a request: where (a JSON pointer, RFC 6901), and what would be right."""

    pointer: str
    detail: str

    def __str__(self) -> str:
        return f"{self.pointer}: {self.detail}" if self.pointer else self.detail


class RequestRefused(EligibilityError):
    """Show the caller `problems`: each names the place and the remedy. Trying again unchanged is no use."""

    status: ClassVar[int] = 422

    def __init__(self, problems: Sequence[Fault]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.problems)  # as its argument, so that it crosses processes

    def __str__(self) -> str:
        return "; ".join(str(problem) for problem in self.problems)

    @property
    def sentence(self) -> str:
        """What to say in one sentence: the fault itself where there is one, else how many there are."""
        if len(self.problems) == 1:
            return str(self.problems[0])
        return f"{len(self.problems)} things are wrong with the request: each is named in `errors`"


class UnreadableRequest(RequestRefused):
    """The body could not be read as JSON: send one JSON value in UTF-8, without repeated members or NaN."""

    status: ClassVar[int] = 400


class UnacceptableRequest(RequestRefused):
    """The body is JSON but breaks the form of a request or contradicts itself: correct all that is named."""

    status: ClassVar[int] = 422


class BacklogRefused(EligibilityError):
    """The file, not one of its lines, is at fault: mend what `problems` name, then run it again.

    What was read before the place where a file cannot be read on may have been decided already.
    """

    def __init__(self, problems: Sequence[Fault]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "; ".join(str(problem) for problem in self.problems)


@dataclass(frozen=True)
class RuleFault:
    """One thing that is wrong in the rules folder: file and line (from 1, if known), what, and the remedy."""

    file: str
    line: int | None
    detail: str
    remedy: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.detail}: {self.remedy}"


class RulesetInvalid(EligibilityError):
    """The rules cannot be put to use. `faults` are all there are: mend them and check again."""

    def __init__(self, faults: Sequence[RuleFault]) -> None:
        self.faults = tuple(faults)
        super().__init__(self.faults)

    def __str__(self) -> str:
        return "\n".join(str(fault) for fault in self.faults)


class EvaluatorsDisagree(EligibilityError):
    """The two evaluators differ, so there is no answer: keep the logged pattern as a test."""


class EngineFailure(EligibilityError):
    """The rule engine did what it never should: nothing was decided. Look at the log, restart the process."""


class SettingsInvalid(EligibilityError):
    """An environment variable holds a value that cannot be used; the message names it and what is right."""


class ClusterFailed(EligibilityError):
    """See to the cluster as the message says, then run the same command again: it goes on from there."""


class CheckpointFailed(EligibilityError):
    """The log itself is not touched by it: see to the file or the receiver; the service tries again."""


class StorageError(EligibilityError):
    """Something about the database or the log. What was not acknowledged must not be relied upon."""


class StorageUnavailable(StorageError):
    """Try again after `retry_after` seconds with the same idempotency key: it may have been committed."""

    def __init__(self, message: str, *, retry_after: int = 1) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class LogBehind(StorageUnavailable):
    """The database came back without a block that was acknowledged: see that the right server is primary."""


class SigningKeyMissing(StorageUnavailable):
    """Put the log's active key into this machine's key file: the one there was rotated, or is wrong."""


class RulesetReplaced(StorageError):
    """Decide again: another ruleset was put in force between the evaluation and its record."""


class IdempotencyConflict(StorageError):
    """Use a new idempotency key: this one belongs to a request with another body."""


class Overtaken(StorageError):
    """Look again, then decide whether it is still to be done: what the act rests on has changed meanwhile."""


class ActRefused(StorageError):
    """Do first what the message names, or let somebody else do it. Nothing was recorded."""


class Held(StorageError):
    """A legal hold keeps what was to be taken away: nothing was. Ask whoever set the hold to release it."""


class RecordRefused(StorageError):
    """A fault of ours, not of the database: the record breaks a rule of its tables. Nothing was recorded."""


class LogDamaged(StorageError):
    """Somebody or something changed the database behind the log's back: verify it, and keep it as it is."""


class NotFound(StorageError):
    """There is no such thing, or the caller may not know of it."""
