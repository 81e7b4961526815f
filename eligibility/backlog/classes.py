"""Classes of values: what decides and what does not, found once for each distinct value of a column.

Two values of a fact are of one *class* where nothing that comes after can tell them apart: every question of
every generation has the same answer (their cells are equal), every status too, and so has what else is read
of the value itself: codes, the kind of applicant, which released model a name is. A column is reduced to the
numbers of its values' classes, by the very functions that find cells; rows of equal classes are decided once.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from itertools import islice
from typing import Annotated, Any, Final, NamedTuple, get_args

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from eligibility.answering import status_cell
from eligibility.atoms import COUNTRY_MEMBER, INVOLVED_MEMBER, Kept, Question, Questions
from eligibility.backlog.form import PATHS
from eligibility.domains import AFFILIATES, FACTS, MEMBER
from eligibility.facts import Affiliate, BacklogLine, CatalogueModel, Vocabulary
from eligibility.scalars import LONGEST_DESCRIPTION, LONGEST_TEXT, MOST_ENTRIES, MOST_USERS

ABSENT: Final = 0
"""The class of a fact that is not given: null, or a blank text."""

ODD: Final = -1
"""The class of a value that is not in good form: its row is read by itself, which says what is wrong."""

A_TEXT: Final = "given"
"""Stands for every text of which nothing is read: what it says is looked at by nobody."""

_MOST_KEPT: Final = 4096
"""Values of a fact whose numbers are kept; more than there are codes and countries."""

_SEPARATOR: Final = "\x1f"
_AS_THEY_ARE: Final = {"code", "boolean", "codes"}
_LISTS: Final = {"codes", "regions", "languages"}
_RECUR: Final = {"code", "boolean", "country", *_LISTS}
"""Kinds of facts with values that are no texts and recur: their numbers are kept."""

Find = Callable[[Any], Hashable]


class Numbers(NamedTuple):
    """A number for each row, from 0 to `highest` at most."""

    array: Any
    highest: int


class Column(NamedTuple):
    """A column by the classes of its values.

    `classes` has a number for each row, none below `lowest` and none above `highest`. `values` gives the
    values of some rows, whose numbers it takes, as facts hold them; what it gives where a value is absent or
    odd means nothing.
    """

    classes: Any
    values: Callable[[Any], Sequence[Any]]
    lowest: int
    highest: int

    @property
    def given(self) -> Numbers:
        """The classes, with what is odd as absent."""
        is_good = self.lowest >= ABSENT
        classes = self.classes if is_good else pc.max_element_wise(self.classes, ABSENT)
        return Numbers(classes, max(self.highest, ABSENT))

    def at(self, rows: Any) -> Column:
        """The column of some rows alone, whose numbers are given."""
        classes = self.classes.take(rows)
        return Column(classes, lambda some: self.values(rows.take(some)), self.lowest, self.highest)


class _Ranges(NamedTuple):
    """Whole numbers by class: where each class but the first begins, and the number of each."""

    starts: Sequence[int]
    numbers: Any


class Classes:
    """The classes of all facts, as a ruleset's generations tell them apart. Numbers stay the same."""

    def __init__(
        self, programs: Sequence[Questions], vocabulary: Vocabulary, *, statuses: bool = True
    ) -> None:
        """Look at what the rules ask of each fact, and at the statuses of obligations unless nobody asks."""
        self._vocabulary = vocabulary
        self._finders = {
            path: _finder(path, programs, vocabulary, statuses=statuses)
            for path in PATHS
            if path != AFFILIATES
        }
        self._finders |= {
            COUNTRY_MEMBER: _answers([one.country for one in programs], []),
            INVOLVED_MEMBER: _as_it_is,
            f"{MEMBER}relation": lambda _: True,
        }
        self.idle = frozenset(path for path, find in self._finders.items() if find is _is_given)
        """The facts that nothing reads: they have a form, and decide nothing."""
        self._forms = {path: _form_of(path) for path in self._finders}
        self._numbers: dict[str, dict[Hashable, int]] = {path: {} for path in (*self._finders, AFFILIATES)}
        self._known: dict[str, dict[Any, int]] = {path: {} for path in self._finders}
        self._places_matter: set[int] = set()
        """The classes of affiliates of whom something is missing, which is told by their place."""
        self._ranges = {path: self._ranges_of(path) for path in PATHS if FACTS[path].kind == "number"}

    def column(self, path: str, array: Any) -> Column:
        """A column of facts, reduced to classes."""
        kind = FACTS[path].kind
        if path == AFFILIATES:
            return self._affiliates(array)
        if self._finders[path] is _is_given and kind == "text":
            return _text(array, LONGEST_DESCRIPTION if path == "use.description" else LONGEST_TEXT)
        if kind == "number":
            return self._whole(path, array)
        return self._list(path, array) if kind in _LISTS else self._single(path, array)

    def number(self, path: str, value: Any) -> int:
        """The number of a value's class. A list is given as such, and may hold an entry twice."""
        try:
            self._forms[path].validate_python(value, context=self._vocabulary)
        except ValidationError:
            return ODD
        if _is_blank(value):
            return ABSENT
        return self._numbered(path, self._finders[path](_as_set(value)))

    def _numbered(self, path: str, found: Hashable) -> int:
        numbers = self._numbers[path]
        return numbers.setdefault(found, len(numbers) + 1)

    def _kept(self, path: str, value: Any, read: Callable[[Any], Any] = lambda value: value) -> int:
        """The number of a value's class, which is kept where it will be asked for again.

        `read` makes the value of how it is written here.
        """
        known = self._known[path]
        number = known.get(value)
        if number is None:
            number = self.number(path, read(value))
            if number != ODD and FACTS[path].kind in _RECUR and len(known) < _MOST_KEPT:
                known[value] = number
        return number

    def _ranges_of(self, path: str) -> _Ranges:
        """Where the classes of a whole number begin: all that is asked is whether it is above some."""
        starts, numbers = [0], [self.number(path, 0)]
        while self.number(path, MOST_USERS) != numbers[-1]:
            low, high = starts[-1], MOST_USERS  # the class of `low` ends in between
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if self.number(path, middle) == numbers[-1] else (low, middle)
            starts.append(high)
            numbers.append(self.number(path, high))
        return _Ranges(starts[1:], pa.array(numbers, pa.int64()))

    def _whole(self, path: str, array: Any) -> Column:
        ranges = self._ranges[path]
        place = pa.repeat(pa.scalar(0, pa.int32()), len(array))
        for start in ranges.starts:
            place = pc.add(place, pc.cast(pc.greater_equal(array, start), pa.int32()))
        is_odd = pc.or_(pc.less(array, 0), pc.greater(array, MOST_USERS))
        classes = pc.fill_null(
            pc.if_else(is_odd, pa.scalar(ODD, pa.int64()), ranges.numbers.take(place)), ABSENT
        )
        return _bounded(classes, lambda rows: array.take(rows).to_pylist())

    def _single(self, path: str, array: Any) -> Column:
        encoded = array.dictionary_encode(null_encoding="encode")
        values = encoded.dictionary.to_pylist()
        numbers = [ABSENT if value is None else self._kept(path, value) for value in values]
        places = encoded.indices
        return _column(
            numbers, places, lambda rows: [values[place] for place in places.take(rows).to_pylist()]
        )

    def _list(self, path: str, array: Any) -> Column:
        """Lists that join to the same text are the same, but for entries that break the form anyhow."""
        entries = pc.list_flatten(array)
        encoded = pc.binary_join(array, _SEPARATOR).dictionary_encode(null_encoding="encode")
        texts = encoded.dictionary.to_pylist()
        numbers = [ABSENT if text is None else self._kept(path, text, _entries) for text in texts]
        sets = Kept(lambda place: _as_set(_entries(texts[place] or "")))
        column = _column(
            numbers,
            encoded.indices,
            lambda rows: list(map(sets.__getitem__, encoded.indices.take(rows).to_pylist())),
        )
        lengths = pc.binary_length(entries)
        if not entries.null_count and pc.min(lengths).as_py() != 0 and not _may_hold(entries, _SEPARATOR):
            return column
        odd = pc.or_(pc.equal(lengths, 0), pc.match_substring(entries, _SEPARATOR))
        parents = pc.list_parent_indices(array).filter(pc.fill_null(odd, True))  # noqa: FBT003 - arrow's own order of arguments
        return column._replace(classes=_with_odd(column.classes, parents), lowest=ODD)

    def _affiliates(self, array: Any) -> Column:
        """Lists of affiliates, by the classes of each; by their order too where a fact is missing."""
        items, offsets = pc.list_flatten(array), _offsets(array)
        parts = {
            f"{MEMBER}{field.name}": inner for field, inner in zip(items.type, items.flatten(), strict=True)
        }
        columns = {path: self.column(path, part) for path, part in parts.items()}
        rows = list(zip(*(column.classes.to_pylist() for column in columns.values()), strict=True))
        known = [place for place, path in enumerate(columns) if path in {COUNTRY_MEMBER, INVOLVED_MEMBER}]
        found = {
            each: ODD if ODD in each else self._affiliate([each[place] for place in known])
            for each in dict.fromkeys(rows)
        }
        classes = list(map(found.__getitem__, rows))
        codes = pc.if_else(items.is_valid(), pa.array(classes, pa.int64()), ODD)
        lists = pa.ListArray.from_arrays(offsets, codes.cast(pa.string()), mask=array.is_null())
        encoded = pc.binary_join(lists, _SEPARATOR).dictionary_encode(null_encoding="encode")
        numbers = [
            ABSENT if text is None else self._affiliates_number(list(map(int, _entries(text))))
            for text in encoded.dictionary.to_pylist()
        ]

        def values(rows: Any) -> list[Any]:
            lists = array.take(rows)
            return _affiliates_of(pc.list_flatten(lists), pc.list_value_length(lists).to_pylist())

        return _column(numbers, encoded.indices, values)

    def _affiliate(self, read: list[int]) -> int:
        """The number of an affiliate's class, from the classes of what rules read of it."""
        number = self._numbered(AFFILIATES, ("one", *read))
        if ABSENT in read:
            self._places_matter.add(number)
        return number

    def _affiliates_number(self, classes: list[int]) -> int:
        if ODD in classes or len(classes) > MOST_ENTRIES:
            return ODD
        alike = classes if self._places_matter.intersection(classes) else sorted(set(classes))
        return self._numbered(AFFILIATES, ("all", *alike))


