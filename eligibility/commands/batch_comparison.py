"""`eligibility batch --against`: what is compared with, how it is read, and what is told of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import click

from eligibility.backlog.comparing import Compared, Comparer, Comparison, Earlier
from eligibility.backlog.comparing_lines import Written, difference_lines
from eligibility.backlog.comparing_sides import Side
from eligibility.backlog.cutting import Piece
from eligibility.backlog.earlier import Elsewhere, ahead, earlier_batch
from eligibility.backlog.earlier_file import earlier_results
from eligibility.backlog.formats import Compression, Format, format_of
from eligibility.backlog.unrecorded import Against
from eligibility.building import rebuilt
from eligibility.canonical import canonical
from eligibility.commands.batch_files import Output, opened, target
from eligibility.commands.opening import reading
from eligibility.commands.replay import is_digest
from eligibility.errors import BacklogRefused, Fault, NotFound
from eligibility.loading import load_rules
from eligibility.ruleset import Ruleset
from eligibility.storage import batches, rulesets


class Previous(NamedTuple):
    """What to compare with, as it was typed: just one of the last four is given."""

    typed: str
    folder: Path | None = None
    file: Path | None = None
    digest: str | None = None
    batch: UUID | None = None

    @property
    def is_stored(self) -> bool:
        """Whether it is in the database."""
        return self.digest is not None or self.batch is not None


class Asked(NamedTuple):
    """What was typed about a comparison."""

    previous: Previous
    differences: Path | None


class _Before(NamedTuple):
    """What is compared with: its name, its ruleset if that is known, and its rows.

    Where these are what the ruleset says of the requests, its canonical `document` is given in their place.
    """

    name: str
    ruleset: Ruleset | None
    sides: Iterator[Side] | None
    document: bytes | None = None


def previous(typed: str) -> Previous:
    """What `--against` names. Raises UsageError."""
    path = Path(typed)
    if path.is_dir():
        return Previous(typed, folder=path)
    if path.exists():
        return Previous(typed, file=path)
    if is_digest(typed):
        return Previous(typed, digest=typed)
    try:
        return Previous(typed, batch=UUID(typed))
    except ValueError:
        detail = "neither a file of results, a rules folder, `sha256:…` of a ruleset, nor the id of a batch"
        raise click.UsageError(f"`--against`: `{typed}` is {detail}") from None


def written_as(differences: Path | None) -> tuple[Written | None, Compression]:
    """How rows that differ are written, as the file's name says. Raises BacklogRefused."""
    if differences is None:
        return None, None
    form, compression = format_of(differences.name)
    if form == "parquet":
        detail = f"`{differences.name}`: differences are written as lines: end it with .jsonl or .csv"
        raise BacklogRefused([Fault("", detail)])
    return form, compression


class Comparing:
    """Compares a run with what it is asked to be compared with, portion by portion."""

    def __init__(self, before: _Before, output: Output | None, written: Written | None) -> None:
        """Compare with this, and write the rows that differ."""
        self._before = before
        self._output = output
        self._written = written
        self._earlier = None if before.sides is None else Earlier(before.sides)
        self._comparer: Comparer | None = None
        self._found = Comparison()

    def begin(self, now: Ruleset) -> None:
        """Say what the run decides under."""
        self._comparer = Comparer(self._before.ruleset, now, self._written)

    @property
    def of_dry_run(self) -> Against:
        """What the processes of a dry run have to do."""
        return Against(self._before.document, self._written)

    @contextmanager
    def beside(self, pieces: Iterator[Piece], form: Format) -> Iterator[Iterator[Piece]]:
        """The pieces of a run that is recorded, of which each is decided under the other ruleset, too."""
        if self._before.document is None:
            yield pieces
            return
        elsewhere = Elsewhere(self._before.document, form)
        self._earlier = Earlier(elsewhere.sides())
        try:
            yield elsewhere.watched(pieces)
        finally:
            elsewhere.close()

    def add(self, found: Side | Compared) -> None:
        """Compare the next rows. Raises BacklogRefused, NotFound, EngineFailure, StorageUnavailable."""
        if isinstance(found, Compared):
            self._take(found)
            return
        if self._earlier is None or self._comparer is None:
            raise AssertionError("what is compared, and with what, is known by now")
        for before, now in self._earlier.beside(found):
            self._take(self._comparer.compare(before, now))

    def _take(self, found: Compared) -> None:
        self._found = self._found.merged(found.comparison)
        if self._output is not None:
            self._output.add(found.lines)

    def end(self) -> dict[str, Any]:
        """All that was found, as JSON."""
        if self._earlier is not None:
            self._found = self._found.merged(Comparison(only_before=self._earlier.left()))
        if self._output is not None:
            self._output.end()
        return self._found.document(self._before.name, self._title)

    def _title(self, rule: str) -> str | None:
        return None if self._comparer is None else self._comparer.responsible.title(rule)


@contextmanager
def comparing(asked: Asked, url: str | None) -> Iterator[Comparing]:
    """A comparison, whose file of differences gets its name once the context ends well.

    Raises UsageError, BacklogRefused, NotFound, RulesetInvalid, StorageUnavailable.
    """
    written, packing = written_as(asked.differences)
    with ExitStack() as stack:
        before = _before(asked.previous, url, stack)
        output = None
        if asked.differences is not None and written is not None:
            write = stack.enter_context(target(asked.differences))
            output = Output(write, difference_lines(written), packing)
        yield Comparing(before, output, written)


def _before(asked: Previous, url: str | None, stack: ExitStack) -> _Before:
    if asked.folder is not None:
        ruleset = load_rules(asked.folder)
        return _decided_under(f"the rules in {asked.typed}, version {ruleset.version}", ruleset)
    if asked.file is not None:
        source = stack.enter_context(opened(asked.file))
        sides = earlier_results(source, *format_of(asked.file.name), asked.typed)
        return _Before(asked.typed, None, stack.enter_context(ahead(sides)))
    if url is None:
        raise AssertionError("what is stored is read from a database")
    if asked.digest is not None:
        ruleset = asyncio.run(_ruleset(url, asked.digest))
        return _decided_under(f"ruleset {asked.digest}, version {ruleset.version}", ruleset)
    if asked.batch is None:
        raise AssertionError("something to compare with is named")
    ruleset = asyncio.run(_ruleset_of(url, asked.batch))
    slices = earlier_batch(url, asked.batch, ruleset)
    return _Before(f"batch {asked.batch}", ruleset, stack.enter_context(ahead(slices)))


def _decided_under(name: str, ruleset: Ruleset) -> _Before:
    return _Before(name, ruleset, None, canonical(dict(ruleset.document)))


async def _ruleset(url: str, digest: str) -> Ruleset:
    async with reading(url) as database:
        return rebuilt((await rulesets.load(database, digest)).document)


async def _ruleset_of(url: str, batch: UUID) -> Ruleset:
    async with reading(url) as database:
        found = await batches.find(database, batch)
        if found is None:
            raise NotFound(f"there is no batch {batch}")
        return rebuilt((await rulesets.load(database, found.ruleset)).document)
