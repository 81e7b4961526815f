"""What recorded cells say of a list of codes: which it names, which it does not, and what that answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from eligibility.atoms import Question
from eligibility.conditions import Atom
from eligibility.layout import noticed


@dataclass(frozen=True)
class Naming:
    """The lists that a cell stands for: all name some codes, none of the barred, one of each of `some`."""

    known: frozenset[str]
    named: frozenset[str]
    barred: frozenset[str]
    some: tuple[frozenset[str], ...]

    def names(self, code: str) -> frozenset[bool]:
        """Whether the list names a code: both where it may."""
        if code in self.named:
            return frozenset({True})
        return frozenset({False}) if code in self.barred or code not in self.known else _EITHER

    def answers(self, atom: Atom) -> frozenset[bool]:
        """What a question about the list is answered: both where the cell does not say."""
        if atom.test == "has":
            return self.names(str(atom.argument))
        outside = frozenset(noticed(atom, tuple(self.known)))
        if outside <= self.barred:
            return frozenset({True})
        is_outside = bool(outside & self.named) or any(one - self.barred <= outside for one in self.some)
        return frozenset({False}) if is_outside else _EITHER

    def cells(self, question: Question) -> frozenset[int]:
        """The cells that the list may have under the questions of another ruleset."""
        found = {0}
        for bit, atom in enumerate(question.atoms):
            found = {cell | yes << bit for cell in found for yes in self.answers(atom)}
            if len(found) > 1:  # that it is not settled is all that matters
                break
        return frozenset(found)


_EITHER = frozenset({True, False})


def naming_of(question: Question, cell: int, codes: Iterable[str]) -> Naming:
    """What a cell says of a list that was given and may name `codes`; such a list names at least one."""
    known = frozenset(codes)
    named, barred, some = set[str](), set[str](), [known]
    for bit, atom in enumerate(question.atoms):
        is_yes, about = bool(cell >> bit & 1), noticed(atom, tuple(known))
        if atom.test == "has":
            (named if is_yes else barred).update(about)
        elif is_yes:
            barred.update(about)
        else:
            some.append(frozenset(about))
    for one in some:
        left = one - barred
        if len(left) == 1:
            named.update(left)
    return Naming(known, frozenset(named), frozenset(barred), tuple(some))
