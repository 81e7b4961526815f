"""What a person uploads as a rules folder, by itself and zipped."""

import io
import zipfile

import pytest

from api.dashboard.ruleset_upload import LARGEST, uploaded, zipped
from eligibility.errors import RulesetInvalid
from eligibility.rules_folder import MOST_FILES

FILES = {"ruleset.yaml": "version: '1'\n", "texts.yaml": "ä\n", "cases/one.yaml": "cases: []\n"}


def archive(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(name, content)
    return out.getvalue()


def faults(*sent: tuple[str, bytes]) -> list[str]:
    with pytest.raises(RulesetInvalid) as caught:
        uploaded(sent, ())
    return [f"{fault.file}: {fault.detail}" for fault in caught.value.faults]


@pytest.mark.parametrize("top", ["", "rules/", "policy-main/rules/"])
def test_a_zipped_folder_is_found_wherever_it_stands(top: str) -> None:
    members = {f"{top}{name}": text.encode() for name, text in FILES.items()}
    others = {f"{top}README.md": b"#", f"{top}.DS_Store": b"\xff", "elsewhere/more.yaml": b"\xff"}
    assert uploaded([("rules.zip", archive({**others, **members}))], ()) == FILES


def test_what_leads_out_of_the_folder_is_passed_over() -> None:
    members = {"ruleset.yaml": b"", "../evil.yaml": b"", "cases/../../evil.yaml": b"", "/evil.yaml": b""}
    assert list(uploaded([("x.zip", archive(members))], ())) == ["ruleset.yaml"]


def test_files_one_by_one_and_those_of_cases() -> None:
    rules = [(name, text.encode()) for name, text in FILES.items() if "/" not in name]
    assert uploaded(rules, [("one.yaml", b"cases: []\n")]) == FILES


def test_what_is_zipped_here_is_read_here_and_always_the_same() -> None:
    assert uploaded([("rules.zip", zipped(FILES))], ()) == FILES
    assert zipped(FILES) == zipped(dict(reversed(FILES.items())))


def test_a_file_that_unfolds_is_stopped() -> None:
    content = archive({"ruleset.yaml": b"1", "texts.yaml": bytes(LARGEST)})
    assert len(content) < LARGEST / 100
    assert faults(("rules.zip", content)) == [f"rules.zip: there are more than {LARGEST:,} bytes in it"]


def test_each_fault_is_told() -> None:
    assert faults(("a.yaml", b"\xff"), ("../b.yaml", b""), ("c.txt", b"")) == [
        "a.yaml: the file is not UTF-8 (byte 0)",
        "../b.yaml: this is no file of a rules folder",
        "c.txt: this is no file of a rules folder",
    ]
    assert faults(("a.yaml", b"1"), ("a.yaml", b"2")) == ["a.yaml: the file was sent twice"]
    assert faults(("x.zip", archive({"texts.yaml": b""}))) == ["x.zip: there is no `ruleset.yaml` in it"]
    [broken] = faults(("x.zip", archive({"ruleset.yaml": b"1"})[:-9]))
    assert broken.startswith("x.zip: this is no zipped folder that can be read")
    many = [(f"{number}.yaml", b"") for number in range(MOST_FILES + 1)]
    assert faults(*many) == [f".: there are {MOST_FILES + 1} files"]
