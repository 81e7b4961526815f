"""What a form of a page sends: read strictly, and only where it is one of ours."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl

from litestar import Request
from litestar.datastructures import UploadFile

from api.dashboard.sessions import FORM_FIELD, require_form_of_ours
from api.problems import Refusal

_TYPE: Final = "application/x-www-form-urlencoded"
_TYPE_WITH_FILE: Final = "multipart/form-data"
_MOST_FIELDS: Final = 2000


class Posted:
    """The fields of a form, without blanks around them. A field that was left empty is as if not there."""

    def __init__(self, fields: Mapping[str, list[str]]) -> None:
        """`fields` are the values of each name, none of them empty."""
        self._fields = fields

    def __contains__(self, name: str) -> bool:
        return name in self._fields

    def get(self, name: str) -> str | None:
        """The value of a field, None where it was left empty. Raises Refusal where it comes twice."""
        values = self._fields.get(name, [])
        if len(values) > 1:
            raise Refusal("unreadable", f"the form has `{name}` more than once")
        return values[0] if values else None

    def text(self, name: str) -> str:
        """The value of a field, or the empty text."""
        return self.get(name) or ""

    def all(self, name: str) -> list[str]:
        """The values of a field that may have several."""
        return list(self._fields.get(name, []))

    def names(self) -> list[str]:
        """The names of all fields that were filled in."""
        return list(self._fields)


class Sent(NamedTuple):
    """A file that was sent: its name and type as the browser says them, and its bytes."""

    name: str
    media_type: str
    content: bytes


async def posted(request: Request[Any, Any, Any], names: Collection[str] | None = None) -> Posted:
    """Read the form that a page of ours sent; `names` are the fields that it may have, all where None.

    Raises Refusal where it is not ours, or not readable.
    """
    _require_type(request, _TYPE)
    return _read(request, pairs_in(await request.body()), names)


def pairs_in(encoded: bytes) -> list[tuple[str, str]]:
    """The names and values of a form, as it stands in a body or in an address. Raises Refusal."""
    try:
        return parse_qsl(
            encoded.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(encoded),
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError:
        raise Refusal("unreadable", "the form cannot be read: send it from its page") from None


async def posted_with_files(
    request: Request[Any, Any, Any], names: Collection[str], files: Collection[str], *, most: int = -1
) -> tuple[Posted, Mapping[str, list[Sent]]]:
    """Read a form that may send files: its fields as `posted` does, and files by the field that they come in.

    Of each file, `most` bytes are read and one more, so that it shows where there are too many; all, where it
    is not given, up to the limit of the route. Raises Refusal where the form is not ours, or not readable.
    """
    _require_type(request, _TYPE_WITH_FILE)
    try:
        form = await request.form()
    except (ValueError, LookupError):  # not in UTF-8, or in nothing that is known
        raise Refusal("unreadable", "the form cannot be read: send it from its page") from None
    pairs: list[tuple[str, str]] = []
    sent: dict[str, list[Sent]] = {name: [] for name in files}
    try:
        for name, value in form.multi_items():
            if not isinstance(value, UploadFile):
                if name not in sent:  # an empty text where no file was chosen
                    pairs.append((name, str(value)))
            elif name not in sent:
                raise Refusal("unreadable", f"the form of this page takes no file as `{name[:80]}`")
            elif value.filename:
                content = await value.read(most if most < 0 else most + 1)
                sent[name].append(Sent(value.filename, value.content_type, content))
        return _read(request, pairs, names), sent
    finally:
        await form.close()


def _require_type(request: Request[Any, Any, Any], wanted: str) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != wanted:
        raise Refusal("wrong-type", f"send this as `{wanted}`, as the form of the page does")


def _read(
    request: Request[Any, Any, Any], pairs: Sequence[tuple[str, str]], names: Collection[str] | None
) -> Posted:
    """The fields of a form that is ours. Raises Refusal."""
    require_form_of_ours(request, next((value for name, value in pairs if name == FORM_FIELD), None))
    return filled_in([pair for pair in pairs if pair[0] != FORM_FIELD], names)


def filled_in(pairs: Iterable[tuple[str, str]], names: Collection[str] | None) -> Posted:
    """What was filled in; `names` are the fields that there may be, all where None. Raises Refusal."""
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        if names is not None and name not in names:
            raise Refusal("unreadable", f"the form of this page has no field `{name[:80]}`: load it again")
        if "\0" in value:
            raise Refusal("unreadable", f"`{name[:80]}` holds a character that no text can")
        if value.strip():
            fields.setdefault(name, []).append(value.strip().replace("\r\n", "\n"))
    return Posted(fields)
