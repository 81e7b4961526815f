"""What commands have in common: kinds of arguments, the option for programs, and the settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S%z"])
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


def settings() -> Any:
    """The settings, read when they are needed. Raises SettingsInvalid."""
    from eligibility.settings import Settings  # noqa: PLC0415  # so that `--help` does not wait for it

    return Settings.from_environment()
