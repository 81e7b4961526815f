"""The digest names the policy and nothing else; a ruleset is the same from folder and document."""

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Any

import pytest

from eligibility.building import build
from eligibility.loading import RULE_FILES, load_rules
from eligibility.ruleset import Ruleset, digest_of
from tests.rules.patching import read, write

RULES = Path(__file__).parents[2] / "rules"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the rules, to be changed."""
    copy = tmp_path / "rules"
    shutil.copytree(RULES, copy)
    return copy


def digest(folder: Path) -> str:
    return load_rules(folder).digest


def test_a_digest_is_a_sha256_of_the_document(ruleset: Ruleset) -> None:
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", ruleset.digest)
    assert ruleset.digest == digest_of(ruleset.document)


def test_the_order_of_rules_in_files_means_nothing(folder: Path, ruleset: Ruleset) -> None:
    random = Random(1)
    for name in RULE_FILES:
        path = folder / f"{name}.yaml"
        content = read(path)
        random.shuffle(content["rules"])
        write(path, content)
    assert load_rules(folder).document == ruleset.document
    assert digest(folder) == ruleset.digest


def test_the_order_of_rules_in_a_document_means_nothing(ruleset: Ruleset) -> None:
    document = deepcopy(dict(ruleset.document))
    Random(2).shuffle(document["rules"])
    other = build(document)
    assert other.digest == ruleset.digest
    assert list(map(asdict, other.rules)) == list(map(asdict, ruleset.rules))


def test_the_order_of_keys_means_nothing(ruleset: Ruleset) -> None:
    def reversed_keys(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: reversed_keys(value[key]) for key in reversed(value)}
        return [reversed_keys(item) for item in value] if isinstance(value, list) else value

    assert digest_of(reversed_keys(ruleset.document)) == ruleset.digest


def test_a_rule_may_move_to_another_file(folder: Path, ruleset: Ruleset) -> None:
    there, here = folder / "licence.yaml", folder / "outcome.yaml"
    source, target = map(read, (there, here))
    target["rules"].append(source["rules"].pop())
    for path, content in ((there, source), (here, target)):
        write(path, content)
    assert digest(folder) == ruleset.digest


def test_comments_and_cases_mean_nothing(folder: Path, ruleset: Ruleset) -> None:
    for path in folder.glob("*.yaml"):
        path.write_text(f"# a remark\n{path.read_text(encoding='utf-8')}\n# another\n", encoding="utf-8")
    shutil.rmtree(folder / "cases")
    (folder / "README.md").unlink()
    assert digest(folder) == ruleset.digest


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, (*path, index))
    else:
        yield path


def test_every_word_of_the_document_changes_the_digest(ruleset: Ruleset) -> None:
    paths = list(leaves(ruleset.document))
    digests = set()
    assert {path[0] for path in paths} == set(ruleset.document)
    for path in paths:
        document = deepcopy(dict(ruleset.document)) if len(path) == 1 else _copied(ruleset.document, path)
        inner: Any = document
        for part in path[:-1]:
            inner = inner[part]
        inner[path[-1]] = f"{inner[path[-1]]}."
        digests.add(digest_of(document))
    assert ruleset.digest not in digests
    assert len(digests) == len(paths)


def _copied(document: Mapping[str, Any], path: tuple[Any, ...]) -> dict[str, Any]:
    """The document, copied along one path only."""
    copy: Any = dict(document)
    inner = copy
    for part in path[:-1]:
        inner[part] = inner[part].copy()
        inner = inner[part]
    result: dict[str, Any] = copy
    return result


@pytest.mark.parametrize(
    "file, before, after",
    [
        ("licence.yaml", "700000000", "700000001"),
        ("regions.yaml", "- HR", "- GB"),
        ("catalogue.yaml", "multimodal: true", "multimodal: false"),
        ("ruleset.yaml", "llamamodels@", "models@"),
    ],
)
def test_a_word_changed_in_a_file_gives_another_policy(
    folder: Path, ruleset: Ruleset, file: str, before: str, after: str
) -> None:
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")
    assert digest(folder) != ruleset.digest


def test_a_ruleset_built_from_its_document_is_the_same(ruleset: Ruleset) -> None:
    again = build(json.loads(json.dumps(ruleset.document)))
    assert again.digest == ruleset.digest
    assert list(map(asdict, again.rules)) == list(map(asdict, ruleset.rules))
    assert (again.generations, again.regions, again.vocabulary) == (
        ruleset.generations,
        ruleset.regions,
        ruleset.vocabulary,
    )


def test_the_digest_counts_the_meaning_of_the_code_too(ruleset: Ruleset) -> None:
    assert ruleset.document["semantics"] >= 1
    assert digest_of({**ruleset.document, "semantics": 0}) != ruleset.digest


def test_rules_negate_only_what_lower_levels_settled(ruleset: Ruleset) -> None:
    for generation in ruleset.generations:
        levels = [{rule.id for rule in level} for level in ruleset.program(generation).levels]
        assert levels
        assert all(levels)
        assert sum(map(len, levels)) == len(ruleset.program(generation).rules)


def test_rulesets_can_not_be_changed(ruleset: Ruleset) -> None:
    with pytest.raises(AttributeError):
        ruleset.digest = "sha256:0"  # type: ignore[misc]  # what is refused