def _column(numbers: Sequence[int], places: Any, values: Callable[[Any], Sequence[Any]]) -> Column:
    """A column from the classes of its distinct values, and the place of each row's value among these."""
    classes = pa.array(numbers, pa.int64()).take(places)
    return Column(classes, values, min(numbers, default=ABSENT), max(numbers, default=ABSENT))


def _bounded(classes: Any, values: Callable[[Any], Sequence[Any]]) -> Column:
    """A column whose bounds are looked for."""
    found = pc.min_max(classes).as_py()
    return Column(classes, values, found["min"] or ABSENT, found["max"] or ABSENT)


def _affiliates_of(items: Any, lengths: Sequence[int | None]) -> list[Any]:
    """Lists of affiliates as facts hold them, from the affiliates of all and the length of each list."""
    affiliates = iter(
        {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in item.items()
            if value is not None and not _is_blank(value)
        }
        for item in items.to_pylist()
    )
    return [tuple(islice(affiliates, length or 0)) for length in lengths]


def _entries(text: str) -> list[str]:
    return text.split(_SEPARATOR) if text else []


def _is_blank(value: Any) -> bool:
    return isinstance(value, str) and (not value or value.isspace())


def _offsets(array: Any) -> Any:
    """Where the entries of each list begin among those of all, and where the last one ends."""
    lengths = pc.fill_null(pc.list_value_length(array), 0).cast(pa.int32())
    return pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths)])


