"""Deciding a recorded decision again: in a process of its own, since the engine never frees a ruleset."""

from datetime import UTC, datetime
from typing import Any, Final

import orjson
from litestar import Request, Response, post
from litestar.status_codes import HTTP_200_OK

from api.answers import answer, as_json
from api.auth import caller
from api.decisions import PATH, asked_about
from api.decisions_described import IDENTIFIER
from api.documented import Operation, Parameter, Success
from api.incoming import parameter_fault, parameters
from api.recording import record_access
from api.replay_schemas import Replay
from api.service import Service, service_of
from eligibility.again import Given, Recorded, Replayed
from eligibility.atoms import Questions
from eligibility.canonical import canonical, timestamp
from eligibility.decision import decision_document
from eligibility.elsewhere import deciding_elsewhere
from eligibility.errors import RulesetInvalid, UnacceptableRequest
from eligibility.reading import flatten
from eligibility.recall import recalled
from eligibility.replay import Changed, titled
from eligibility.storage import rulesets
from eligibility.storage.decisions import StoredDecision
from eligibility.storage.records import hash_bytes
from eligibility.wording import Subject

PATIENCE_SECONDS: Final = 20.0
"""How long the process may take for an answer; it needs less than one."""

REPLAY: Final = Operation(
    id="replay_decision",
    tag="Decisions",
    summary="Decide a recorded decision again",
    description=(
        "Decides the recorded facts again, under the recorded ruleset or another one that is kept, and says"
        " by rule what differs. Nothing is recorded but that somebody looked at a decision they did not ask"
        " for. Where texts were erased, the record still answers for them, as far as the ruleset asks nothing"
        " else of them."
    ),
    answers={200: Success("The decision, what is decided now, and what differs.", Replay, "replay")},
    problems=(400, 401, 403, 404, 422, 503),
    parameters=(
        IDENTIFIER,
        Parameter(
            "ruleset",
            "query",
            "The digest of the ruleset to decide under; without it, the recorded one.",
            {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"},
            "sha256:" + "0123456789abcdef" * 4,
        ),
    ),
)


@post(f"{PATH}/{{identifier:str}}/replay", status_code=HTTP_200_OK, opt=REPLAY.opt())
async def replay(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Decide the recorded facts again."""
    given = parameters(request, ("ruleset",))
    service = service_of(request)
    stored = await asked_about(request)
    digest = _digest(given.get("ruleset", stored.ruleset))
    try:
        found = await _decided_again(service, stored, digest)
    except RulesetInvalid as invalid:
        raise UnacceptableRequest([parameter_fault("ruleset", str(invalid))]) from None
    questions = await service.questions(stored.ruleset, stored.generation)
    other = questions if found.content is None else await service.questions(digest, stored.generation)
    document = _document(stored, found, questions, other)
    await record_access(service, caller(request), [stored])
    return answer(as_json(document))


def _digest(text: str) -> str:
    try:
        hash_bytes(text)
    except ValueError:
        detail = (
            "this is no digest: write `sha256:` and 64 hexadecimal digits, as `ruleset` of answers has it"
        )
        raise UnacceptableRequest([parameter_fault("ruleset", detail)]) from None
    return text


async def _decided_again(service: Service, stored: StoredDecision, digest: str) -> Replayed:
    """What comes of deciding again under the ruleset of that digest.

    Raises NotFound, RulesetInvalid, Refusal where too many wait, EngineFailure, EvaluatorsDisagree,
    StorageUnavailable.
    """
    kept = await rulesets.load(service.database, digest)
    recorded = Recorded(stored.ruleset, canonical(dict(stored.cells)), canonical(dict(stored.evaluation)))
    given = Given(stored.body, canonical(dict(stored.private)) if stored.private else None)
    async with (
        service.replays.turn(),
        deciding_elsewhere(kept.document, seconds=PATIENCE_SECONDS) as elsewhere,
    ):
        if digest != stored.ruleset:
            former = await rulesets.load(service.database, stored.ruleset)
            await elsewhere.know(stored.ruleset, former.document)
        return await elsewhere.again(recorded, given)


def _document(
    stored: StoredDecision, found: Replayed, questions: Questions, other: Questions
) -> dict[str, Any]:
    """What is answered. `questions` are those of the recorded ruleset, `other` those of the one used now."""
    again, replayed = found.again, None
    if found.content is not None:
        subject = Subject(other, flatten(stored.facts))
        made = decision_document(subject, orjson.loads(found.content))
        replayed = {"decided_at": timestamp(datetime.now(UTC)), **made}
    differs = again is not None and (not isinstance(again, Changed) or bool(again))
    differences = None
    if again is not None and differs:
        differences = titled(again.document(), questions.program, other.program)
    return {
        "recorded": recalled(questions, stored.evaluation, stored.facts, stored.id, stored.at),
        "replayed": replayed,
        "same": not differs,
        "differences": differences,
    }
