"""How commands speak: in colour on a terminal, folded to its width; plain elsewhere, a line for a line."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, TextIO

import orjson
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

_NEVER_FOLDED = 10_000
OUTCOMES = {"permitted": "green", "prohibited": "red", "contact_meta": "yellow"}
"""The colour of each outcome."""

SIGNS = {"permitted": ("✓", "+"), "prohibited": ("✗", "x"), "contact_meta": ("?", "?")}
"""What stands before each outcome, and where that cannot be printed: it is never told by colour alone."""

EFFECTS = {"prohibits": "red", "contact": "yellow", "exempts": "green", "note": "cyan"}
"""The colour of each effect of findings."""


class _Unfailing:
    """An output that leaves out what cannot be written: on a full disk, or since nobody reads it any more."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> int:
        """Write it, if that can be."""
        with suppress(OSError):
            self._file.write(text)
        return len(text)

    def flush(self) -> None:
        """See that it is written, if that can be."""
        with suppress(OSError):
            self._file.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def console(*, stderr: bool = False, never_fails: bool = False) -> Console:
    """A console that prints texts as they are; where it never fails, for what goes on all the same."""
    file: Any = _Unfailing(sys.stderr if stderr else sys.stdout) if never_fails else None
    made = Console(file=file, stderr=stderr, highlight=False, markup=False, emoji=False)
    if not made.is_terminal:
        made.width = _NEVER_FOLDED
    return made


def print_json(value: object) -> None:
    """Print JSON for programs."""
    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode())


def indented(out: Console, level: int, *parts: str | tuple[str, str]) -> None:
    """Print a line (parts with their styles) that stays indented where it is folded."""
    out.print(Padding.indent(Text.assemble(*parts), level))


def heading(out: Console, words: str) -> None:
    """Print a heading, with a blank line above it."""
    out.print()
    out.print(Text(words, style="bold"))


def table(out: Console, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print a table without lines; cells are texts, or Text for colour."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in rows:
        made.add_row(*(cell if isinstance(cell, Text) else Text(str(cell)) for cell in row))
    out.print(made)


def said_outcome(out: Console, outcome: str, *, bold: bool = False) -> Text:
    """An outcome with its sign, in its colour."""
    sign = SIGNS[outcome][0 if out.encoding.startswith("utf") else 1]
    word = outcome.replace("_", " ").capitalize().replace("meta", "Meta")
    return Text(f"{sign} {word}", style=f"{'bold ' * bold}{OUTCOMES[outcome]}")


def said(value: object) -> str:
    """A value as people read it, without the marks of JSON around a text."""
    if value is None:
        return "not given"
    return value if isinstance(value, str) else orjson.dumps(value).decode()
