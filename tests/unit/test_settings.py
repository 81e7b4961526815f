from pathlib import Path

import pytest

from eligibility.errors import SettingsInvalid
from eligibility.settings import VARIABLES, Settings
from eligibility.storage.secret_files import read_or_create, service_secret, write_private


def test_everything_has_a_default() -> None:
    settings = Settings.from_environment({})
    assert (settings.host, settings.port, settings.workers) == ("127.0.0.1", 8000, 1)
    assert settings.database_url is None
    assert settings.data_dir.is_absolute()
    assert settings.data_dir.name == "eligibility"


def test_a_database_may_have_several_hosts() -> None:
    url = "postgresql://a:b@h:1,i:2/d?target_session_attrs=read-write"
    assert Settings.from_environment({"ELIGIBILITY_DATABASE_URL": url}).database_url == url
    with pytest.raises(SettingsInvalid, match="no URL"):
        Settings.from_environment({"ELIGIBILITY_DATABASE_URL": url.replace("i:2", "i:no")})


def test_an_empty_variable_is_an_absent_one() -> None:
    assert Settings.from_environment({v.name: " " for v in VARIABLES}) == Settings.from_environment({})


def test_every_variable_is_read(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("x")
    settings = Settings.from_environment(
        {
            "ELIGIBILITY_HOST": "0.0.0.0",  # noqa: S104  # read, not listened on
            "ELIGIBILITY_PORT": "9000",
            "ELIGIBILITY_DATABASE_URL": "postgresql://a:b@h:1/d",
            "ELIGIBILITY_OWNER_DATABASE_URL": "postgres://o@h/d",
            "ELIGIBILITY_DATA_DIR": "~/data",
            "ELIGIBILITY_SIGNING_KEY_FILE": str(file),
            "ELIGIBILITY_SERVICE_SECRET_FILE": str(file),
            "ELIGIBILITY_RULES_DIR": str(tmp_path),
            "ELIGIBILITY_ADMIN_KEY": "an admin key of good length",
            "ELIGIBILITY_WORKERS": "4",
            "ELIGIBILITY_BATCH_WORKERS": "0",
            "ELIGIBILITY_BATCHES_PER_KEY": "7",
            "ELIGIBILITY_BATCH_LINES": "1000",
            "ELIGIBILITY_BATCH_BYTES": "4096",
            "ELIGIBILITY_REVIEW_SAMPLE_PERCENT": "0",
            "ELIGIBILITY_REVIEW_DAYS": "sampled=60, disputed=2",
            "ELIGIBILITY_REVIEW_LEASE_MINUTES": "45",
            "ELIGIBILITY_SESSION_MINUTES": "15",
            "ELIGIBILITY_CHECKPOINT_FILE": str(tmp_path / "checkpoints"),
            "ELIGIBILITY_CHECKPOINT_URL": "https://h:1/p?q=r",
            "ELIGIBILITY_CHECKPOINT_SECONDS": "5",
        }
    )
    assert settings == Settings(
        host="0.0.0.0",  # noqa: S104  # as above
        port=9000,
        database_url="postgresql://a:b@h:1/d",
        owner_database_url="postgres://o@h/d",
        data_dir=Path("~/data").expanduser(),
        signing_key_file=file,
        service_secret_file=file,
        rules_dir=tmp_path,
        admin_key="an admin key of good length",
        workers=4,
        batch_workers=0,
        batches_per_key=7,
        batch_lines=1000,
        batch_bytes=4096,
        review_sample_percent=0,
        review_days={
            "separate_licence": 10,
            "case_by_case": 10,
            "clarification": 5,
            "disputed": 2,
            "sampled": 60,
        },
        review_lease_minutes=45,
        session_minutes=15,
        checkpoint_file=tmp_path / "checkpoints",
        checkpoint_url="https://h:1/p?q=r",
        checkpoint_seconds=5,
    )
    assert len(vars(settings)) == len(VARIABLES)


@pytest.mark.parametrize(
    "name, value, words",
    [
        ("ELIGIBILITY_PORT", "http", "`http`: give a whole number from 1 to 65535"),
        ("ELIGIBILITY_PORT", "0", "from 1 to 65535"),
        ("ELIGIBILITY_PORT", "65536", "from 1 to 65535"),
        ("ELIGIBILITY_PORT", "٣", "from 1 to 65535"),
        ("ELIGIBILITY_REVIEW_SAMPLE_PERCENT", "101", "from 0 to 100"),
        ("ELIGIBILITY_REVIEW_DAYS", "sampled=0", "`sampled=0`: give days from 1 to 365"),
        ("ELIGIBILITY_REVIEW_DAYS", "soon=3", "`soon=3`"),
        ("ELIGIBILITY_REVIEW_DAYS", "sampled", "`sampled`"),
        ("ELIGIBILITY_REVIEW_LEASE_MINUTES", "0", "from 1 to 1440"),
        ("ELIGIBILITY_SESSION_MINUTES", "4", "from 5 to 720"),
        ("ELIGIBILITY_WORKERS", "65", "from 1 to 64"),
        ("ELIGIBILITY_WORKERS", "-1", "`-1`"),
        ("ELIGIBILITY_DATABASE_URL", "mysql://h/d", "`mysql`"),
        ("ELIGIBILITY_DATABASE_URL", "postgresql://h", "names no database"),
        ("ELIGIBILITY_DATABASE_URL", "postgresql://h:port/d", "no URL"),
        ("ELIGIBILITY_OWNER_DATABASE_URL", "postgresql://h/d", "ELIGIBILITY_DATABASE_URL"),
        ("ELIGIBILITY_RULES_DIR", "/nowhere/at/all", "no such folder"),
        ("ELIGIBILITY_SERVICE_SECRET_FILE", "/nowhere/at/all", "no such file"),
        ("ELIGIBILITY_CHECKPOINT_FILE", "/nowhere/at/all", "in a folder that exists"),
        ("ELIGIBILITY_CHECKPOINT_FILE", "/", "name a file"),
        ("ELIGIBILITY_CHECKPOINT_URL", "ftp://h/p", "give `https://HOST/PATH`"),
        ("ELIGIBILITY_CHECKPOINT_URL", "https:///p", "cannot be posted to"),
        ("ELIGIBILITY_CHECKPOINT_URL", "https://h/p#f", "without login and fragment"),
        ("ELIGIBILITY_CHECKPOINT_URL", "https://h:port/p", "no URL"),
        ("ELIGIBILITY_CHECKPOINT_URL", "https://h/a b", "percent-encoded"),
        ("ELIGIBILITY_CHECKPOINT_SECONDS", "86401", "from 1 to 86400"),
        ("ELIGIBILITY_DATA_DIR", "~nobody-of-this-name/x", "give a full path"),
        ("ELIGIBILITY_ADMIN_KEY", "short", "16 or more"),
        ("ELIGIBILITY_ADMIN_KEY", "sixteen\ncharacters", "no header can carry"),
    ],
)
def test_a_value_that_is_not_right_is_named_with_what_would_be(name: str, value: str, words: str) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        Settings.from_environment({name: value})
    assert name in str(refused.value)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    "name, value",
    [
        ("ELIGIBILITY_DATABASE_URL", "mysql://u:hunter2@h/d"),
        ("ELIGIBILITY_ADMIN_KEY", "hunter2"),
        ("ELIGIBILITY_CHECKPOINT_URL", "https://u:hunter2@h/p"),
    ],
)
def test_a_refusal_never_repeats_a_secret(name: str, value: str) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        Settings.from_environment({name: value})
    assert "hunter2" not in str(refused.value)


def test_a_secret_is_made_once_and_kept_to_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "secret"
    first = read_or_create(path, lambda: "first")
    assert read_or_create(path, lambda: "second") == first == "first"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["secret"]


def test_a_secret_is_replaced_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("open to all")
    write_private(path, "closed")
    assert path.read_text() == "closed\n"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_place_that_cannot_hold_a_secret_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsInvalid, match="file/secret"):
        read_or_create(tmp_path / "file" / "secret", lambda: "x")


def test_the_service_secret_is_made_in_the_data_directory(tmp_path: Path) -> None:
    settings = Settings.from_environment({"ELIGIBILITY_DATA_DIR": str(tmp_path)})
    assert service_secret(settings) == service_secret(settings)
    assert [entry.name for entry in tmp_path.iterdir()] == ["service-secret"]


def test_a_short_service_secret_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("short\n")
    settings = Settings.from_environment({"ELIGIBILITY_SERVICE_SECRET_FILE": str(path)})
    with pytest.raises(SettingsInvalid, match="32 or more"):
        service_secret(settings)
