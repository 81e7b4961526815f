"""What can be said of the containers without an engine to run them."""

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from eligibility import signing
from eligibility.settings import VARIABLES

ROOT = Path(__file__).parent.parent
COMPOSE: Any = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
SCRIPTS = ("docker/entrypoint", "docker/initdb/10-eligibility.sh", ".ci/run", ".ci/tools")
LOGIN = "postgresql://eligibility_service@database:5432/eligibility"


def instructions(name: str) -> list[str]:
    return re.findall(rf"(?m)^{name} +(.+)$", DOCKERFILE)


def entrypoint(secrets: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ROOT / "docker/entrypoint"), *command],
        env={"PATH": os.defpath, "SECRETS_DIR": str(secrets), **environment},
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    for name in ("service_password", "owner_password", "admin_key"):
        (tmp_path / name).write_text(f"{name}1", encoding="utf-8")
    return tmp_path


def test_migrations_end_well_before_the_service_starts() -> None:
    assert COMPOSE["services"]["service"]["depends_on"] == {
        "database": {"condition": "service_healthy"},
        "migrate": {"condition": "service_completed_successfully"},
    }
    assert COMPOSE["services"]["migrate"]["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert COMPOSE["services"]["migrate"]["command"] == ["eligibility", "db", "upgrade"]
    assert COMPOSE["services"]["migrate"]["restart"] == "no"


def test_the_service_never_gets_the_owners_login() -> None:
    service = COMPOSE["services"]["service"]
    assert "ELIGIBILITY_OWNER_DATABASE_URL" not in service["environment"]
    assert "owner_password" not in service["secrets"]
    assert "postgres_password" not in service["secrets"]


def test_every_secret_is_a_file_outside_version_control() -> None:
    assert set(COMPOSE["secrets"]) == {
        name for service in COMPOSE["services"].values() for name in service["secrets"]
    }
    assert all(secret == {"file": f"./secrets/{name}"} for name, secret in COMPOSE["secrets"].items())
    assert "/secrets/" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_make_makes_every_secret_that_compose_reads(tmp_path: Path) -> None:
    run = ["make", "--no-print-directory", "--file", str(ROOT / "Makefile"), "secrets"]
    subprocess.run(run, cwd=tmp_path, check=True, capture_output=True)
    made = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "secrets").iterdir()}
    assert set(made) == set(COMPOSE["secrets"])
    assert signing.load(made["signing_key"], "`signing_key`").public
    assert all(re.fullmatch(r"[0-9a-f]{64}", text) for name, text in made.items() if name != "signing_key")
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "secrets").iterdir()}
    assert modes == {0o444}
    assert len(set(made.values())) == len(made)
    subprocess.run(run, cwd=tmp_path, check=True, capture_output=True)
    assert made == {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "secrets").iterdir()}


def test_the_service_signs_with_the_key_that_it_is_handed() -> None:
    service = COMPOSE["services"]["service"]
    file = service["environment"]["ELIGIBILITY_SIGNING_KEY_FILE"]
    assert file == "/run/secrets/signing_key"
    assert "signing_key" in service["secrets"]
    assert "signing_key" not in COMPOSE["services"]["migrate"]["secrets"]


def test_no_setting_of_the_containers_holds_a_password() -> None:
    values = [
        str(value) for service in COMPOSE["services"].values() for value in service["environment"].values()
    ]
    assert not [value for value in values if re.search(r"://[^/@]*:[^/@]*@", value)]
    assert not re.search(r"(?i)^(ENV|ARG) .*(password|secret|key)", DOCKERFILE, re.MULTILINE)


@pytest.mark.parametrize("variable", [variable.name for variable in VARIABLES])
def test_every_setting_stands_in_compose(variable: str) -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    assert re.search(rf"(?m)^ +(# )?{variable}:", text)


def test_compose_sets_only_settings_that_exist() -> None:
    known = {variable.name for variable in VARIABLES}
    for name in ("migrate", "service"):
        assert set(COMPOSE["services"][name]["environment"]) <= known


def test_base_images_are_pinned_by_a_full_tag() -> None:
    images = [line.split()[0] for line in instructions("FROM")] + [COMPOSE["services"]["database"]["image"]]
    assert len(images) == 3
    assert all(re.fullmatch(r"[a-z]+:\d+\.\d+[\w.-]*", image) for image in images)


def test_the_image_runs_as_an_ordinary_user_and_reports_its_health() -> None:
    assert instructions("USER") == ["eligibility"]
    assert "/health/live" in DOCKERFILE
    assert all(COMPOSE["services"][name]["read_only"] for name in ("migrate", "service"))


def test_the_image_installs_from_the_hashed_locks_only() -> None:
    installs = [shlex.split(command) for command in re.findall(r"pip install ([^&\n]+)", DOCKERFILE)]
    assert all("--require-hashes" in words or "--no-deps" in words for words in installs)
    assert {word for words in installs for word in words if word.endswith(".lock")} == {
        "requirements-build.lock",
        "requirements.lock",
    }


def test_whatever_the_image_copies_is_let_through_to_the_build() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    copied = [
        word
        for line in instructions("COPY")
        if "--from" not in line
        for word in line.split()[:-1]
        if not word.startswith("--")
    ]
    assert copied
    assert not [path for path in copied if f"!{path}" not in ignored]


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_is_executable_and_parses(script: str) -> None:
    path = ROOT / script
    shell = "bash" if "bash" in path.read_text(encoding="utf-8").partition("\n")[0] else "sh"
    assert os.access(path, os.X_OK)
    assert subprocess.run([shell, "-n", str(path)], check=False).returncode == 0


def test_the_entrypoint_puts_the_password_into_the_login(secrets: Path) -> None:
    result = entrypoint(secrets, "printenv", "ELIGIBILITY_DATABASE_URL", ELIGIBILITY_DATABASE_URL=LOGIN)
    assert result.stdout == "postgresql://eligibility_service:service_password1@database:5432/eligibility\n"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://eligibility_service:other@database/eligibility",
        "postgresql://database/eligibility",
    ],
)
def test_the_entrypoint_leaves_other_urls_alone(secrets: Path, url: str) -> None:
    result = entrypoint(secrets, "printenv", "ELIGIBILITY_DATABASE_URL", ELIGIBILITY_DATABASE_URL=url)
    assert result.stdout == f"{url}\n"


def test_the_entrypoint_does_without_secrets(tmp_path: Path) -> None:
    result = entrypoint(tmp_path, "printenv", ELIGIBILITY_DATABASE_URL=LOGIN)
    assert f"ELIGIBILITY_DATABASE_URL={LOGIN}\n" in result.stdout
    assert "ELIGIBILITY_ADMIN_KEY" not in result.stdout
    assert "ELIGIBILITY_OWNER_DATABASE_URL" not in result.stdout


def test_the_entrypoint_reads_the_first_admin_key_unless_one_is_set(secrets: Path) -> None:
    assert entrypoint(secrets, "printenv", "ELIGIBILITY_ADMIN_KEY").stdout == "admin_key1\n"
    chosen = entrypoint(secrets, "printenv", "ELIGIBILITY_ADMIN_KEY", ELIGIBILITY_ADMIN_KEY="chosen")
    assert chosen.stdout == "chosen\n"


def test_the_entrypoint_answers_with_the_commands_exit_code(secrets: Path) -> None:
    assert entrypoint(secrets, "sh", "-c", "exit 3").returncode == 3
