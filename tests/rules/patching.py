"""Copies of the shipped rules with one thing wrong with them."""

import shutil
from pathlib import Path
from typing import Any

from eligibility.errors import RuleFault
from eligibility.loading import shipped_rules
from eligibility.yaml_files import plain, read_yaml, yaml_text

FOLDER = Path(__file__).parent / "broken"
BROKEN = sorted(FOLDER.glob("*.yaml"))


def read(path: Path) -> dict[str, Any]:
    """A file of rules or cases; or a way of being broken: which file, what is done, what is said, where."""
    faults: list[RuleFault] = []
    content: dict[str, Any] = plain(read_yaml(path, path.name, faults))
    assert not faults
    return content


def write(path: Path, content: Any) -> None:
    """Write a file of rules or cases, without the comments that it had."""
    path.write_text(yaml_text(content), encoding="utf-8")


def copied(target: Path, *, cases: bool = False) -> Path:
    ignored = shutil.ignore_patterns("__pycache__", *([] if cases else ["cases"]))
    return Path(shutil.copytree(shipped_rules(), target, ignore=ignored))


def replace(path: Path, old: str, new: str) -> None:
    """Replace the first place where `old` stands, which must be there."""
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{path.name} does not say {old!r} any more: mend the test"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def apply(way: dict[str, Any], folder: Path) -> None:
    path = folder / way["file"]
    if "replace" in way:
        replace(path, way["replace"], way["by"])
    elif "append" in way:
        path.write_text(path.read_text(encoding="utf-8") + "\n" + way["append"], encoding="utf-8")
    elif "write" in way:
        path.write_text(way["write"], encoding="utf-8")
    elif "append_bytes" in way:
        path.write_bytes(path.read_bytes() + bytes.fromhex(way["append_bytes"]))
    else:
        assert way["remove"]
        path.unlink()
