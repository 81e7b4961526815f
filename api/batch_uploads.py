"""Uploads of backlogs: streamed to a file, looked through, stored in pieces, and put into the queue.

Nothing is half done. A file that cannot be used leaves nothing behind; what is answered is stored.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, NamedTuple
from uuid import UUID

import uuid_utils.compat
from litestar import Request, Response, post
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.status_codes import HTTP_202_ACCEPTED

from api.answers import answer, as_json
from api.auth import caller
from api.batches import PATH, batch_document
from api.batches_described import CSV, FORMATS, JSONL, PARQUET, UPLOAD
from api.filters import one_of, read_values
from api.incoming import header, parameters
from api.problems import Refusal
from api.recording import CHANNEL
from api.service import Service, service_of
from eligibility.backlog.cutting import Piece, cut
from eligibility.backlog.formats import Compression, Format
from eligibility.backlog.parts import packed
from eligibility.errors import Overtaken, StorageUnavailable
from eligibility.storage import batches
from eligibility.storage.batch_parts import StoredPart, delete_parts, store_parts
from eligibility.storage.batch_slices import LARGEST_SLICE
from eligibility.storage.batches import By, Input
from eligibility.storage.keys import Key
from eligibility.storage.queue import deferred

TIMES_UNPACKED: Final = 8
"""How many times as large as the limit for what is sent a file may be once it is unpacked."""

BUFFER: Final = 1024 * 1024
"""Bytes of a body that are gathered before they are written to a file."""

_RETRY_SECONDS: Final = 30
_TRIES: Final = 3
_TYPES: Final[Mapping[str, Format]] = {
    JSONL: "jsonl",
    "application/x-ndjson": "jsonl",
    "application/x-jsonlines": "jsonl",
    CSV: "csv",
    PARQUET: "parquet",
    "application/x-parquet": "parquet",
}
_ENCODINGS: Final[Mapping[str, Compression]] = {
    "": None,
    "identity": None,
    "gzip": "gzip",
    "x-gzip": "gzip",
    "zstd": "zstd",
}


class Sent(NamedTuple):
    """Who sent a backlog, and on which channel."""

    key: Key
    channel: str


@post(PATH, status_code=HTTP_202_ACCEPTED, request_max_body_size=None, opt=UPLOAD.opt())
async def upload(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Take a backlog."""
    service, key = service_of(request), caller(request)
    form, compression = _kind(request)
    await require_room(service, key)
    async with service.uploads.turn():
        with tempfile.TemporaryFile() as file:
            await _receive(request, file, service.settings.batch_bytes)
            identifier = await take(service, Sent(key, CHANNEL), file, form, compression)
    batch = await batches.find(service.database, identifier)
    if batch is None:
        raise StorageUnavailable("the batch was stored, and cannot be read at the moment")
    return answer(
        as_json(await batch_document(service, batch)),
        status=HTTP_202_ACCEPTED,
        headers={"location": f"{PATH}/{batch.id}"},
    )


def _kind(request: Request[Any, Any, Any]) -> tuple[Format, Compression]:
    """What is sent, and how it is compressed. Raises Refusal, UnacceptableRequest."""
    values = read_values(parameters(request, ("format",)), {"format": lambda value: one_of(value, FORMATS)})
    types = header(request, b"content-type")
    name, _, rest = (types[0] if types else b"").decode("latin-1").lower().partition(";")
    form = values.get("format") or _TYPES.get(name.strip())
    charset = rest.replace(" ", "").replace('"', "")
    if form not in FORMATS or ("charset=" in charset and "charset=utf-8" not in charset):
        wanted = ", ".join(f"`{each}`" for each in (JSONL, CSV, PARQUET))
        raise Refusal(
            "wrong-type",
            f"the body must be one of {wanted}, in UTF-8: say so in `Content-Type`, or by `?format=`",
        )
    sent = [value.decode("latin-1").strip().lower() for value in header(request, b"content-encoding")]
    if len(sent) > 1 or any(each not in _ENCODINGS for each in sent):
        raise Refusal("wrong-type", "the body can be compressed by `gzip` or `zstd`, and by nothing else")
    return form, _ENCODINGS[sent[0]] if sent else None


