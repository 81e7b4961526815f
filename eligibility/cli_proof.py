"""Commands of `eligibility audit` that take proof out of the log, and see to the keys that sign it."""

from __future__ import annotations

from pathlib import Path

import click

from eligibility.commands.options import as_json, settings

NEW_FILE = click.Path(dir_okay=False, writable=True, path_type=Path)


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
