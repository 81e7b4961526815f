"""What is right in form and wrong all the same is found before a decision trips over it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from eligibility.ruleset import Ruleset
from eligibility.soundness import unsound

Document = dict[str, Any]
Change = Callable[[Document], object]


def rule(document: Document, identifier: str) -> Document:
    found: Document = next(one for one in document["rules"] if one["id"] == identifier)
    return found


def relation(document: Document) -> None:
    some = {"some": {"relation": {"is": "parent"}}}
    rule(document, "licence.terminated")["when"] = [{"not": {"any": [{"entity.affiliates": some}]}}]


WAYS: dict[str, tuple[Change, str]] = {
    "a fact without words": (
        lambda d: d["facts"].pop("entity.domicile"),
        "there are no words for the fact `entity.domicile`",
    ),
    "words for no fact": (
        lambda d: d["facts"].update({"entity.domicil": d["facts"]["entity.domicile"]}),
        "there is no fact `entity.domicil`: did you mean `entity.domicile`?",
    ),
    "a question with an unknown slot": (
        lambda d: d["facts"]["use.activities"].update(question="what, in {moth}?"),
        "nothing fills the slot `{moth}`: did you mean `month`?",
    ),
    "the number of an affiliate elsewhere": (
        lambda d: d["facts"]["use.activities"].update(label="activity {number}"),
        "nothing fills the slot `{number}`",
    ),
    "a brace out of place": (lambda d: d["texts"].update(recourse="write }"), "a brace is out of place"),
    "a presumed code that there is not": (
        lambda d: d["facts"]["use.capacity"].update(presumed="licencee"),
        "`use.capacity` can not be presumed to be `licencee`",
    ),
    "a presumed text for yes or no": (
        lambda d: d["facts"]["entity.trade_restricted"].update(presumed="no"),
        "can not be presumed to be `no`",
    ),
    "a list presumed to hold something": (
        lambda d: d["facts"]["use.languages"].update(presumed=["en"]),
        "can not be presumed",
    ),
    "a test without words": (lambda d: d["texts"]["tests"].pop("above"), "no words for the test `above`"),
    "an outcome without a title": (
        lambda d: d["texts"]["outcomes"].pop("permitted"),
        "no words for the outcome `permitted`",
    ),
    "a summary with a slot of another": (
        lambda d: d["texts"]["summaries"].update(permitted="by {findings}"),
        "nothing fills the slot `{findings}`",
    ),
    "a test with an unknown slot": (
        lambda d: d["texts"]["tests"]["is"].update(holds="is {valu}"),
        "did you mean `value`?",
    ),
    "a day that there is not": (
        lambda d: d["generations"]["llama-4"].update(released="2025-02-30"),
        "there is no day `2025-02-30`",
    ),
    "a month that there is not": (
        lambda d: d["generations"]["llama-4"].update(users_month="2025-13"),
        "there is no day `2025-13-01`",
    ),
    "a document of no day": (
        lambda d: d["documents"]["llama-4-aup"].update(date="2025-04-31"),
        "there is no day `2025-04-31`",
    ),
    "a policy without sections": (
        lambda d: d["documents"]["llama-4-aup"].pop("sections"),
        "`sections` is missing",
    ),
    "a language in words": (
        lambda d: d["generations"]["llama-4"]["languages"].append("english"),
        "`english` is no primary language subtag",
    ),
    "a model listed twice": (
        lambda d: d["generations"]["llama-4"]["models"].append(d["generations"]["llama-4"]["models"][0]),
        "is listed before, under `llama-4`",
    ),
    "a model of two generations": (
        lambda d: d["generations"]["llama-4"]["models"].append(d["generations"]["llama-2"]["models"][0]),
        "is listed before, under `llama-2`",
    ),
    "a purpose listed twice": (lambda d: d["purposes"].append("spam"), "`spam` is listed before"),
    "a country that there is not": (
        lambda d: d["regions"]["eu"]["members"].append("UK"),
        "`UK` is no country code",
    ),
    "a region that includes none": (
        lambda d: d["regions"]["eea"].update(includes=["ue"]),
        "there is no region `ue`",
    ),
    "generations in the wrong order": (
        lambda d: rule(d, "licence.eu-multimodal").update(
            generations={"from": "llama-4", "until": "llama-3"}
        ),
        "no generation lies from `llama-4` until `llama-3`",
    ),
    "a status that follows no fact": (
        lambda d: rule(d, "notice-file")["then"]["status"].update(fact="use.attribution.notice"),
        "there is no fact `use.attribution.notice`: did you mean `use.attribution.notice_file`?",
    ),
    "a status by a value that there is not": (
        lambda d: rule(d, "built-with")["then"]["status"]["unmet"].append("foot_note"),
        "is never `foot_note`: did you mean `footnote`?",
    ),
    "a question about the relation of an affiliate": (relation, "relation of an affiliate decides nothing"),
    "a text with the mark of slots": (
        lambda d: rule(d, "built-with").update(title="Built \ue000 with"),
        "the character U+E000 is reserved",
    ),
}


def copy(ruleset: Ruleset) -> Document:
    document: Document = json.loads(json.dumps(ruleset.document))
    return document


def test_the_shipped_rules_are_sound(ruleset: Ruleset) -> None:
    assert list(unsound(ruleset.document)) == []


@pytest.mark.parametrize("way", WAYS)
def test_what_is_unsound_is_found_with_a_remedy(ruleset: Ruleset, way: str) -> None:
    change, words = WAYS[way]
    document = copy(ruleset)
    change(document)

    found = list(unsound(document))

    assert words in "\n".join(f"{fault.detail}: {fault.remedy}" for fault in found)
    assert all(fault.remedy and fault.where for fault in found)
