"""Exports of the log over HTTP: recorded before anything leaves, then streamed.

Each has a connection and a thread of its own, so that neither readers nor decisions wait for it.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, Final, cast

from litestar import Request, Response, route
from litestar.background_tasks import BackgroundTask
from litestar.response import Stream
from litestar.status_codes import HTTP_200_OK

from api.answers import HEADERS, answer
from api.auth import caller
from api.exports_described import EXPORT
from api.filters import Wrong, moment, one_of, read_values
from api.incoming import parameter_fault, parameters
from api.problems import Refusal
from api.recording import CHANNEL
from api.roles import WHOLE_LOG
from api.service import Service, service_of
from eligibility.errors import UnacceptableRequest
from eligibility.export import ALL, Piece, announce, export
from eligibility.export_formats import FORMATS, MEDIA_TYPES, Format
from eligibility.refusals import shown
from eligibility.storage.entries import DECISION
from eligibility.storage.exporting import Wanted
from eligibility.storage.keys import Key

NAMES: Final = ("from", "to", "format", "kind", "proofs", "texts")
_FLAGS: Final = {"true": True, "false": False}
_KIND: Final = re.compile(r"[a-z]+([._-][a-z]+){0,4}")
_LONGEST_KIND: Final = 60
_OF_REVIEWS: Final = "review."


@route("/v1/audit/export", http_method=["GET", "HEAD"], status_code=HTTP_200_OK, opt=EXPORT.opt())
async def export_log(request: Request[Any, Any, Any]) -> Response[Any]:
    """The records of a period, streamed."""
    key = caller(request)
    wanted, form = asked(parameters(request, NAMES))
    check_kind(wanted.kind, key)
    if request.method == "HEAD":  # nothing leaves, so there is nothing to record
        return answer(b"", media_type=MEDIA_TYPES[form], headers=_attached(form))
    return await exported(service_of(request), wanted, form, key)


async def exported(
    service: Service, wanted: Wanted, form: Format, key: Key, *, channel: str = CHANNEL
) -> Response[Any]:
    """The records that are wanted, streamed, once it is recorded that they leave.

    Raises Refusal where too many exports are under way, StorageUnavailable, NotFound.
    """
    pieces = _pieces(service, wanted, form, str(key.principal), channel)
    await anext(pieces)  # what fails until here is answered by a problem document
    end = BackgroundTask(pieces.aclose)  # where the caller has gone before the last piece
    headers = {**HEADERS, **_attached(form)}
    return Stream(pieces, media_type=MEDIA_TYPES[form], headers=headers, background=end)


def _attached(form: Format) -> dict[str, str]:
    return {"content-disposition": f'attachment; filename="export.{form}"'}


def asked(given: Mapping[str, str]) -> tuple[Wanted, Format]:
    """What the query asks for. Raises UnacceptableRequest."""
    values = read_values(
        given,
        {
            "from": moment,
            "to": moment,
            "format": lambda value: one_of(value, FORMATS),
            "kind": _kind,
            "proofs": lambda value: _FLAGS[one_of(value, _FLAGS)],
            "texts": lambda value: _FLAGS[one_of(value, _FLAGS)],
        },
    )
    since, until = (cast("datetime | None", values.get(name)) for name in ("from", "to"))
    if since is not None and until is not None and since >= until:
        raise UnacceptableRequest([parameter_fault("to", "`to` is not after `from`: give a later time")])
    kind = cast("str", values.get("kind", DECISION))
    wanted = Wanted(
        since=since,
        until=until,
        kind=None if kind == ALL else kind,
        texts=bool(values.get("texts", True)),
        proofs=bool(values.get("proofs", False)),
    )
    return wanted, cast("Format", values.get("format", FORMATS[0]))


def _kind(value: str) -> str:
    if len(value) > _LONGEST_KIND or not _KIND.fullmatch(value):
        raise Wrong(f"{shown(value)} is no kind of record: give one as `{DECISION}`, or `{ALL}`")
    return value


def check_kind(kind: str | None, key: Key) -> None:
    """See that the caller may export records of a kind. Raises Refusal."""
    if key.role in WHOLE_LOG or kind == DECISION or (kind or "").startswith(_OF_REVIEWS):
        return
    names = ", ".join(f"`{name}`" for name in sorted(WHOLE_LOG))
    detail = (
        f"the role `{key.role}` may export only decisions and reviews: other kinds of records are for {names}"
    )
    raise Refusal("not-allowed", detail)


async def _pieces(
    service: Service, wanted: Wanted, form: Format, actor: str, channel: str
) -> AsyncGenerator[bytes]:
    """The export's bytes, after an empty piece once it is recorded and the database can be read.

    Raises Refusal where too many are under way, StorageUnavailable, NotFound.
    """
    async with service.exports.turn():
        recorded = await announce(service.log, wanted, form, actor=actor, channel=channel)
        thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="export")
        pieces = export(service.database.url, wanted, form, recorded)
        try:
            await _next(thread, pieces)
            yield b""
            while (piece := await _next(thread, pieces)) is not None:
                if piece.data:
                    yield piece.data
        finally:
            thread.submit(pieces.close)  # in its turn, for a piece may still be in the making
            thread.shutdown(wait=False)


async def _next(thread: ThreadPoolExecutor, pieces: Iterator[Piece]) -> Piece | None:
    piece: Piece | None = await asyncio.get_running_loop().run_in_executor(thread, next, pieces, None)
    return piece
