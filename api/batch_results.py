"""Results of batches, streamed from what is committed, as far as there is any without a gap.

Each answer has a connection and a thread of its own, so that neither readers nor decisions wait for it.
"""

import asyncio
from collections.abc import AsyncGenerator, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from typing import Any, Final, NamedTuple, cast
from uuid import UUID

import pyarrow.compute as pc
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
from api.recording import CHANNEL, record_look
from api.service import Service, service_of
from eligibility.backlog.committed import Committed
from eligibility.backlog.formats import Format
from eligibility.backlog.writing import result_writer
from eligibility.decider import Decider
from eligibility.ruleset import Ruleset
from eligibility.storage.batch_reading import StoredSlice, reading_slices
from eligibility.storage.batches import Batch
from eligibility.storage.database import Database
from eligibility.storage.keys import Key

_FLAGS: Final = {"true": True, "false": False}


class Looking(NamedTuple):
    """Who looks at results, and on which channel."""

    key: Key
    channel: str


class _Written(NamedTuple):
    """How results are written: the format, whether with whole decisions, whether only refused lines."""

    form: Format
    full: bool
    refused: bool


@route(f"{ONE}/results", http_method=["GET", "HEAD"], status_code=HTTP_200_OK, opt=RESULTS.opt())
async def results(request: Request[Any, Any, Any]) -> Response[Any]:
    """What came of each row."""
    return await results_of(request)


@route(f"{ONE}/refused", http_method=["GET", "HEAD"], status_code=HTTP_200_OK, opt=REFUSED.opt())
async def refused(request: Request[Any, Any, Any]) -> Response[Any]:
    """The refused lines."""
    return await refused_of(request)


async def results_of(request: Request[Any, Any, Any], *, channel: str = CHANNEL) -> Response[Any]:
    """The results of the batch that the path names, as the query asks; that one looks is recorded first.

    Raises Refusal, UnacceptableRequest, StorageUnavailable.
    """
    values = read_values(
        parameters(request, ("format", "full")),
        {
            "format": lambda value: one_of(value, FORMATS),
            "full": lambda value: _FLAGS[one_of(value, _FLAGS)],
        },
    )
    form = cast("Format", values.get("format", FORMATS[0]))
    return await _streamed(
        request, "results", _Written(form, bool(values.get("full", False)), refused=False), channel
    )


async def refused_of(request: Request[Any, Any, Any], *, channel: str = CHANNEL) -> Response[Any]:
    """The refused lines of the batch that the path names. Recorded, and raises, as `results_of`."""
    values = read_values(parameters(request, ("format",)), {"format": lambda value: one_of(value, FORMATS)})
    form = cast("Format", values.get("format", FORMATS[0]))
    return await _streamed(request, "refused", _Written(form, full=False, refused=True), channel)


async def _streamed(
    request: Request[Any, Any, Any], name: str, written: _Written, channel: str
) -> Response[Any]:
    service, key = service_of(request), caller(request)
    batch = await asked_about(request)
    found = await _slices(service, batch)
    headers = {
        "content-disposition": f'attachment; filename="{name}.{written.form}"',
        "batch-state": batch.state,
        "batch-rows": str(sum(each.rows for each in found)),
    }
    if request.method == "HEAD":  # nothing is shown, so there is nothing to record
        return answer(b"", media_type=MEDIA_TYPES[written.form], headers=headers)
    wanted = [each for each in found if each.refused] if written.refused else found
    pieces = _pieces(service, batch, Looking(key, channel), wanted, written)
    await anext(pieces)  # what fails until here is answered by a problem document
    end = BackgroundTask(pieces.aclose)  # where the caller has gone before the last piece
    return Stream(
        pieces, media_type=MEDIA_TYPES[written.form], headers={**HEADERS, **headers}, background=end
    )


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
    service: Service, batch: Batch, looking: Looking, slices: Sequence[StoredSlice], written: _Written
) -> AsyncGenerator[bytes]:
    """The bytes of the answer, after an empty piece once it is known to begin.

    Raises Refusal where too many are under way, StorageUnavailable.
    """
    async with service.results.turn():
        await record_look_at(service, batch, looking)
        ruleset = await service.ruleset(batch.ruleset)
        thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="results")
        pieces = _rendered(service.database, ruleset, batch.id, slices, written)
        try:
            yield b""
            while (piece := await _next(thread, pieces)) is not None:
                if piece:
                    yield piece
        finally:
            thread.submit(pieces.close)  # in its turn, for a piece may still be in the making
            thread.shutdown(wait=False)


async def _next(thread: ThreadPoolExecutor, pieces: Iterator[bytes]) -> bytes | None:
    piece: bytes | None = await asyncio.get_running_loop().run_in_executor(thread, next, pieces, None)
    return piece


async def record_look_at(service: Service, batch: Batch, looking: Looking) -> None:
    """Record that what is in a batch is about to be shown, where it is somebody else's.

    Raises StorageUnavailable, and then nothing may be shown.
    """
    if batch.actor != str(looking.key.principal):
        await record_look(service, looking.key, {"batches": [str(batch.id)]}, channel=looking.channel)


def _rendered(
    database: Database, ruleset: Ruleset, batch: UUID, slices: Sequence[StoredSlice], written: _Written
) -> Generator[bytes]:
    """Results, slice by slice, read over a connection and in an event loop of their own."""
    with asyncio.Runner() as runner:
        held = AsyncExitStack()
        try:
            reader = runner.run(held.enter_async_context(reading_slices(database)))
            committed = Committed(Decider(ruleset))
            writer = result_writer(written.form, full=written.full)
            yield writer.start()
            for each in slices:
                stored = runner.run(committed.read(reader, batch, each, full=written.full))
                table = committed.table(stored, full=written.full)
                yield writer.write(table.filter(pc.is_valid(table["error"])) if written.refused else table)
            yield writer.end()
        finally:
            runner.run(held.aclose())
