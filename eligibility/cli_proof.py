"""Commands of `eligibility audit` that verify the log, take proof out of it, and see to its keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from eligibility.commands.options import as_json, settings

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
SEQUENCE = click.IntRange(min=1)
NEW_FILE = click.Path(dir_okay=False, writable=True, path_type=Path)


@click.command("verify")
@click.option("--from", "first", type=SEQUENCE, help="Only from this sequence on.")
@click.option("--to", "last", type=SEQUENCE, help="Only up to this sequence.")
@click.option("--checkpoint", "checkpoints", multiple=True, type=FILE, help="A file of checkpoints.")
@click.option("--key", metavar="KEY", help="The genesis key: its fingerprint, or a PEM file.")
@click.option("--skip-meaning", is_flag=True, help="Decide nothing again, which takes most of the time.")
@click.option("--jobs", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes.")
@as_json
def verify(
    *, first: int | None, last: int | None, key: str | None, skip_meaning: bool, jobs: int, **given: Any
) -> int:
    """Verify that the log is what was written: nothing changed, missing, added, forged, or decided otherwise.

    A cut end shows only against a --checkpoint from outside, and a forged log only against the pinned --key.
    Exits with 1 where anything is wrong.
    """
    from eligibility.commands.verify import verify_log

    if first is not None and last is not None and first > last:
        raise click.UsageError(f"`--from {first}` comes after `--to {last}`")
    return verify_log(
        settings(),
        first=first,
        last=last,
        checkpoints=given["checkpoints"],
        key=key,
        with_meaning=not skip_meaning,
        processes=jobs,
        as_json=given["as_json"],
    )


@click.command("checkpoint")
@click.option("--out", type=NEW_FILE, help="Append it to this file, unless it ends with it already.")
def checkpoint(*, out: Path | None) -> int:
    """Print the newest signed block of the log as a line of JSON, to be kept elsewhere.

    Exits with 1 where the log has no block yet, or the file is one of another log.
    """
    from eligibility.commands.audit import checkpoint as run

    return run(settings(), out)


@click.command("keys")
@click.option("--pem", metavar="FINGERPRINT", help="Print this public key as PEM instead, to hand out.")
@as_json
def keys(*, pem: str | None, as_json: bool) -> int:
    """List the keys that sign the log, and did; the first is what trust in all rests on."""
    from eligibility.commands.audit import keys as run

    return run(settings(), pem, as_json=as_json)


@click.command("rotate-key")
@click.option("--prepare", is_flag=True, help="Only make the next key, to be copied to every machine first.")
@as_json
def rotate_key(*, prepare: bool, as_json: bool) -> int:
    """Let another key sign the log from now on, which the log records.

    The next key is the one beside the key file, whose name ends in `.next`; it is made where there is none.
    Every machine of the log needs it before.
    """
    from eligibility.commands import audit

    return (audit.prepare_key if prepare else audit.rotate_key)(settings(), as_json=as_json)
