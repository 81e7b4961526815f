"""Proof to take away: receipts of decisions, and the newest signed block."""

from typing import Any, Final

from litestar import Request, Response, route

from api.answers import answer, as_json
from api.auth import caller
from api.decisions import PATH, asked_about
from api.decisions_described import IDENTIFIER
from api.documented import Operation, Parameter, Success
from api.incoming import flag, parameters
from api.log_schemas import Receipt, SignedBlock
from api.problems import Refusal
from api.recording import record_access
from api.service import Service, service_of
from eligibility.chain import signed_document
from eligibility.errors import Fault, UnacceptableRequest
from eligibility.receipt import receipt_document
from eligibility.storage.checkpoints import newest
from eligibility.storage.decisions import StoredDecision
from eligibility.storage.receipts import proof_of

RECEIPT: Final = Operation(
    id="read_receipt",
    tag="Audit log",
    summary="Take the proof that a decision stands in the log",
    description=(
        "The record, the hashes that lead from it to its block, the signed block, and how the key that signed"
        " it came to be. `tools/verify_receipt.py` checks it offline against the fingerprint of the log's "
        "first key, which has to be learnt another way. A portal takes those of its own decisions; that "
        "others take receipts of decisions they did not ask for is recorded before the answer."
    ),
    answers={200: Success("The receipt.", Receipt, "receipt")},
    problems=(400, 401, 403, 404, 422, 503),
    parameters=(
        IDENTIFIER,
        Parameter(
            "texts",
            "query",
            "Whether to add the free texts, such as names, that the record only commits to. Whoever gets the "
            "receipt then can read them, and they outlast their erasure here.",
            {"type": "string", "enum": ["true", "false"], "default": "false"},
            "true",
        ),
    ),
)
CHECKPOINT: Final = Operation(
    id="read_checkpoint",
    tag="Audit log",
    summary="Take the newest signed block of the log",
    description=(
        "Kept elsewhere, it pins every record up to its own: `eligibility audit verify --checkpoint` then "
        "finds whatever is changed, cut off or rewritten before it."
    ),
    answers={200: Success("The head of the newest block.", SignedBlock, "checkpoint")},
    problems=(401, 403, 404, 422, 503),
)


@route(f"{PATH}/{{identifier:str}}/receipt", http_method=["GET", "HEAD"], opt=RECEIPT.opt())
async def receipt(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Proof that a decision stands in the log."""
    faults: list[Fault] = []
    texts = flag("texts", parameters(request, ("texts",)), faults)
    if faults:
        raise UnacceptableRequest(faults)
    service, stored = service_of(request), await asked_about(request)
    document = await receipt_of(service, stored, texts=texts)
    await record_access(service, caller(request), [stored])
    return answer(as_json(document))


async def receipt_of(service: Service, stored: StoredDecision, *, texts: bool = False) -> dict[str, Any]:
    """The receipt of a decision. Raises Refusal, LogDamaged, StorageUnavailable."""
    proof = await proof_of(service.database, stored.id, texts=texts)
    if proof is None:
        raise Refusal("not-found", "this decision was recorded before the log was signed: it has no receipt")
    return receipt_document(proof.record, proof.keys, stored.evaluation, proof.texts)


@route("/v1/audit/checkpoint", http_method=["GET", "HEAD"], opt=CHECKPOINT.opt())
async def checkpoint(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The newest signed block."""
    parameters(request)
    found = await newest(service_of(request).database)
    if found is None:
        raise Refusal("not-found", "the log has no signed block yet")
    return answer(as_json(signed_document(*found)))
