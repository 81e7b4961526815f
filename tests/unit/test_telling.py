"""How values, titles and lists read inside a sentence."""

from typing import Any

from eligibility.ruleset import Ruleset
from eligibility.telling import enumerated, inside, said_value


def test_values_are_said_as_people_read_them(ruleset: Ruleset) -> None:
    texts = ruleset.texts
    values: list[Any] = [1_200_000, ["EU", "US"], [], "DE"]

    assert [said_value(value, texts) for value in values] == ["1,200,000", "EU, US", "none", "DE"]


def test_titles_keep_their_capital_inside_a_sentence_only_where_they_begin_with_a_name() -> None:
    titles = ["Fraud", "ITAR activity", "Llama 4", "A model"]

    assert [inside(title) for title in titles] == ["fraud", "ITAR activity", "Llama 4", "a model"]


def test_enumerations_name_the_last_apart(ruleset: Ruleset) -> None:
    lists = [[], ["a"], ["a", "b"], ["a", "b", "c"]]

    said = [enumerated(items, " or ", ruleset.texts) for items in lists]
    assert said == ["", "a", "a or b", "a, b or c"]
