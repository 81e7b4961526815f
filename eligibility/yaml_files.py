"""YAML files of a rules folder, read so that faults can name file and line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any as Anything

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from eligibility.errors import RuleFault
from eligibility.parsing import Place


def read_yaml(path: Path, file: str, faults: list[RuleFault]) -> Anything:
    """The content of a file, whose nodes know their lines; None, with a fault, where it is no YAML.

    `file` is how faults name it.
    """
    try:
        return YAML(typ="rt", pure=True).load(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        faults.append(
            RuleFault(file, None, f"the file is not UTF-8 (byte {error.start})", "save it as UTF-8")
        )
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        detail = f"this is no YAML: {error.problem or error.context}"
        faults.append(RuleFault(file, mark.line + 1 if mark else None, detail, "correct the line"))
    except YAMLError as error:
        detail = f"this is no YAML: {str(error).splitlines()[0]}"
        faults.append(RuleFault(file, None, detail, "remove what is no text"))
    return None


def read_entries(path: Path, file: str, key: str, faults: list[RuleFault]) -> list[Anything]:
    """The entries of a file that has this one key; none, with a fault, where it has not."""
    before = len(faults)
    content = read_yaml(path, file, faults)
    if len(faults) > before:
        return []
    entries = content[key] if isinstance(content, CommentedMap) and list(content) == [key] else None
    if not isinstance(entries, list):
        faults.append(RuleFault(file, 1, f"the file has the one key `{key}`", "list the entries under it"))
        return []
    return entries


def plain(value: Anything) -> Anything:
    """YAML's containers as plain dicts and lists."""
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value


def line_of(node: Anything, where: Place) -> int | None:
    """The line (from 1) of a place below a YAML node: of the nearest key or item that exists."""
    line = node.lc.line + 1 if hasattr(node, "lc") else None
    for part in where:
        if not hasattr(node, "lc"):
            break
        try:
            line = (node.lc.key if isinstance(node, CommentedMap) else node.lc.item)(part)[0] + 1
            node = node[part]
        except (KeyError, IndexError, TypeError):
            break
    return line
