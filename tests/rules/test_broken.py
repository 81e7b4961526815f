"""Each way of breaking the rules is refused, with file, line and remedy."""

from pathlib import Path

import pytest

from eligibility.errors import RulesetInvalid
from eligibility.loading import load_rules
from tests.rules.patching import BROKEN, FOLDER, apply, copied, read


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_broken_rules_are_refused_in_words_that_help(path: Path, tmp_path: Path) -> None:
    way = read(path)
    folder = copied(tmp_path / "rules")
    apply(way, folder)

    with pytest.raises(RulesetInvalid) as refused:
        load_rules(folder)

    said = str(refused.value)
    assert all(words in said for words in way["says"]), said
    assert way.get("blames", way["file"]) in {fault.file for fault in refused.value.faults}
    if "at" in way:
        lines = (folder / way["file"]).read_text(encoding="utf-8").splitlines()
        named = {lines[fault.line - 1] for fault in refused.value.faults if fault.line is not None}
        assert any(way["at"] in line for line in named), f"{way['at']!r} stands in none of {named}"


def test_the_copy_that_is_broken_was_whole_before(tmp_path: Path) -> None:
    assert load_rules(copied(tmp_path / "rules")).rules


def test_all_faults_are_reported_together(tmp_path: Path) -> None:
    folder = copied(tmp_path / "rules")
    for name in ("unknown-key", "version-without-quotes"):
        apply(read(FOLDER / f"{name}.yaml"), folder)
    (folder / "regions.yaml").unlink()

    with pytest.raises(RulesetInvalid) as refused:
        load_rules(folder)

    said = str(refused.value)
    assert all(words in said for words in ("`whne` is no key", "`version` can not", "regions.yaml: the file"))


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RulesetInvalid, match=r"there is no folder `.*nowhere`"):
        load_rules(tmp_path / "nowhere")
