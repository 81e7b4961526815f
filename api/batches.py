"""Batches: listing them, seeing how far they are, cancelling them."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, cast
from uuid import UUID

from litestar import Request, Response, post, route
from litestar.status_codes import HTTP_200_OK, HTTP_204_NO_CONTENT

from api.answers import answer, as_json
from api.auth import caller, own_only
from api.batches_described import CANCEL, LIST, READ
from api.filters import Wrong, page_size, read_values
from api.incoming import parameters
from api.problems import Refusal
from api.recording import CHANNEL
from api.service import Service, service_of
from eligibility.canonical import timestamp
from eligibility.refusals import shown
from eligibility.storage import batches
from eligibility.storage.batches import Batch, By
from eligibility.storage.decisions import DEFAULT_LIMIT
from eligibility.storage.keys import names_of
from eligibility.storage.queue import withdraw
from eligibility.storage.records import principal_id

PATH: Final = "/v1/batches"
ONE: Final = f"{PATH}/{{identifier:str}}"
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@route(PATH, http_method=["OPTIONS"])
async def methods(request: Request[Any, Any, Any]) -> Response[bytes]:  # noqa: ARG001 - the framework hands it over by this name; the answer is the same for all
    """What the framework would say, did it not overlook that two handlers share the path."""
    return answer(b"", status=HTTP_204_NO_CONTENT, headers={"allow": "GET, HEAD, OPTIONS, POST"})


@route(PATH, http_method=["GET", "HEAD"], status_code=HTTP_200_OK, opt=LIST.opt())
async def list_all(request: Request[Any, Any, Any]) -> Response[bytes]:
    """A page of batches, newest first."""
    service, key = service_of(request), caller(request)
    values = read_values(parameters(request, ("limit", "cursor")), {"limit": page_size, "cursor": batch_id})
    limit = cast("int", values.get("limit", DEFAULT_LIMIT))
    before = cast("UUID | None", values.get("cursor"))
    found = await batches.listed(service.database, mine=own_only(key), before=before, limit=limit + 1)
    page = await batch_documents(service, found[:limit])
    return answer(as_json({"batches": page, "next": page[-1]["id"] if len(found) > limit else None}))


@route(ONE, http_method=["GET", "HEAD"], status_code=HTTP_200_OK, opt=READ.opt())
async def read(request: Request[Any, Any, Any]) -> Response[bytes]:
    """One batch."""
    parameters(request)
    return answer(as_json(await batch_document(service_of(request), await asked_about(request))))


@post(f"{ONE}/cancel", status_code=HTTP_200_OK, opt=CANCEL.opt())
async def cancel(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Let nothing more of a batch be decided."""
    parameters(request)
    service, batch = service_of(request), await asked_about(request)
    await cancel_batch(service, batch, By(str(caller(request).principal), CHANNEL))
    return answer(as_json(await batch_document(service, await asked_about(request))))


async def cancel_batch(service: Service, batch: Batch, by: By) -> None:
    """End a batch, and take what is left of it out of the queue.

    Raises ActRefused where it ended otherwise, Overtaken, StorageUnavailable.
    """
    await batches.cancel(service.log, service.database, batch.id, by)
    await withdraw(service.database, batch.id)


async def asked_about(request: Request[Any, Any, Any]) -> Batch:
    """The batch that the path names, if the caller may see it. Raises Refusal, StorageUnavailable."""
    return await seen_by_caller(request, request.path_params["identifier"])


async def seen_by_caller(request: Request[Any, Any, Any], identifier: str) -> Batch:
    """The batch of that id, if the caller may see it. Raises Refusal, StorageUnavailable."""
    mine, found = own_only(caller(request)), None
    if _UUID.fullmatch(identifier):
        found = await batches.find(service_of(request).database, UUID(identifier), mine=mine)
    if found is None:
        raise Refusal("not-found", "there is no batch with this id, or it is not yours to see")
    return found


async def batch_document(service: Service, batch: Batch) -> dict[str, Any]:
    """A batch as callers see it. Raises StorageUnavailable."""
    [document] = await batch_documents(service, [batch])
    return document


async def batch_documents(service: Service, found: Sequence[Batch]) -> list[dict[str, Any]]:
    """Batches as callers see them. Raises StorageUnavailable."""
    names = await names_of(service.database, {principal_id(each.actor) for each in found})
    return [
        told(each, await service.version_of(each.ruleset), names.get(principal_id(each.actor), each.actor))
        for each in found
    ]


def told(batch: Batch, version: str, requested_by: str) -> dict[str, Any]:
    """A batch as callers see it, decided under a ruleset of that version."""
    progress = batch.progress
    seconds = ((batch.ended_at or datetime.now(UTC)) - batch.started_at).total_seconds()
    return {
        "id": str(batch.id),
        "state": batch.state,
        "format": batch.format,
        "requested_by": requested_by,
        "ruleset": {"version": version, "digest": batch.ruleset},
        "rows": batch.rows,
        "decided": progress.decided,
        "refused": progress.refused,
        "outcomes": progress.outcomes,
        "rows_per_second": round(progress.rows / max(seconds, 0.001), 1),
        "started_at": timestamp(batch.started_at),
        "ended_at": None if batch.ended_at is None else timestamp(batch.ended_at),
        "problem": batch.problem,
    }


def batch_id(value: str) -> UUID:
    """A batch's id, as cursors are. Raises Wrong."""
    if not _UUID.fullmatch(value):
        raise Wrong(f"{shown(value)} is no cursor: take `next` of the page before")
    return UUID(value)
