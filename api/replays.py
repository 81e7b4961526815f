"""Deciding recorded decisions again."""

from typing import Any, Final
from uuid import UUID

from litestar import Request, Response, post
from litestar.status_codes import HTTP_200_OK

from api.answers import answer, as_json
from api.auth import caller
from api.decisions import UUID_PATTERN, absent
from api.documented import Operation, Parameter, Success
from api.incoming import parameters
from api.recording import record_access
from api.ruleset_schemas import Replay as ReplayAnswer
from api.service import Service, service_of
from eligibility.replay import titled
from eligibility.replaying import Replay, replay
from eligibility.storage.decisions import StoredDecision, decision
from eligibility.storage.rulesets import StoredRuleset

REPLAY: Final = Operation(
    id="replay_decision",
    tag="Decisions",
    summary="Decide a recorded decision again",
    description=(
        "Under the ruleset that it was recorded under, to see that it comes out the same to the last byte; "
        "or under another that the log keeps. What differs is listed by rule. Where texts were erased and "
        "the other ruleset would need them, it cannot be decided again, which is said in `difference`. "
        "Nothing is recorded but that somebody looked at a decision that others asked for."
    ),
    answers={200: Success("What came of it.", ReplayAnswer, "replay")},
    problems=(401, 403, 404, 409, 422, 503),
    parameters=(
        Parameter(
            "identifier",
            "path",
            "The decision's `id`.",
            {"type": "string", "format": "uuid"},
            "01982c3e-5a00-7000-8000-000000000001",
            required=True,
        ),
        Parameter(
            "ruleset",
            "query",
            "The digest of the ruleset to decide under; the recorded one where it is left out.",
            {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"},
            "sha256:" + "0" * 64,
        ),
    ),
)


@post("/v1/decisions/{identifier:str}/replay", status_code=HTTP_200_OK, opt=REPLAY.opt())
async def replay_decision(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Decide it again, and say what differs."""
    given = parameters(request, ("ruleset",))
    service, key = service_of(request), caller(request)
    identifier: str = request.path_params["identifier"]
    stored = None
    if UUID_PATTERN.fullmatch(identifier):
        stored = await decision(service.database, UUID(identifier))
    if stored is None:
        raise await absent(service, identifier, key)
    await record_access(service, key, [stored])
    async with service.replays:
        made = await replay(service.database, stored, given.get("ruleset"))
    return answer(as_json(await _told(service, stored, made)))


async def _told(service: Service, stored: StoredDecision, made: Replay) -> dict[str, Any]:
    difference = made.found.again.document() if made.found.again is not None else None
    if difference is not None and "rules" in difference:
        sides = [
            await service.questions(each.digest, stored.generation) for each in (made.before, made.after)
        ]
        difference = titled(difference, *(side.program for side in sides))
    return replay_document(stored, made, difference)


def replay_document(
    stored: StoredDecision, made: Replay, difference: dict[str, Any] | None
) -> dict[str, Any]:
    """What came of deciding again, as it is answered."""
    return {
        "id": str(stored.id),
        "recorded_under": _named(made.before),
        "decided_under": _named(made.after),
        "is_same": made.is_same,
        "outcomes": {"before": stored.outcome, "after": made.outcome},
        "difference": difference,
    }


def _named(ruleset: StoredRuleset) -> dict[str, str]:
    return {"version": ruleset.version, "digest": ruleset.digest}
