"""What a form of a page sends: read strictly, and only where it is one of ours."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from litestar import Request

from api.dashboard.sessions import FORM_FIELD, require_form_of_ours
from api.problems import Refusal

_TYPE: Final = "application/x-www-form-urlencoded"
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


async def posted(request: Request[Any, Any, Any], names: Collection[str] | None = None) -> Posted:
    """Read the form that a page of ours sent; `names` are the fields that it may have, all where None.

    Raises Refusal where it is not ours, or not readable.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _TYPE:
        raise Refusal("wrong-type", f"send this as `{_TYPE}`, as the form of the page does")
    pairs = pairs_in(await request.body())
    require_form_of_ours(request, next((value for name, value in pairs if name == FORM_FIELD), None))
    return filled_in([pair for pair in pairs if pair[0] != FORM_FIELD], names)


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
