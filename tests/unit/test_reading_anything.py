import json
from decimal import Decimal
from typing import Any

from hypothesis import event, given
from hypothesis import strategies as st

from eligibility.errors import RequestRefused, UnreadableRequest
from eligibility.facts import EligibilityRequest, Vocabulary
from eligibility.reading import parse_json, read_request, request_from

WORDS = [
    *(
        "model",
        "entity",
        "use",
        "request_id",
        "employer",
        "output_model",
        "attribution",
        "assurances",
        "name",
    ),
    *(
        "generation",
        "name",
        "multimodal",
        "kind",
        "domicile",
        "affiliates",
        "involved_in",
        "purposes",
        "languages",
    ),
    *(
        "monthly_active_users",
        "development_offices",
        "activities",
        "distribution_regions",
        "critical_infrastructure",
    ),
    *(
        "llama-4",
        "llama-3.2",
        "company",
        "individual",
        "DE",
        "EU",
        "worldwide",
        "general",
        "spam",
        "use",
        "en",
        "",
    ),
]
TEXTS = st.sampled_from(WORDS) | st.text(st.characters(), max_size=8)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=5),
    max_leaves=25,
)
SECTION = st.none() | ANYTHING | st.dictionaries(st.sampled_from(WORDS), ANYTHING, max_size=6)
NEARLY = st.fixed_dictionaries(
    {
        "model": SECTION | st.just({"generation": "llama-4"}),
        "entity": SECTION | st.just({"kind": "company"}),
    },
    optional={"use": SECTION},
)


def outcome(value: object, vocabulary: Vocabulary) -> EligibilityRequest | tuple[Any, ...]:
    try:
        return request_from(value, vocabulary)
    except RequestRefused as refused:
        return refused.problems


@given(value=ANYTHING | NEARLY)
def test_any_value_is_a_request_or_refused_in_words_that_can_be_sent(
    value: object, vocabulary: Vocabulary
) -> None:
    answer = outcome(value, vocabulary)

    if isinstance(answer, tuple):
        assert answer
        for fault in answer:
            (fault.pointer + fault.detail).encode()
            assert fault.detail
            assert not fault.detail.startswith(("input ", "string ", "list ", "value ")), (
                "pydantic's own words"
            )
            assert not fault.pointer or fault.pointer.startswith("/")
    else:
        assert request_from(answer.document, vocabulary) == answer


@given(
    body=st.binary(max_size=60)
    | st.text(max_size=40).map(str.encode)
    | st.text('[]{}",:\\ud8019.e-+ ').map(str.encode)
)
def test_any_bytes_are_a_request_or_refused(body: bytes, vocabulary: Vocabulary) -> None:
    try:
        read_request(body, vocabulary)
    except RequestRefused as refused:
        event(f"{refused.status}: {len(refused.problems)}")


@given(value=ANYTHING)
def test_json_means_here_what_it_means_elsewhere(value: object) -> None:
    body = json.dumps(value, default=str).encode()
    try:
        read = parse_json(body)
    except UnreadableRequest as refused:
        event(f"refused: {str(refused)[:20]}")
        return
    assert read == json.loads(body, parse_float=Decimal)


@given(fragment=st.text('[]{}",:\\ux019.e-+ tfn', max_size=40))
def test_what_is_read_is_json_for_the_standard_library_too(fragment: str) -> None:
    try:
        parse_json(fragment.encode())
    except UnreadableRequest:
        return
    json.loads(fragment)
