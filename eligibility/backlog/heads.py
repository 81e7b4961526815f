"""The first bytes of a file: whether they can be what its name says."""

from __future__ import annotations

from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Mapping
from typing import Final

from eligibility.backlog.formats import Format
from eligibility.errors import BacklogRefused, Fault

_OTHERS: Final[Mapping[bytes, str]] = {
    b"\x1f\x8b": "compressed with gzip: end its name with .gz",
    b"\x28\xb5\x2f\xfd": "compressed with zstd: end its name with .zst",
    b"PAR1": "a Parquet file: end its name with .parquet",
    b"PK\x03\x04": "a ZIP file, as workbooks of Excel are: save it as CSV UTF-8",
    b"\xd0\xcf\x11\xe0": "a workbook of an older Excel: save it as CSV UTF-8",
}
_HEAD, _NULS = 4, 2
"""Among so many first bytes of UTF-16 or UTF-32, so many are zero at least."""


def text_of(head: bytes, form: Format) -> bytes:
    """The first block of a text file, without a byte order mark. Raises BacklogRefused where it is no UTF-8.

    Of JSONL, a line that is not UTF-8 is refused by itself later on.
    """
    for begins, what in _OTHERS.items():
        if head.startswith(begins):
            raise _refused(f"this is {what}")
    text = head.removeprefix(BOM_UTF8)
    if head.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) or text[:_HEAD].count(0) >= _NULS:
        raise _refused("this looks like UTF-16 or UTF-32: save it as UTF-8")
    if form == "csv":
        _refuse_other_encodings(text)
    return text


def _refuse_other_encodings(text: bytes) -> None:
    """Refuse what some spreadsheets write in the encoding of their country."""
    try:
        text.decode()
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data":  # of the block: the character goes on in the next
            return
        line = text.count(b"\n", 0, error.start) + 1
        byte = error.start - text.rfind(b"\n", 0, error.start)
        detail = f"line {line}, byte {byte}: `0x{text[error.start]:02x}` is no UTF-8"
        raise _refused(f"{detail}: save the file as CSV UTF-8; this may be Windows-1252 or Latin-1") from None


def _refused(detail: str) -> BacklogRefused:
    return BacklogRefused([Fault("", detail)])
