"""The wheel carries everything that the checkout runs with."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("api", "eligibility", "migrations", "rules")


def is_left_over(path: Path) -> bool:
    return "__pycache__" in path.parts or path.name.startswith(".")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    source = tmp_path_factory.mktemp("source")
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", str(source / "dist"), str(source)], check=True)
    return zipfile.ZipFile(next((source / "dist").glob("*.whl")))


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_file_of_a_packaged_folder_is_in_the_wheel(wheel: zipfile.ZipFile, folder: str) -> None:
    files = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and not is_left_over(path.relative_to(ROOT))
    }
    assert files
    assert not files - set(wheel.namelist())


def test_tests_and_benchmarks_are_not_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/", 1)[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(FOLDERS)


def test_the_wheel_states_its_licence_and_its_command(wheel: zipfile.ZipFile) -> None:
    about = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    points = next(name for name in wheel.namelist() if name.endswith(".dist-info/entry_points.txt"))
    assert "License-Expression: Apache-2.0" in wheel.read(about).decode()
    assert "eligibility = eligibility.cli:main" in wheel.read(points).decode()
