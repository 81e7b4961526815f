"""Defusing cells that spreadsheets would run as formulas.

Whoever asks for a decision chooses texts that end up in somebody's spreadsheet. A formula begins a cell, also
after blanks and quotes and in the wide forms of its characters. Where a sheet takes semicolons, tabs or ends
of lines for ends of cells, whatever the quotes say, it begins after these as well.
"""

from __future__ import annotations

import re
from typing import Final

_FORMULA: Final = "=+\\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212"
_PASSED_OVER: Final = (
    " \x0b\x0c\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"  # blanks
    "\"'`\u00b4\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb\uff02\uff07"  # quotes
    "\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"  # invisible
    "\x00-\x08\x0e-\x1f\x7f"
)
_BEGINNING: Final = re.compile(f"(^|[;\\t\\r\\n])(?=[{_PASSED_OVER}]*[{_FORMULA}])")
_IN_JSON: Final = re.compile(f"(;[{_PASSED_OVER}]*)([{_FORMULA}])")
_BLANKS: Final = ("\t", "\r", "\n")
_DEFUSED: Final = re.compile(f"(^|[;\\t\\r\\n])'(?=[{_PASSED_OVER}]*[{_FORMULA}])")


def defused(text: str) -> str:
    """The text with `'` before each place where a formula would begin.

    A blank that ends cells gets one too where it comes first. To read the text again, take these away.
    """
    if not text or (_is_plain(text[0]) and ";" not in text and text.isprintable()):
        return text
    safe = _BEGINNING.sub(r"\1'", text)
    return f"'{safe}" if safe.startswith(_BLANKS) else safe


def restored(text: str) -> str:
    """The text that `defused` made this one of; one that nobody defused, without what reads as if."""
    if "'" not in text:
        return text
    bare = text[1:] if text[:1] == "'" and text[1:].startswith(_BLANKS) else text
    return _DEFUSED.sub(r"\1", bare)


def defused_json(text: str) -> str:
    """JSON of an object or array that means the same, with no formula that begins after a semicolon."""
    if ";" not in text:
        return text
    return _IN_JSON.sub(lambda found: f"{found[1]}\\u{ord(found[2]):04x}", text)


def _is_plain(first: str) -> bool:
    """Whether no formula begins with such a character; most texts are told by theirs."""
    return first.isalnum() or first in "{["
