"""Whether the service lives and can work, for those who run it."""

from typing import Any, Final

from litestar import Request, Response, route
from litestar.status_codes import HTTP_200_OK

from api.answers import answer, as_json
from api.auth import identified
from api.documented import Operation, Success
from api.problems import KINDS, Problem, Refusal, problem_answer
from api.roles import WATCHING
from api.schemas import Alive, Ready
from api.service import Service, service_of
from eligibility.errors import StorageError, StorageUnavailable
from eligibility.storage.status import status

LIVE: Final = Operation(
    id="live",
    tag="Operation",
    summary="Whether the process answers",
    description="Says nothing about the database: restart the process where this fails, and only then.",
    answers={200: Success("It does.", Alive, "live")},
)
READY: Final = Operation(
    id="ready",
    tag="Operation",
    summary="Whether decisions can be made and recorded",
    description=(
        "Asks the database each time. With a key of the roles `monitor`, `auditor` or `admin` it also says "
        "how the database and the log stand; without one, or where the key cannot be checked, only whether "
        "it works."
    ),
    answers={200: Success("They can.", Ready, "ready")},
    problems=(503,),
)


@route("/health/live", http_method=["GET", "HEAD"], status_code=HTTP_200_OK, opt=LIVE.opt())
async def live(request: Request[Any, Any, Any]) -> Response[bytes]:  # noqa: ARG001 - the framework hands it over by this name; the answer is the same for all
    """Always, while the process answers at all."""
    return answer(b'{"status":"ok"}')


@route("/health/ready", http_method=["GET", "HEAD"], status_code=HTTP_200_OK, opt=READY.opt())
async def ready(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Whether the database can take a decision now."""
    service = service_of(request)
    watches = await _watches(request, service)
    try:
        service.log.require_key(await service.database.ready())
        details = await _details(service) if watches else {}
    except StorageError as error:
        retry_after = error.retry_after if isinstance(error, StorageUnavailable) else 1
        return problem_answer(
            Problem(
                KINDS["unavailable"],
                str(error) if watches else "decisions cannot be recorded at the moment",
                headers={"retry-after": str(retry_after)},
                members={"backlog": service.log.backlog} if watches else None,
            )
        )
    return answer(as_json({"status": "ready", **details}))


async def _watches(request: Request[Any, Any, Any], service: Service) -> bool:
    """Whether the caller may see details. A key that cannot be checked must not fail the check of health."""
    try:
        key = await identified(request, service)
    except (Refusal, StorageError):
        return False
    return key is not None and key.role in WATCHING


async def _details(service: Service) -> dict[str, Any]:
    found = await status(service.database)
    ruleset = service.in_force.decider.ruleset
    return {
        "database": {"migration": found.revision},
        "log": {
            "block": found.block,
            "next_sequence": found.next_sequence,
            "backlog": service.log.backlog,
        },
        "ruleset": {
            "version": ruleset.version,
            "digest": ruleset.digest,
            "in_force": found.ruleset,
        },
    }