def _with_odd(classes: Any, rows: Any) -> Any:
    """The classes, with these rows odd."""
    is_odd = pc.is_in(pa.array(range(len(classes)), rows.type), value_set=rows)
    return pc.if_else(is_odd, pa.scalar(ODD, pa.int64()), classes)


def _text(array: Any, longest: int) -> Column:
    """Texts that nothing is asked about but whether they are given: seldom is one looked at by itself."""
    is_given = pc.and_(pc.greater_equal(array, "!"), pc.less(array, "\x7f"))  # as most texts begin
    others = pc.fill_null(pc.invert(is_given), False)  # noqa: FBT003 - arrow's own order of arguments
    if pc.any(others).as_py():
        found = [bool(text.strip()) for text in array.filter(others).to_pylist()]
        is_given = pc.replace_with_mask(is_given, others, pa.array(found))
    classes = pc.fill_null(pc.cast(is_given, pa.int64()), ABSENT)
    if (pc.max(pc.binary_length(array)).as_py() or 0) > longest or _may_hold(array, "\0"):
        is_odd = pc.or_(pc.greater(pc.utf8_length(array), longest), pc.match_substring(array, "\0"))
        classes = pc.if_else(pc.fill_null(is_odd, False), pa.scalar(ODD, pa.int64()), classes)  # noqa: FBT003 - as above
    return _bounded(classes, lambda rows: [A_TEXT] * len(rows))


