"""The form that uploads a backlog: its file is streamed to disk as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, BinaryIO, Final, NamedTuple

from litestar import Request
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from multipart import (  # type: ignore[import-untyped]  # it ships no types
    MultipartError,
    PushMultipartParser,
    parse_options_header,
)

from api.batch_uploads import BUFFER, body_of
from api.dashboard.sessions import FORM_FIELD, require_form_of_ours
from api.problems import Refusal

FILE: Final = "file"

_TYPE: Final = "multipart/form-data"
_MOST_FIELDS: Final = 8
_LONGEST_FIELD: Final = 1000
_AROUND: Final = 64 * 1024
"""Bytes that a form may have around its file."""


class Uploaded(NamedTuple):
    """The fields of the form, and what the file is called there; empty where none was chosen."""

    fields: Mapping[str, str]
    file_name: str


async def uploaded(request: Request[Any, Any, Any], file: BinaryIO, most: int) -> Uploaded:
    """Receive a form that a page of ours sent, its file into `file`, of at most so many bytes.

    The field that shows it is ours has to come first. Raises Refusal, RequestEntityTooLarge.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != _TYPE or not options.get("boundary"):
        raise Refusal("wrong-type", f"send this as `{_TYPE}`, as the form of the page does")
    reading = _Reading(request, file, most)
    try:
        with PushMultipartParser(options["boundary"], max_segment_count=_MOST_FIELDS) as parser:
            async for chunk in body_of(request, most + _AROUND):
                for event in parser.parse(chunk) if chunk else ():
                    await reading.take(event)
    except MultipartError:
        raise Refusal("unreadable", "the form cannot be read: send it from its page") from None
    return await reading.end()


class _Reading:
    """Takes the parts of a form as they are parsed."""

    def __init__(self, request: Request[Any, Any, Any], file: BinaryIO, most: int) -> None:
        self._request = request
        self._file = file
        self._left = most
        self._buffer = bytearray()
        self._fields: dict[str, str] = {}
        self._file_name = ""
        self._part: Any = None
        self._is_ours = False

    async def take(self, event: Any) -> None:
        """The head of a part, some bytes of it, or None at its end."""
        if event is None:
            if self._part.name != FILE:
                self._fields[self._part.name] = self._buffer.decode("utf-8", "replace").strip()
                self._buffer.clear()
        elif isinstance(event, (bytes, bytearray)):
            await self._more(event)
        else:
            self._part = event
            if event.name == FILE:
                self._check()
                self._file_name = event.filename or ""

    async def _more(self, content: bytes | bytearray) -> None:
        self._buffer += content
        if self._part.name != FILE:
            if len(self._buffer) > _LONGEST_FIELD:
                raise Refusal("unreadable", f"the field `{self._part.name[:80]}` is far too long")
            return
        self._left -= len(content)
        if self._left < 0:
            raise RequestEntityTooLarge
        if len(self._buffer) >= BUFFER:
            await self._write()

    async def end(self) -> Uploaded:
        self._check()
        await self._write()
        await asyncio.to_thread(self._file.seek, 0)
        return Uploaded(self._fields, self._file_name)

    async def _write(self) -> None:
        await asyncio.to_thread(self._file.write, bytes(self._buffer))
        self._buffer.clear()

    def _check(self) -> None:
        require_form_of_ours(self._request, self._fields.get(FORM_FIELD))
