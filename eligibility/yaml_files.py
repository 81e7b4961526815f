"""YAML files of a rules folder, read so that faults can name file and line, and YAML that is written.

Plain scalars are what YAML 1.2's core schema says: `NO` is a text, the country. What would make a file mean
something that is not to be seen in it is refused: keys given twice, aliases, dates without quotes, tags but
for the plain ones that YAML itself has.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any as Anything
from typing import Final

import yaml

from eligibility.errors import RuleFault
from eligibility.parsing import Place


def _whole(text: str) -> int:
    return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))


_TAG: Final = "tag:yaml.org,2002:"
_FORMS: Final[Mapping[str, tuple[str, str, Callable[[str], Anything]]]] = {
    "null": ("~|null|Null|NULL|", "~nN", lambda _: None),
    "bool": ("true|True|TRUE|false|False|FALSE", "tTfF", lambda text: text.lower() == "true"),
    "int": ("[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789", _whole),
    "float": (
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+.0123456789",
        lambda text: float(text.lower().replace(".inf", "inf").replace(".nan", "nan")),
    ),
}
"""The core schema: of each kind of plain scalar that is no text, its form, first characters, and value."""

_DATE: Final = "timestamp"

DEEPEST: Final = 100
"""Levels of a file: rules have ten."""


class _Loader(yaml.CSafeLoader):
    """What composes nodes, with plain scalars by the core schema."""


class _Dumper(yaml.CSafeDumper):
    """What writes plain data; what YAML 1.1 or 1.2 would take for something else is in quotes."""

    def ignore_aliases(self, _data: object) -> bool:
        """Write out what occurs twice."""
        return True


_Loader.yaml_implicit_resolvers = {}
_Loader.add_implicit_resolver(f"{_TAG}{_DATE}", re.compile(r"\d{4}-\d\d-\d\d.*\Z"), [*"0123456789"])
for _name, (_form, _first, _) in _FORMS.items():
    for _each in (_Loader, _Dumper):
        _each.add_implicit_resolver(f"{_TAG}{_name}", re.compile(f"(?:{_form})\\Z"), [*_first, ""])


class Entries(dict[str, Anything]):
    """A mapping that knows its line in the file, and those of its keys; from 1."""

    line: int
    lines: dict[str, int]


class Items(list[Anything]):
    """A sequence that knows its line in the file, and those of its items; from 1."""

    line: int
    lines: list[int]


def read_yaml(path: Path, file: str, faults: list[RuleFault]) -> Anything:
    """The content of a file, whose nodes know their lines; None, with a fault, where it is no YAML.

    `file` is how faults name it.
    """
    try:
        return _content(yaml.compose(path.read_text(encoding="utf-8"), _Loader))
    except UnicodeDecodeError as error:
        faults.append(
            RuleFault(file, None, f"the file is not UTF-8 (byte {error.start})", "save it as UTF-8")
        )
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        detail = f"this is no YAML: {error.problem or error.context}"
        faults.append(RuleFault(file, mark.line + 1 if mark else None, detail, "correct the line"))
    except yaml.YAMLError as error:
        detail = f"this is no YAML: {str(error).splitlines()[0]}"
        faults.append(RuleFault(file, None, detail, "remove what is no text"))
    except _Refused as refused:
        faults.append(RuleFault(file, refused.line, refused.detail, refused.remedy))
    return None


class _Refused(Exception):
    """YAML that is not read here."""

    def __init__(self, node: yaml.Node, detail: str, remedy: str) -> None:
        super().__init__(detail)
        self.line, self.detail, self.remedy = _line(node), detail, remedy


def _content(root: yaml.Node | None) -> Anything:
    return None if root is None else _value(root, set(), 0)


def _value(node: yaml.Node, seen: set[int], above: int) -> Anything:
    """The value of a node with so many above it; the nodes that were seen are known by their identity."""
    if id(node) in seen:
        raise _Refused(node, "what an alias stands for is not read", "write it out where it is meant")
    if above > DEEPEST:
        raise _Refused(node, f"more than {DEEPEST} levels are not read", "nest it less")
    seen.add(id(node))
    match node:
        case yaml.MappingNode(tag=yaml.Loader.DEFAULT_MAPPING_TAG):
            return _entries(node, seen, above)
        case yaml.SequenceNode(tag=yaml.Loader.DEFAULT_SEQUENCE_TAG):
            items = Items(_value(item, seen, above + 1) for item in node.value)
            items.line, items.lines = _line(node), [_line(item) for item in node.value]
            return items
        case _:
            return _scalar(node)


def _entries(node: yaml.MappingNode, seen: set[int], above: int) -> Entries:
    entries = Entries()
    entries.line, entries.lines = _line(node), {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _Refused(key, "a key is no text", "give it a name")
        if id(key) in seen:
            raise _Refused(key, "what an alias stands for is not read", "write it out where it is meant")
        seen.add(id(key))
        if key.value in entries:
            raise _Refused(key, f"the key `{key.value}` is given twice", "leave one of them out")
        entries.lines[key.value] = _line(key)
        entries[key.value] = _value(value, seen, above + 1)
    return entries


def _scalar(node: yaml.Node) -> Anything:
    kind = node.tag.removeprefix(_TAG)
    if kind == "str":
        return node.value
    if kind == _DATE:
        raise _Refused(node, "a date without quotes is no text to every program", "quote it")
    form, _, read = _FORMS.get(kind, (None, "", str))
    if form is None or re.fullmatch(form, node.value) is None:
        raise _Refused(node, f"the tag `{node.tag}` is not read here", "leave the tag out")
    try:
        return read(node.value)
    except ValueError as error:  # Python reads no number of thousands of digits
        raise _Refused(node, f"`{node.value[:20]}…` is too long for a number", "quote it") from error


def _line(node: yaml.Node) -> int:
    line: int = node.start_mark.line
    return line + 1


def read_entries(path: Path, file: str, key: str, faults: list[RuleFault]) -> list[Anything]:
    """The entries of a file that has this one key; none, with a fault, where it has not."""
    before = len(faults)
    content = read_yaml(path, file, faults)
    if len(faults) > before:
        return []
    entries = content[key] if isinstance(content, Entries) and list(content) == [key] else None
    if not isinstance(entries, list):
        faults.append(RuleFault(file, 1, f"the file has the one key `{key}`", "list the entries under it"))
        return []
    return entries


def plain(value: Anything) -> Anything:
    """YAML's containers as plain dicts and lists."""
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value


def line_of(node: Anything, where: Place) -> int | None:
    """The line (from 1) of a place below a YAML node: of the nearest key or item that exists."""
    line = node.line if isinstance(node, Entries | Items) else None
    for part in where:
        if not isinstance(node, Entries | Items):
            break
        try:
            line, node = node.lines[part], node[part]  # type: ignore[index]  # what has no such place says so
        except (KeyError, IndexError, TypeError):
            break
    return line


def yaml_text(document: Anything) -> str:
    """Plain data as YAML, in the order in which it is."""
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return text