def _may_hold(texts: Any, character: str) -> bool:
    """Whether one of the texts may hold a character: seldom is one looked for by itself."""
    _, _, content = texts.buffers()
    return content is not None and character.encode() in content.to_pybytes()


def _as_set(value: Any) -> Any:
    """A value as facts hold it: a list as a sorted tuple."""
    return tuple(sorted(set(value))) if isinstance(value, list) else value


def _as_it_is(value: Any) -> Hashable:
    found: Hashable = value
    return found


def _is_given(_value: Any) -> Hashable:
    return True


def _finder(path: str, programs: Sequence[Questions], vocabulary: Vocabulary, *, statuses: bool) -> Find:
    """What finds the class of a value."""
    questions = [one.by_fact[path] for one in programs if path in one.by_fact]
    shown = {asked for one in programs for _, asked in one.statuses if asked[0].fact == path}
    if shown and not questions and not statuses:
        return _is_given
    if FACTS[path].kind in _AS_THEY_ARE:
        return _as_it_is
    if path == "model.name":
        answers = _answers(questions, list(shown))
        return lambda name: (_released(vocabulary.model(name)), answers(name))
    return _answers(questions, list(shown)) if questions or shown else _is_given


def _released(model: CatalogueModel | None) -> Hashable:
    """What is read of a released model."""
    return None if model is None else (model.generation, model.multimodal)


def _answers(questions: Sequence[Question], statuses: Sequence[tuple[Any, str | None]]) -> Find:
    """What all questions about a fact answer, each asked once, and the statuses that it shows."""
    told_apart = {
        (tuple(question.atoms), question if _by_generation(question) else None): question
        for question in questions
    }
    reads = [question.read for question in told_apart.values()]
    if len(reads) == 1 and not statuses:
        return reads[0]
    return lambda value: (
        *(read(value) for read in reads),
        *(status_cell(value, status, due) for status, due in statuses),
    )


def _by_generation(question: Question) -> bool:
    """Whether the answers hang on the generation, and not on the question alone."""
    return any(atom.test == "some_unsupported" for atom in question.atoms)


def _form_of(path: str) -> TypeAdapter[Any]:
    """What a single value must look like."""
    form: Any = BacklogLine
    names = path.split(".")
    if path.startswith(MEMBER):
        form, names = Affiliate, [path.removeprefix(MEMBER)]
    for name in names[:-1]:
        form = _object(form.model_fields[name].annotation)
    field = form.model_fields[names[-1]]
    kind: Any = field.annotation
    for bound in field.metadata:
        kind = Annotated[kind, bound]
    return TypeAdapter(kind, config=ConfigDict(strict=True))


def _object(annotation: Any) -> type[BaseModel]:
    """The form of an object, whether it may be absent or not."""
    within = get_args(annotation) or (annotation,)
    return next(one for one in within if isinstance(one, type) and issubclass(one, BaseModel))
