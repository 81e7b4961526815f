"""Decision diagrams: exact Boolean functions of facts that are unknown.

While facts are unknown, whether a rule fires is a function of their values. `Space` keeps such functions as
reduced, ordered decision diagrams whose variables have finitely many values (the cells of a fact). They are
canonical: two functions are equal exactly if they are the same number, so "the same whatever is tried" is
one comparison, and trying every combination costs no enumeration.

A function is an `int`: `FALSE` (0), `TRUE` (1), or the index of a node. Where nothing is unknown every
function is one of the two, and the operations below are plain Boolean ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

FALSE = 0
TRUE = 1
_CONSTANTS = 2


class Space:
    """The functions of a fixed sequence of variables; variable *i* takes the values 0 to `sizes[i]` - 1."""

    def __init__(self, sizes: Sequence[int] = ()) -> None:
        """Make the space of variables with these numbers of values."""
        self.sizes = tuple(sizes)
        self._nodes: list[tuple[int, tuple[int, ...]]] = [(len(sizes), ()), (len(sizes), ())]
        self._index: dict[tuple[int, tuple[int, ...]], int] = {}
        self._conjunctions: dict[tuple[int, int], int] = {}
        self._negations: dict[int, int] = {FALSE: TRUE, TRUE: FALSE}
        self._supports: dict[int, frozenset[int]] = {FALSE: frozenset(), TRUE: frozenset()}

    def __len__(self) -> int:
        """The number of nodes that were ever made; they are kept."""
        return len(self._nodes)

    def _node(self, variable: int, branches: tuple[int, ...]) -> int:
        first = branches[0]
        if all(branch == first for branch in branches):
            return first
        key = (variable, branches)
        found = self._index.get(key)
        if found is None:
            found = self._index[key] = len(self._nodes)
            self._nodes.append(key)
        return found

    def test(self, variable: int, values: AbstractSet[int]) -> int:
        """The function that is true where the variable has one of the values."""
        return self._node(
            variable, tuple(TRUE if value in values else FALSE for value in range(self.sizes[variable]))
        )

    def negate(self, function: int) -> int:
        """Not."""
        found = self._negations.get(function)
        if found is None:
            variable, branches = self._nodes[function]
            found = self._node(variable, tuple(map(self.negate, branches)))
            self._negations[function] = found
            self._negations[found] = function
        return found

    def both(self, left: int, right: int) -> int:
        """And."""
        if left == FALSE or right == FALSE:
            return FALSE
        if left == TRUE or left == right:
            return right
        if right == TRUE:
            return left
        key = (left, right) if left < right else (right, left)
        found = self._conjunctions.get(key)
        if found is None:
            found = self._conjunctions[key] = self._split(self.both, left, right)
        return found

    def either(self, left: int, right: int) -> int:
        """Or."""
        if left == TRUE or right == TRUE:
            return TRUE
        if left == FALSE or left == right:
            return right
        if right == FALSE:
            return left
        return self.negate(self.both(self.negate(left), self.negate(right)))

    def all_of(self, functions: Iterable[int]) -> int:
        """Where every one of some functions is true; of none: everywhere."""
        result = TRUE
        for function in functions:
            result = self.both(result, function)
        return result

    def any_of(self, functions: Iterable[int]) -> int:
        """Where at least one of some functions is true; of none: nowhere."""
        result = FALSE
        for function in functions:
            result = self.either(result, function)
        return result

    def _split(self, operation: Callable[[int, int], int], left: int, right: int) -> int:
        """Apply an operation branch by branch along the first variable of either function."""
        variable = min(self._nodes[left][0], self._nodes[right][0])
        lefts, rights = self.branches(left, variable), self.branches(right, variable)
        return self._node(variable, tuple(map(operation, lefts, rights)))

    def first(self, function: int) -> int:
        """The first variable that the function depends on; of a constant, the number of variables."""
        return self._nodes[function][0]

    def branches(self, function: int, variable: int) -> tuple[int, ...]:
        """What is left of the function for each value of a variable that none before it decides."""
        first, branches = self._nodes[function]
        return branches if first == variable else (function,) * self.sizes[variable]

    def support(self, function: int) -> frozenset[int]:
        """The variables that can change the function for some values of the others."""
        found = self._supports.get(function)
        if found is None:
            variable, branches = self._nodes[function]
            found = self._supports[function] = frozenset({variable}).union(*map(self.support, branches))
        return found

    def some(self, function: int, variables: AbstractSet[int]) -> int:
        """Where, in terms of the other variables, some values of these make the function true."""
        return self._some(function, variables, {})

    def _some(self, function: int, variables: AbstractSet[int], done: dict[int, int]) -> int:
        if self.support(function).isdisjoint(variables):
            return function
        found = done.get(function)
        if found is None:
            variable, branches = self._nodes[function]
            parts = tuple([self._some(branch, variables, done) for branch in branches])
            found = self.any_of(parts) if variable in variables else self._node(variable, parts)
            done[function] = found
        return found

    def every(self, function: int, variables: AbstractSet[int]) -> int:
        """Where, in terms of the other variables, all values of these make the function true."""
        return self.negate(self.some(self.negate(function), variables))

    def at(self, function: int, values: Mapping[int, int]) -> bool:
        """Whether the function is true where the variables have these values (0 where none is given)."""
        while function >= _CONSTANTS:
            variable, branches = self._nodes[function]
            function = branches[values.get(variable, 0)]
        return function == TRUE

    def witness(self, function: int) -> dict[int, int]:
        """Values of variables that make the function true; what is left out may be anything.

        Raises:
            ValueError: nothing makes it true.
        """
        if function == FALSE:
            raise ValueError("nothing makes this function true")
        values: dict[int, int] = {}
        while function != TRUE:
            variable, branches = self._nodes[function]
            values[variable] = next(value for value, branch in enumerate(branches) if branch != FALSE)
            function = branches[values[variable]]
        return values

    def cubes(self, function: int) -> Iterator[dict[int, frozenset[int]]]:
        """The function as alternatives: each says which values some variables may have."""
        if function == TRUE:
            yield {}
        elif function != FALSE:
            variable, branches = self._nodes[function]
            for branch in dict.fromkeys(branches):
                values = frozenset(value for value, other in enumerate(branches) if other == branch)
                for rest in self.cubes(branch):
                    yield {variable: values, **rest}
