"""What several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from eligibility.settings import Settings

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S%z"])
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


def settings() -> Settings:
    """The settings. Raises SettingsInvalid."""
    from eligibility.settings import Settings

    return Settings.from_environment()
