"""Results of batches, streamed from what is committed, as far as there is any without a gap."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any, Final, NamedTuple, cast

import pyarrow.compute as pc
import uuid_utils.compat
from litestar import Request, Response, route
from litestar.background_tasks import BackgroundTask
from litestar.response import Stream
from litestar.status_codes import HTTP_200_OK

from api.answers import HEADERS, answer
from api.auth import caller
from api.batches import ONE, asked_about
from api.batches_described import FORMATS, MEDIA_TYPES, REFUSED, RESULTS
from api.filters import one_of, read_values
from api.incoming import parameters
from api.recording import ACCESS, CHANNEL
from api.service import Service, service_of
from eligibility.backlog.committed import Committed, Stored
from eligibility.backlog.formats import Format
from eligibility.backlog.writing import ResultWriter, result_writer
from eligibility.decider import Decider
from eligibility.recording import moment_of
from eligibility.storage.batch_reading import StoredSlice, reading_slices
from eligibility.storage.batches import Batch
from eligibility.storage.entries import Entry
from eligibility.storage.keys import Key

_FLAGS: Final = {"true": True, "false": False}


class _Written(NamedTuple):
    """How results are written: the format, whether with whole decisions, whether only refused lines."""

    form: Format
    full: bool
    refused: bool


@route(f"{ONE}/results", http_method=["GET", "HEAD"], status_code=HTTP_200_OK, opt=RESULTS.opt())
async def results(request: Request[Any, Any, Any]) -> Response[Any]:
    """What came of each row."""
    values = read_values(
        parameters(request, ("format", "full")),
        {
            "format": lambda value: one_of(value, FORMATS),
            "full": lambda value: _FLAGS[one_of(value, _FLAGS)],
        },
    )
    form = cast("Format", values.get("format", FORMATS[0]))
    return await _streamed(request, form, "results", full=bool(values.get("full", False)), refused=False)


@route(f"{ONE}/refused", http_method=["GET", "HEAD"], status_code=HTTP_200_OK, opt=REFUSED.opt())
async def refused(request: Request[Any, Any, Any]) -> Response[Any]:
    """The refused lines."""
    values = read_values(parameters(request, ("format",)), {"format": lambda value: one_of(value, FORMATS)})
    form = cast("Format", values.get("format", FORMATS[0]))
    return await _streamed(request, form, "refused", full=False, refused=True)


async def _streamed(
    request: Request[Any, Any, Any], form: Format, name: str, *, full: bool, refused: bool
) -> Response[Any]:
    service, key = service_of(request), caller(request)
    batch = await asked_about(request)
    found = await _slices(service, batch)
    headers = {
        "content-disposition": f'attachment; filename="{name}.{form}"',
        "batch-state": batch.state,
        "batch-rows": str(sum(each.rows for each in found)),
    }
    if request.method == "HEAD":  # nothing is shown, so there is nothing to record
        return answer(b"", media_type=MEDIA_TYPES[form], headers=headers)
    wanted = [each for each in found if each.refused] if refused else found
    pieces = _pieces(service, batch, key, wanted, _Written(form, full, refused))
    await anext(pieces)  # what fails until here is answered by a problem document
    end = BackgroundTask(pieces.aclose)  # where the caller has gone before the last piece
    return Stream(pieces, media_type=MEDIA_TYPES[form], headers={**HEADERS, **headers}, background=end)


async def _slices(service: Service, batch: Batch) -> list[StoredSlice]:
    """The slices from the first on, as far as they follow one another. Raises StorageUnavailable."""
    found: list[StoredSlice] = []
    async with reading_slices(service.database) as reader:
        while more := await reader.slices(batch.id, start=len(found)):
            for each in more:
                if each.number != len(found):
                    return found
                found.append(each)
    return found


async def _pieces(
    service: Service, batch: Batch, key: Key, slices: Sequence[StoredSlice], written: _Written
) -> AsyncGenerator[bytes]:
    """The bytes of the answer, after an empty piece once it is known to begin.

    Raises Refusal where too many are under way, StorageUnavailable.
    """
    async with service.results.turn(), reading_slices(service.database) as reader:
        if batch.actor != str(key.principal):
            await _record_access(service, batch, key)
        ruleset = await service.ruleset(batch.ruleset)
        committed = await asyncio.to_thread(lambda: Committed(Decider(ruleset)))
        writer = result_writer(written.form, full=written.full)
        yield b""
        yield writer.start()
        for each in slices:
            stored = await committed.read(reader, batch.id, each, full=written.full)
            piece = await asyncio.to_thread(_piece, writer, committed, stored, written)
            if piece:
                yield piece
        yield writer.end()


def _piece(writer: ResultWriter, committed: Committed, stored: Stored, written: _Written) -> bytes:
    table = committed.table(stored, full=written.full)
    return writer.write(table.filter(pc.is_valid(table["error"])) if written.refused else table)


async def _record_access(service: Service, batch: Batch, key: Key) -> None:
    """Record that another's batch is about to be shown. Raises StorageUnavailable: then it may not be."""
    identifier = uuid_utils.compat.uuid7()
    await service.log.append(
        Entry(
            kind=ACCESS,
            id=identifier,
            at=moment_of(identifier),
            actor=str(key.principal),
            channel=CHANNEL,
            facts={"batches": [str(batch.id)]},
        )
    )
