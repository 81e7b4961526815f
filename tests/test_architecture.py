"""Boundaries of the house, read off the source itself."""

import ast
import os
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
PRODUCT = ("eligibility", "api", "migrations")
FOLDERS = (*PRODUCT, "tests", "benchmarks", "tools")
LONGEST_MODULE = 400
DATABASE = {"sqlalchemy", "psycopg", "psycopg_pool", "alembic"}
ENGINE = {"durable", "durable_rules_engine"}
NOT_OURS = {".git", ".venv", "secrets", "build", "dist", "__pycache__"}


class Module(NamedTuple):
    path: str  # as in `eligibility/engine.py`
    name: str  # as in `eligibility.engine`
    tree: ast.Module

    @property
    def top(self) -> str:
        return self.name.split(".", 1)[0]

    def imports(self) -> set[str]:
        return {name for node in ast.walk(self.tree) for name in imported(node)}


def imported(node: ast.AST) -> Iterator[str]:
    """Names that a statement imports; `from a import b` may mean module `a.b`, so it gives both."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute"
        yield node.module or ""
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def read(path: Path) -> Module:
    relative = path.relative_to(ROOT)
    name = ".".join(relative.with_suffix("").parts).removesuffix(".__init__")
    return Module(relative.as_posix(), name, ast.parse(path.read_text(encoding="utf-8")))


MODULES = [read(path) for path in python_files(*PRODUCT)]


def tops(module: Module) -> set[str]:
    return {name.split(".", 1)[0] for name in module.imports()}


def importers_of(packages: set[str]) -> set[str]:
    return {module.path for module in MODULES if tops(module) & packages}


def reads_environment(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        return (
            isinstance(node.value, ast.Name)
            and node.value.id == "os"
            and node.attr in {"environ", "environb", "getenv"}
        )
    return bool(
        isinstance(node, ast.ImportFrom)
        and node.module == "os"
        and {alias.name for alias in node.names} & {"environ", "environb", "getenv"}
    )


def our_files() -> Iterator[Path]:
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [
            name
            for name in folders
            if name not in NOT_OURS and not name.endswith(("_cache", ".egg-info")) and name != ".hypothesis"
        ]
        yield from (Path(folder) / name for name in files)


def test_the_core_never_imports_the_http_layer() -> None:
    assert not [module.path for module in MODULES if module.top == "eligibility" and "api" in tops(module)]


def test_only_storage_and_migrations_talk_to_the_database() -> None:
    allowed = ("eligibility/storage/", "migrations/")
    assert not [path for path in importers_of(DATABASE) if not path.startswith(allowed)]


def test_only_the_engine_module_imports_durable_rules() -> None:
    assert importers_of(ENGINE) == {"eligibility/engine.py"}


def test_nobody_imports_the_global_language_of_durable_rules() -> None:
    everywhere = [read(path) for path in python_files(*FOLDERS)]
    assert not [module.path for module in everywhere if "durable.lang" in module.imports()]


def test_only_settings_reads_the_environment() -> None:
    readers = {m.path for m in MODULES if any(reads_environment(node) for node in ast.walk(m.tree))}
    assert readers == {"eligibility/settings.py"}


def test_modules_do_not_import_each_other_in_circles() -> None:
    names = {module.name for module in MODULES}
    graph = {module.name: (module.imports() & names) - {module.name} for module in MODULES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_no_module_is_longer_than_four_hundred_lines() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in python_files(*FOLDERS)}
    assert not {str(path): length for path, length in lengths.items() if length > LONGEST_MODULE}


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param(r"\b(pypi|pythonhosted|npmjs|debian)\.(org|com|net)\b", id="a registry's host"),
        pytest.param(r"(?<![\w.~*])/(home|Users|work|root|farm)/\w", id="a path of one machine"),
        pytest.param(r"-----BEGIN [A-Z ]*PRIVATE KEY-----|\belk_[\w-]{40}", id="a secret"),
    ],
)
def test_no_file_names(pattern: str) -> None:
    found = []
    for path in our_files():
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        found += [
            f"{path.relative_to(ROOT)}:{n}" for n, line in enumerate(lines, 1) if re.search(pattern, line)
        ]
    assert not found


@pytest.mark.parametrize("name", ["requirements-build.lock", "requirements.lock", "requirements-dev.lock"])
def test_a_lock_file_pins_every_package_by_hash_and_names_no_address(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in text
    assert "index-url" not in text
    pinned = re.findall(r"(?m)^([\w.\[\],-]+)==.*\\\n    --hash=sha256:[0-9a-f]{64}", text)
    assert pinned
    assert len(pinned) == len(re.findall(r"(?m)^\w", text))
