"""The files of a rules folder as a person uploads them: one by one, or zipped."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Final

from eligibility.cases import FOLDER as CASES
from eligibility.errors import RuleFault, RulesetInvalid
from eligibility.rules_folder import MOST_FILES, is_name

LARGEST: Final = 8 * 1024 * 1024
"""Bytes of an upload, and of what is in a zipped one."""

_FIRST: Final = "ruleset.yaml"
_UNREADABLE: Final = zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, ValueError, EOFError
"""What reading raises for what is no zip, is cut off, has a password, or a compression unknown here."""
_ZIPPED: Final = b"PK\x03\x04"

Sent = tuple[str, bytes]


def uploaded(rules: Iterable[Sent], cases: Iterable[Sent]) -> dict[str, str]:
    """The texts of a rules folder by path, of its files, those of its cases, and zipped folders among them.

    Raises RulesetInvalid with all that is wrong with the files as such.
    """
    faults: list[RuleFault] = []
    found: dict[str, str] = {}
    for path, content in _paths(rules, cases, faults):
        if not is_name(path):
            remedy = f"name files as a rules folder does: `{_FIRST}`, `{CASES}/licence.yaml`"
            faults.append(RuleFault(path[:120], None, "this is no file of a rules folder", remedy))
        elif path in found:
            faults.append(RuleFault(path, None, "the file was sent twice", "send one of them"))
        try:
            found[path] = content.decode("utf-8")
        except UnicodeDecodeError as error:
            detail = f"the file is not UTF-8 (byte {error.start})"
            faults.append(RuleFault(path[:120], None, detail, "save it as UTF-8"))
    if len(found) > MOST_FILES:
        detail = f"there are {len(found)} files"
        faults.append(RuleFault(".", None, detail, f"send at most {MOST_FILES}"))
    if faults:
        raise RulesetInvalid(faults)
    return found


def _paths(rules: Iterable[Sent], cases: Iterable[Sent], faults: list[RuleFault]) -> Iterator[Sent]:
    for name, content in rules:
        if content.startswith(_ZIPPED):
            yield from _unzipped(name, content, faults)
        else:
            yield name, content
    for name, content in cases:
        yield f"{CASES}/{name}", content


def _unzipped(name: str, content: bytes, faults: list[RuleFault]) -> Iterator[Sent]:
    """The YAML files of a zipped folder, from where its first file stands; others are passed over."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [each for each in archive.infolist() if not each.is_dir()]
            top = next((PurePosixPath(each.filename).parent for each in members if _is_first(each)), None)
            if top is None:
                faults.append(RuleFault(name, None, f"there is no `{_FIRST}` in it", "zip the rules folder"))
                return
            left = LARGEST
            for each in members:
                path = PurePosixPath(each.filename)
                if not path.is_relative_to(top) or not is_name(str(path.relative_to(top))):
                    continue
                with archive.open(each) as member:
                    text = member.read(left + 1)  # whatever it says of its size
                left -= len(text)
                if left < 0:
                    remedy = "zip the rules folder alone"
                    faults.append(
                        RuleFault(name, None, f"there are more than {LARGEST:,} bytes in it", remedy)
                    )
                    return
                yield str(path.relative_to(top)), text
    except _UNREADABLE as error:
        detail = f"this is no zipped folder that can be read: {error}"
        faults.append(RuleFault(name, None, detail, "zip it again, without a password"))


def _is_first(member: zipfile.ZipInfo) -> bool:
    return PurePosixPath(member.filename).name == _FIRST


def zipped(files: dict[str, str]) -> bytes:
    """A rules folder to take away: the same bytes for the same files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(f"rules/{path}"), text.encode(), zipfile.ZIP_DEFLATED)
    return out.getvalue()
