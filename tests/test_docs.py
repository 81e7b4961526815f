"""The documents speak of what exists, and of all of it."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from api.dashboard.sessions import is_of_dashboard
from api.roles import ROUTES
from eligibility.cli import main
from eligibility.settings import VARIABLES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DASHBOARD = (ROOT / "docs" / "dashboard.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("rules/**/*.md")])


def commands(command: click.Command, path: str) -> Iterator[str]:
    """Each command that does something, as it is typed."""
    if not isinstance(command, click.Group):
        yield path
        return
    for name, child in command.commands.items():
        if not child.hidden:
            yield from commands(child, f"{path} {name}")


def rows(text: str, first: str) -> dict[str, str]:
    """Cells by the code in the first column, of the rows whose code begins with `first`."""
    return dict(re.findall(rf"(?m)^\| `({first}[^`]*)` \| (.*) \|$", text))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text(encoding="utf-8"))
    assert not [link for link in links if not (document.parent / link).exists()]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_make_targets_that_documents_name_exist(document: Path) -> None:
    named = re.findall(r"(?m)(?:^|`)make ([a-z]+)", document.read_text(encoding="utf-8"))
    assert not [target for target in named if not re.search(rf"(?m)^{target}:", MAKEFILE)]


def test_files_and_tests_that_the_architecture_names_exist() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    named = re.findall(
        r"`((?:eligibility|api|migrations|rules|tests|benchmarks)/[\w./-]*)(?:::(\w+))?`", text
    )
    assert named
    absent = [path for path, _ in named if not (ROOT / path).exists()]
    assert not absent
    unknown = [
        f"{path}::{test}"
        for path, test in named
        if test and not re.search(rf"def {test}\(", (ROOT / path).read_text(encoding="utf-8"))
    ]
    assert not unknown


def test_the_readme_opens_with_the_two_commands() -> None:
    assert re.match(r"# .+\n\n```\nmake run\nmake test\n```\n", README)


def test_the_readme_names_the_licence_of_the_package() -> None:
    assert 'license = "Apache-2.0"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert "Licence: Apache-2.0" in README


def test_the_readme_lists_the_settings_and_no_others() -> None:
    assert list(rows(README, "ELIGIBILITY_")) == [variable.name for variable in VARIABLES]


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda variable: variable.name)
def test_the_readme_gives_the_default_of_a_setting(variable: tuple[str, str, str]) -> None:
    name, default, _ = variable
    assert rows(README, "ELIGIBILITY_")[name].split(" | ")[0].strip("`") == default


def test_the_readme_lists_the_routes_and_no_others() -> None:
    table = README.split("\n## Calls\n")[1].split("\n\nErrors are ")[0]
    listed = set(re.findall(r"`((?:DELETE|GET|POST) /[^`]*)`", table))
    calls = [(method, path) for method, path in ROUTES if not is_of_dashboard(path)]
    routes = {f"{method} {path.replace('{identifier}', '{id}')}" for method, path in calls}
    shortened = {re.sub(r"/(\{view\}|openapi\.\w+|problems)$", "/…", route) for route in routes}
    assert listed == shortened


def test_the_dashboards_document_lists_its_addresses_and_no_others() -> None:
    listed = re.findall(r"(?m)^\| `((?:GET|POST) /dashboard[^`]*)` \|", DASHBOARD)
    assert sorted(listed) == sorted(f"{method} {path}" for method, path in ROUTES if is_of_dashboard(path))


def test_the_readme_lists_the_commands_and_no_others() -> None:
    listed = {re.sub(r"( [A-Z|-]+)+$", "", command) for command in rows(README, "eligibility ")}
    assert listed == set(commands(main, "eligibility"))
