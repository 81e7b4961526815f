from typing import Any

import pytest

from eligibility.facts import Vocabulary
from eligibility.reading import request_from
from tests.unit.refusing import pointers, put, refusal

# ---- absence


TEXTS = [
    "model.name",
    "entity.name",
    "entity.reference",
    "use.critical_infrastructure.sector",
    "use.critical_infrastructure.certification",
    "use.output_model.name",
    "use.description",
]


@pytest.mark.parametrize("path", TEXTS)
@pytest.mark.parametrize("blank", ["", " ", "\t\n\u00a0\u3000", None])
def test_a_blank_text_and_null_equal_absence(
    path: str, blank: str | None, body: dict[str, Any], vocabulary: Vocabulary
) -> None:
    smallest = request_from(body, vocabulary)
    put(body, path, blank)

    assert request_from(body, vocabulary) == smallest


@pytest.mark.parametrize(
    "path", [*TEXTS, "entity.affiliates", "entity.employer", "use", "use.purposes", "use.capacity"]
)
def test_null_equals_absence(path: str, body: dict[str, Any], vocabulary: Vocabulary) -> None:
    smallest = request_from(body, vocabulary)
    put(body, path, None)

    assert request_from(body, vocabulary) == smallest


@pytest.mark.parametrize("path", ["use", "use.critical_infrastructure", "use.attribution", "entity.employer"])
def test_an_empty_object_equals_absence(path: str, body: dict[str, Any], vocabulary: Vocabulary) -> None:
    smallest = request_from(body, vocabulary)
    put(body, path, {})

    assert request_from(body, vocabulary) == smallest


@pytest.mark.parametrize("path", ["entity.affiliates", "entity.development_offices", "use.languages"])
def test_an_empty_list_is_an_answer(path: str, body: dict[str, Any], vocabulary: Vocabulary) -> None:
    put(body, path, [])

    assert request_from(body, vocabulary).facts[path] == ()


@pytest.mark.parametrize("path", TEXTS)
def test_texts_are_taken_as_written_up_to_their_limit(
    path: str, body: dict[str, Any], vocabulary: Vocabulary
) -> None:
    limit = 10_000 if path == "use.description" else 500
    longest = " 😀" + "é" * (limit - 2)
    put(body, path, longest)
    assert request_from(body, vocabulary).facts[path] == longest

    put(body, path, longest + "x")
    (fault,) = refusal(body, vocabulary)
    assert fault.pointer == "/" + path.replace(".", "/")
    assert fault.detail == f"has {limit + 1} characters: at most {limit} are allowed"


@pytest.mark.parametrize("path", TEXTS)
@pytest.mark.parametrize("value", ["a\0b", "\0", "a\ud800", 5, True, [], {}, ["x"]])
def test_other_texts_are_refused(
    path: str, value: object, body: dict[str, Any], vocabulary: Vocabulary
) -> None:
    put(body, path, value)

    assert pointers(body, vocabulary) == ["/" + path.replace(".", "/")]


@pytest.mark.parametrize(
    "value, pointer",
    [
        (None, ""),
        ([], ""),
        ("x", ""),
        (5, ""),
        (True, ""),
        ({"entity": {"kind": "company"}}, "/model/generation"),
        ({"model": None, "entity": {"kind": "company"}}, "/model/generation"),
        ({"model": {}, "entity": {"kind": "company"}}, "/model/generation"),
        ({"model": {"generation": None}, "entity": {"kind": "company"}}, "/model/generation"),
        ({"model": [], "entity": {"kind": "company"}}, "/model"),
        ({"model": "llama-4", "entity": {"kind": "company"}}, "/model"),
        ({"model": {"generation": ""}, "entity": {"kind": "company"}}, "/model/generation"),
        ({"model": {"generation": 4}, "entity": {"kind": "company"}}, "/model/generation"),
        ({"model": {"generation": "llama-5"}, "entity": {"kind": "company"}}, "/model/generation"),
        ({"model": {"generation": "Llama-4"}, "entity": {"kind": "company"}}, "/model/generation"),
        ({"model": {"generation": "llama-4"}}, "/entity/kind"),
        ({"model": {"generation": "llama-4"}, "entity": None}, "/entity/kind"),
        ({"model": {"generation": "llama-4"}, "entity": {"kind": None}}, "/entity/kind"),
        ({"model": {"generation": "llama-4"}, "entity": {"kind": " "}}, "/entity/kind"),
        ({"model": {"generation": "llama-4"}, "entity": 5}, "/entity"),
        ({"model": {"generation": "llama-4"}, "entity": {"kind": "firm"}}, "/entity/kind"),
    ],
)
def test_the_pointer_names_what_is_wrong_or_missing(
    value: object, pointer: str, vocabulary: Vocabulary
) -> None:
    assert pointers(value, vocabulary) == [pointer]
