"""Decision diagrams against truth tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eligibility.diagram import FALSE, TRUE, Space

SIZES = (2, 3, 2, 4)
ROWS = tuple(product(*map(range, SIZES)))
VARIABLES = range(len(SIZES))
Table = frozenset[tuple[int, ...]]
Formula = tuple[Callable[[Space], int], Table]
"""How to make a function, and the rows in which it is true."""


def single_tests() -> st.SearchStrategy[Formula]:
    def of(variable: int) -> st.SearchStrategy[Formula]:
        return st.frozensets(st.integers(0, SIZES[variable] - 1)).map(
            lambda values: (
                lambda space: space.test(variable, values),
                frozenset(row for row in ROWS if row[variable] in values),
            )
        )

    return st.sampled_from(VARIABLES).flatmap(of)


def negated(formula: Formula) -> Formula:
    make, table = formula
    return lambda space: space.negate(make(space)), frozenset(ROWS) - table


def joined(pair: tuple[Formula, Formula, bool]) -> Formula:
    (one, left), (other, right), both = pair
    if both:
        return lambda space: space.both(one(space), other(space)), left & right
    return lambda space: space.either(one(space), other(space)), left | right


FORMULAS = st.recursive(
    single_tests(),
    lambda inner: inner.map(negated) | st.tuples(inner, inner, st.booleans()).map(joined),
    max_leaves=12,
)
CHOSEN = st.frozensets(st.sampled_from(VARIABLES))


def table_of(space: Space, function: int) -> Table:
    return frozenset(row for row in ROWS if space.at(function, dict(enumerate(row))))


def alike(row: tuple[int, ...], variables: frozenset[int]) -> Iterator[tuple[int, ...]]:
    """The rows that differ in these variables at most."""
    return (
        other
        for other in ROWS
        if all(row[place] == other[place] for place in VARIABLES if place not in variables)
    )


@given(FORMULAS)
def test_a_function_is_true_where_its_truth_table_is(formula: Formula) -> None:
    make, table = formula
    space = Space(SIZES)
    assert table_of(space, make(space)) == table


@given(FORMULAS, FORMULAS)
def test_functions_are_equal_exactly_if_they_are_the_same_number(one: Formula, other: Formula) -> None:
    space = Space(SIZES)
    assert (one[0](space) == other[0](space)) == (one[1] == other[1])
    assert (one[0](space) == TRUE) == (one[1] == frozenset(ROWS))
    assert (one[0](space) == FALSE) == (not one[1])


@given(FORMULAS)
def test_the_support_is_what_can_change_the_function(formula: Formula) -> None:
    make, table = formula
    space = Space(SIZES)
    changing = {
        place
        for place in VARIABLES
        for row in ROWS
        for other in alike(row, frozenset({place}))
        if (row in table) != (other in table)
    }
    assert space.support(make(space)) == changing


@given(FORMULAS, CHOSEN)
def test_some_forgets_variables(formula: Formula, variables: frozenset[int]) -> None:
    make, table = formula
    space = Space(SIZES)
    expected = frozenset(row for row in ROWS if any(other in table for other in alike(row, variables)))
    found = space.some(make(space), variables)
    assert table_of(space, found) == expected
    assert space.support(found).isdisjoint(variables)


@given(FORMULAS)
def test_a_witness_makes_the_function_true_whatever_it_leaves_out(formula: Formula) -> None:
    make, table = formula
    space = Space(SIZES)
    function = make(space)
    if not table:
        with pytest.raises(ValueError, match="nothing makes"):
            space.witness(function)
        return
    witness = space.witness(function)
    assert all(row in table for row in ROWS if all(row[place] == value for place, value in witness.items()))


@given(FORMULAS)
def test_cubes_are_disjoint_and_add_up_to_the_function(formula: Formula) -> None:
    make, table = formula
    space = Space(SIZES)
    cubes = [
        {row for row in ROWS if all(row[place] in values for place, values in cube.items())}
        for cube in space.cubes(make(space))
    ]
    assert frozenset().union(*cubes) == table
    assert sum(map(len, cubes)) == len(table)
    assert all(cubes)


def test_a_space_without_variables_holds_true_and_false() -> None:
    space = Space()
    assert space.negate(TRUE) == FALSE
    assert space.both(TRUE, FALSE) == FALSE
    assert space.either(TRUE, FALSE) == TRUE
    assert list(space.cubes(TRUE)) == [{}]
    assert not list(space.cubes(FALSE))
    assert space.at(TRUE, {})
    assert space.witness(TRUE) == {}