async def require_room(service: Service, key: Key) -> None:
    """See that the caller has not too many batches under way. Raises Refusal."""
    most = service.settings.batches_per_key
    if await batches.running_of(service.database, str(key.principal)) >= most:
        raise Refusal(
            "too-many",
            f"{most} of your batches are under way, and no more may be: wait until one has ended",
            headers={"retry-after": str(_RETRY_SECONDS)},
        )


async def _receive(request: Request[Any, Any, Any], file: BinaryIO, most: int) -> None:
    """Stream the body into a file. Raises Refusal, RequestEntityTooLarge."""
    buffer = bytearray()
    async for chunk in body_of(request, most):
        buffer += chunk
        if len(buffer) >= BUFFER:
            await asyncio.to_thread(file.write, bytes(buffer))
            buffer.clear()
    await asyncio.to_thread(file.write, bytes(buffer))
    await asyncio.to_thread(file.seek, 0)


async def body_of(request: Request[Any, Any, Any], most: int) -> AsyncIterator[bytes]:
    """The body as it comes, of at most that many bytes. Raises Refusal, RequestEntityTooLarge."""
    announced = header(request, b"content-length")
    if announced and int(announced[0]) > most:
        raise RequestEntityTooLarge
    size, more = 0, True
    while more:
        event = await request.receive()
        if event["type"] != "http.request":
            raise Refusal("unreadable", "the body ended before it was complete")
        size += len(event["body"])
        if size > most:
            raise RequestEntityTooLarge
        yield event["body"]
        more = event["more_body"]


async def take(service: Service, sent: Sent, file: BinaryIO, form: Format, compression: Compression) -> UUID:
    """Store a backlog and put it into the queue; the id of its batch.

    Raises BacklogRefused, Refusal, StorageUnavailable.
    """
    settings = service.settings
    identifier = uuid_utils.compat.uuid7()
    pieces = await asyncio.to_thread(cut, file, form, compression, LARGEST_SLICE)
    counted = _Counted(settings.batch_lines, settings.batch_bytes * TIMES_UNPACKED)
    parts = await store_parts(service.database, identifier, counted.parts(pieces))
    try:
        await require_room(service, sent.key)  # others may have come first
        await _begin(service, sent, identifier, form, parts, counted.rows)
    except StorageUnavailable:  # it may have begun: if it has not, what is stored is swept
        raise
    except BaseException:
        await delete_parts(service.database, identifier)
        raise
    return identifier


@dataclass
class _Counted:
    """Counts what is stored of a file, and sees that it is within limits: rows, and bytes unpacked."""

    most_rows: int
    most_bytes: int
    rows: int = 0
    size: int = 0

    async def parts(self, pieces: Iterator[Piece]) -> AsyncIterator[StoredPart]:
        """The pieces, each made in a thread, as they are stored. Raises BacklogRefused, Refusal."""
        while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
            self.rows, self.size = self.rows + piece.count, self.size + len(piece.content)
            if self.rows > self.most_rows:
                raise Refusal(
                    "too-large", f"the file has more than {self.most_rows:,} lines: send it in parts"
                )
            if self.size > self.most_bytes:
                detail = f"unpacked, the file has more than {self.most_bytes:,} bytes: send it in parts"
                raise Refusal("too-large", detail)
            yield await asyncio.to_thread(packed, piece)


async def _begin(service: Service, sent: Sent, batch: UUID, form: Format, parts: int, rows: int) -> None:
    """Begin a batch under the ruleset in force, with its jobs in the queue. Raises StorageUnavailable."""
    what = Input(form, rows, parts, jobs=deferred(batch, parts))
    by = By(str(sent.key.principal), sent.channel)
    for attempt in range(_TRIES):
        digest = (await service.in_force.current()).ruleset.digest
        try:
            await batches.begin(service.log, what, by, ruleset=digest, batch=batch)
        except Overtaken:  # another ruleset was put in force
            if attempt == _TRIES - 1:
                raise
            await service.in_force.refresh()
        else:
            return
