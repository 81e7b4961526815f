"""Requests that leave a fact out, where two rulesets do not take the same for it.

What is taken is the presumed value; where none is presumed the fact is unknown, and all its values are
tried: then only what holds for each of them is told, and Meta is to be contacted where no outcome does. The
modality of a model is taken from the catalogue in the same way.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any as Anything

from eligibility.acceptance import modality_of, said_of_models, with_model
from eligibility.atoms import MULTIMODAL, NEVER_UNKNOWN, USERS
from eligibility.comparing import OUTCOME, Answer, Change, Entry, Found, Table, changes
from eligibility.contradictions import contradictions
from eligibility.diagram import FALSE, Space
from eligibility.domains import MEMBER
from eligibility.fields import APPLICANT, MODEL, answers_to, model_answers
from eligibility.sides import NEW, OLD, Shown, Sides, without

UNKNOWN = "unknown"


@dataclass(frozen=True)
class LeftOut:
    """Facts that are left out, what each ruleset then takes for them, and what changes by that.

    `known` is False where what changes can not be worked out.
    """

    facts: tuple[str, ...]
    old: tuple[Anything, ...]
    new: tuple[Anything, ...]
    shown: tuple[Shown, ...]
    known: bool = True


Taken = Mapping[int, Sequence[int]]
"""For each variable that is left out: the values that one ruleset takes for it."""


def left_out(sides: Sides, given: Found) -> list[LeftOut]:
    """What changes for requests that leave facts out, one at a time, and all of them together.

    `given` is what changes where every fact is given. A change that is there too for what one of the rulesets
    takes for the facts is not told again.
    """
    old, new = (ruleset.presumed for ruleset in sides.rulesets)
    facts = [fact for fact in {**old, **new} if old.get(fact) != new.get(fact) and _is_asked(fact, sides)]
    workable = [fact for fact in facts if _can_be_worked_out(fact, sides)]
    return [*_presumed(sides, given, facts, workable), *_modality(sides, given, workable)]


def _presumed(sides: Sides, given: Found, facts: Sequence[str], workable: Sequence[str]) -> Iterator[LeftOut]:
    singly: set[tuple[str, Change]] = set()
    for fact in facts:
        places = _changes(sides, given, [fact], set()) if fact in workable else {}
        singly.update((generation, change) for change, where in places.items() for generation in where)
        yield _told(sides, [fact], places, known=fact in workable)
    if len(workable) > 1:
        places = _changes(sides, given, workable, singly)
        if places:
            yield _told(sides, workable, places)


def _told(
    sides: Sides, facts: Sequence[str], places: Mapping[Change, Mapping[str, int]], *, known: bool = True
) -> LeftOut:
    old, new = (_presumptions(sides, side, facts) for side in (OLD, NEW))
    shown = tuple(_show(sides, facts, change, where) for change, where in places.items())
    return LeftOut(tuple(facts), old, new, shown, known)


def _presumptions(sides: Sides, side: int, facts: Iterable[str]) -> tuple[Anything, ...]:
    return tuple(sides.rulesets[side].presumed.get(fact, UNKNOWN) for fact in facts)


def _is_asked(fact: str, sides: Sides) -> bool:
    """Whether what is presumed for a fact means anything to a rule."""
    if fact == USERS or fact in NEVER_UNKNOWN or fact.startswith(MEMBER):
        return False  # what is written there is only shown
    return any(fact in one.program.questions for one in sides.landscape.programs)


def _can_be_worked_out(fact: str, sides: Sides) -> bool:
    return fact not in (*MODEL, *APPLICANT) and bool(_field(fact, sides).values)


def _field(fact: str, sides: Sides) -> Anything:
    return sides.landscape.fields[sides.landscape.place(fact)]


def _taken(sides: Sides, side: int, facts: Iterable[str]) -> Taken:
    found = {}
    for fact in facts:
        field = _field(fact, sides)
        values: Sequence[int] = range(len(field.values))
        if fact in sides.rulesets[side].presumed:
            value = sides.rulesets[side].presumed[fact]
            value = tuple(value) if isinstance(value, list) else value
            values = [field.answers.index(answers_to(fact, value, sides.landscape.programs))]
        found[sides.landscape.first[sides.landscape.place(fact)]] = values
    return found


def _changes(
    sides: Sides, given: Found, facts: Sequence[str], seen: AbstractSet[tuple[str, Change]]
) -> dict[Change, dict[str, int]]:
    """The changes for requests that leave these facts out, by generation; but for those seen before."""
    places: dict[Change, dict[str, int]] = defaultdict(dict)
    for generation in sides.generations:
        taken = (_taken(sides, OLD, facts), _taken(sides, NEW, facts))
        found = _fresh(sides, generation, taken, sides.accepted(generation), given[generation])
        for change, function in found.items():
            if (generation, change) not in seen:
                places[change][generation] = function
    return places


def _show(sides: Sides, facts: Sequence[str], change: Change, where: Mapping[str, int]) -> Shown:
    request = without(sides.request(list(where.values())[-1]), facts)
    return sides.show(change, tuple(where), request)


def _fresh(
    sides: Sides, generation: str, taken: tuple[Taken, Taken], where: int, given: Mapping[Change, int]
) -> dict[Change, int]:
    """What changes where this is taken, but for the requests for which it does with what is taken given."""
    space = sides.space
    tables = [leaving_out(sides.table(side, generation), taken[side], space) for side in (OLD, NEW)]
    found = {}
    for change, function in changes(space, where, *tables).items():
        anyway = space.any_of(_whichever(given.get(change, FALSE), one, space) for one in taken)
        fresh = space.both(function, space.negate(anyway))
        if fresh != FALSE:
            found[change] = fresh
    return found


def leaving_out(table: Table, taken: Taken, space: Space) -> dict[Entry, dict[Answer, int]]:
    """What is told where some variables are left out, each then taken to have any of some values."""
    found: dict[Entry, dict[Answer, int]] = {}
    for entry, answers in table.items():
        found[entry] = {answer: _whichever(function, taken, space) for answer, function in answers.items()}
    outcomes = found[OUTCOME]
    if any(len(values) > 1 for values in taken.values()):
        # one outcome for each value, but not the same
        decided = _whichever(space.any_of(table[OUTCOME].values()), taken, space)
        unclear = space.both(decided, space.negate(space.any_of(outcomes.values())))
        outcomes["contact_meta"] = space.either(outcomes.get("contact_meta", FALSE), unclear)
    return found


def _whichever(function: int, taken: Taken, space: Space) -> int:
    """Where a function is true whichever of the values the variables have."""
    for variable, values in taken.items():
        others = set(range(space.sizes[variable])) - set(values)
        excused = space.either(function, space.test(variable, others)) if others else function
        function = space.every(excused, {variable})
    return function


def _modality(sides: Sides, given: Found, workable: Sequence[str]) -> Iterator[LeftOut]:
    """Models of which only one of the two knows whether they are multimodal, and rules ask for that."""
    for facts in said_of_models(sides):
        generation = facts["model.generation"]
        asked = any(MULTIMODAL in sides.program(side, generation).questions for side in (OLD, NEW))
        known = [modality_of(sides, side, facts) for side in (OLD, NEW)]
        if (known[OLD] is None) == (known[NEW] is None) or not asked or _refused(sides, facts):
            continue
        old, new = (UNKNOWN if one is None else one for one in known)
        seen: dict[Change, int] = {}
        for others in ([], *([workable] if workable else [])):
            found = {
                change: where
                for change, where in _changes_of_model(sides, given, facts, others).items()
                if change not in seen
            }
            seen.update(found)
            if found:
                yield LeftOut(
                    (MULTIMODAL, *others),
                    (old, *_presumptions(sides, OLD, others)),
                    (new, *_presumptions(sides, NEW, others)),
                    tuple(_show_model(sides, facts, others, *one) for one in found.items()),
                )


def _changes_of_model(
    sides: Sides, given: Found, facts: Mapping[str, Anything], others: Sequence[str]
) -> dict[Change, int]:
    """The changes for requests that say just this of the model, and leave other facts out."""
    generation = facts["model.generation"]
    old, new = ({0: _models(sides, side, facts), **_taken(sides, side, others)} for side in (OLD, NEW))
    # what is said of the model is left out of the functions, so that they hold whatever stands there
    where = sides.space.some(sides.accepted(generation), {0})
    return _fresh(sides, generation, (old, new), where, given[generation])


def _show_model(
    sides: Sides, facts: Mapping[str, Anything], others: Sequence[str], change: Change, where: int
) -> Shown:
    request = without(with_model(sides.request(where), facts), others)
    return sides.show(change, (facts["model.generation"],), request)


def _refused(sides: Sides, facts: Mapping[str, Anything]) -> bool:
    applicant = {**facts, "entity.kind": "company"}
    return any(contradictions(applicant, ruleset.vocabulary) for ruleset in sides.rulesets)


def _models(sides: Sides, side: int, facts: Mapping[str, Anything]) -> list[int]:
    """What is said, as values of the model's variable to one side: one for each modality it may have."""
    known = modality_of(sides, side, facts)
    programs = sides.landscape.programs
    count = len(sides.rulesets[OLD].programs)
    mine = slice(0, count) if side == OLD else slice(count, None)
    wanted = [
        model_answers({**facts, MULTIMODAL: multimodal}, programs)[mine]
        for multimodal in ((True, False) if known is None else (known,))
    ]
    found = [answers[mine] for answers in sides.landscape.fields[0].answers]
    return [found.index(one) for one in wanted]
