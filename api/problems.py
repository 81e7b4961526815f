"""Every error as a problem document (RFC 9457), and what each kind of problem means."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import uuid_utils.compat
from litestar import Request
from litestar.exceptions import HTTPException

from api.answers import PROBLEM_JSON, Answer, answer, as_json
from eligibility.errors import (
    ActRefused,
    BacklogRefused,
    EngineFailure,
    EvaluatorsDisagree,
    Fault,
    Held,
    IdempotencyConflict,
    NotFound,
    Overtaken,
    RequestRefused,
    RulesetReplaced,
    SigningKeyMissing,
    StorageUnavailable,
)

logger = logging.getLogger(__name__)

KINDS_PATH: Final = "/schema/problems"
_AFTER_A_FAULT: Final = 30
"""Seconds. A fault of the evaluators does not go away by itself; this keeps callers from hammering at it."""


@dataclass(frozen=True)
class Kind:
    """A kind of problem: its name in `type`, its status, its title, and what a caller can do about it."""

    name: str
    status: int
    title: str
    remedy: str

    @property
    def type(self) -> str:
        """The address that identifies the kind, and describes it."""
        return f"{KINDS_PATH}#{self.name}"


KINDS: Final = {
    kind.name: kind
    for kind in (
        Kind(
            "unreadable", 400, "The request cannot be read", "Send what the description of the call asks for."
        ),
        Kind("key-needed", 401, "A key is needed", "Send `Authorization: Bearer KEY` with a key that works."),
        Kind("not-allowed", 403, "The key does not allow this", "Use a key of a role that may."),
        Kind("not-found", 404, "There is no such thing", "Check the address; others' things are not shown."),
        Kind("wrong-method", 405, "The method is not allowed here", "Use one of those that `Allow` names."),
        Kind("key-reused", 409, "The idempotency key was used before", "Use a new key for another request."),
        Kind(
            "overtaken", 409, "Something else was done first", "Look again, then decide whether to repeat it."
        ),
        Kind("held", 409, "A legal hold keeps it", "Ask whoever set the hold to release it."),
        Kind(
            "not-possible",
            409,
            "This cannot be done as things stand",
            "Do first what `detail` names, or let somebody else do it.",
        ),
        Kind(
            "too-large",
            413,
            "The body is too large",
            "Send less; the description of the call names the limit.",
        ),
        Kind(
            "wrong-type",
            415,
            "The type of the body is not read",
            "Send what the description of the call names, such as `application/json` in UTF-8.",
        ),
        Kind("unacceptable", 422, "The request is not acceptable", "Correct everything that `errors` names."),
        Kind(
            "too-many",
            429,
            "Too much is under way at once",
            "Wait for what is under way, then try again after `Retry-After` seconds.",
        ),
        Kind("fault", 500, "Something went wrong here", "Report it with the `instance` of the answer."),
        Kind("unavailable", 503, "No answer at the moment", "Try again after `Retry-After` seconds."),
    )
}
_BY_STATUS: Final = {kind.status: kind for kind in reversed(KINDS.values())}
_OF_STORAGE: Final[Mapping[type[Exception], Kind]] = {
    IdempotencyConflict: KINDS["key-reused"],
    Overtaken: KINDS["overtaken"],
    ActRefused: KINDS["not-possible"],
    Held: KINDS["held"],
    NotFound: KINDS["not-found"],
}


class Refusal(Exception):
    """A request that the HTTP layer itself refuses, for one of the known kinds of problems."""

    def __init__(
        self,
        kind: str,
        detail: str,
        *,
        errors: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = KINDS[kind]
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})


@dataclass(frozen=True)
class Problem:
    """What is answered instead of what was asked for. `members` are those beyond the RFC's own."""

    kind: Kind
    detail: str
    errors: tuple[Fault, ...] = ()
    headers: Mapping[str, str] | None = None
    members: Mapping[str, Any] | None = None

    def document(self, instance: str) -> dict[str, Any]:
        """The problem document; `instance` is what the logs know this occurrence by."""
        document: dict[str, Any] = {
            "type": self.kind.type,
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
            "instance": instance,
        }
        if self.errors:
            document["errors"] = [{"pointer": each.pointer, "detail": each.detail} for each in self.errors]
        return {**document, **(self.members or {})}


def problem_of(error: Exception) -> Problem:
    """The problem that an error is to a caller. Of faults of ours, nothing is told."""
    match error:
        case Refusal():
            problem = Problem(error.kind, error.detail, error.errors, error.headers)
        case RequestRefused():
            problem = Problem(_BY_STATUS[error.status], error.sentence, error.problems)
        case BacklogRefused():
            problem = Problem(KINDS["unacceptable"], _of_file(error), error.problems)
        case SigningKeyMissing():  # which key lies where is for the logs
            problem = _unavailable("the log cannot be signed at the moment", error.retry_after)
        case StorageUnavailable():
            problem = _unavailable(str(error), error.retry_after)
        case RulesetReplaced():
            problem = _unavailable(str(error), 1)
        case EvaluatorsDisagree() | EngineFailure():
            problem = _unavailable("the request could not be decided reliably, so it was not", _AFTER_A_FAULT)
        case IdempotencyConflict() | Overtaken() | ActRefused() | Held() | NotFound():
            problem = Problem(_OF_STORAGE[type(error)], str(error))
        case HTTPException():
            problem = _of_framework(error)
        case _:
            problem = Problem(
                KINDS["fault"], "the fault is logged: report it with the instance of this answer"
            )
    return problem


def _of_file(error: BacklogRefused) -> str:
    if len(error.problems) == 1:
        return str(error)
    return f"{len(error.problems)} things are wrong with the file: each is named in `errors`"


def _unavailable(detail: str, retry_after: int) -> Problem:
    return Problem(KINDS["unavailable"], detail, headers={"retry-after": str(retry_after)})


def _of_framework(error: HTTPException) -> Problem:
    """Errors of routing and reading. Their own words are left out, since they may repeat what was sent."""
    kind = _BY_STATUS.get(error.status_code)
    if kind is None:
        is_ours = error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR
        kind = KINDS["fault" if is_ours else "unreadable"]
    detail = kind.title[:1].lower() + kind.title[1:] + ": " + kind.remedy[:1].lower() + kind.remedy[1:-1]
    headers = dict(error.headers or {})
    if "allow" in headers:
        headers["allow"] = ", ".join(sorted(headers["allow"].split(", ")))
    return Problem(kind, detail, headers=headers)


def problem_answer(problem: Problem, instance: str | None = None) -> Answer:
    """The answer that carries a problem document."""
    document = problem.document(instance or new_instance())
    return answer(
        as_json(document), status=problem.kind.status, media_type=PROBLEM_JSON, headers=problem.headers
    )


def new_instance() -> str:
    """A name for one occurrence of a problem."""
    return f"urn:uuid:{uuid_utils.compat.uuid7()}"


def log_fault(problem: Problem, error: Exception, instance: str) -> None:
    """Log an error where it is a fault of ours, under the name that the caller is told."""
    if problem.kind.name == "fault":
        logger.error("%s: %s", instance, type(error).__name__, exc_info=error)
    elif isinstance(error, EvaluatorsDisagree | EngineFailure):
        logger.error("%s: %s", instance, error)


def answer_error(_request: Request[Any, Any, Any], error: Exception) -> Answer:
    """Answer an error, whichever it is, and log those that are faults of ours."""
    problem, instance = problem_of(error), new_instance()
    log_fault(problem, error, instance)
    return problem_answer(problem, instance)
