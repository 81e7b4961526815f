"""What commands have in common: the option for programs, and the settings."""

from __future__ import annotations

from typing import Any

import click

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


def settings() -> Any:
    """The settings, read when they are needed. Raises SettingsInvalid."""
    from eligibility.settings import Settings  # noqa: PLC0415  # so that `--help` does not wait for it

    return Settings.from_environment()
