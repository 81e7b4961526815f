import inspect
import pickle

import pytest

from eligibility import errors
from eligibility.errors import (
    EligibilityError,
    Fault,
    RuleFault,
    RulesetInvalid,
    StorageUnavailable,
    UnacceptableRequest,
)

CLASSES = [
    value
    for _, value in inspect.getmembers(errors, inspect.isclass)
    if issubclass(value, EligibilityError) and value.__module__ == errors.__name__
]


@pytest.mark.parametrize("error", CLASSES)
def test_every_error_is_drawn_in_the_tree_and_advises_its_reader(error: type[EligibilityError]) -> None:
    assert error.__doc__
    assert errors.__doc__ is not None
    assert error.__name__ in errors.__doc__


@pytest.mark.parametrize(
    "error",
    [
        UnacceptableRequest([Fault("/use", "must be an object"), Fault("", "is wrong")]),
        RulesetInvalid([RuleFault("licence.yaml", 3, "unknown key `whne`", "write `when`")]),
        StorageUnavailable("the database does not answer", retry_after=7),
    ],
)
def test_errors_survive_the_way_between_processes(error: EligibilityError) -> None:
    there_and_back = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes

    assert str(there_and_back) == str(error)
    assert vars(there_and_back) == vars(error)


def test_a_refusal_reads_as_one_line_with_pointers() -> None:
    refusal = UnacceptableRequest([Fault("/use", "must be an object"), Fault("", "is wrong")])

    assert str(refusal) == "/use: must be an object; is wrong"


def test_a_fault_in_the_rules_names_file_line_and_remedy() -> None:
    assert str(RuleFault("a.yaml", 3, "no title", "add one")) == "a.yaml:3: no title: add one"
    assert str(RuleFault("a.yaml", None, "no rules", "add one")) == "a.yaml: no rules: add one"
