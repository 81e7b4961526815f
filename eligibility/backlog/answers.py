"""What rows are told: the few answers there are, and the columns of results that follow from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import pyarrow as pa

from eligibility.backlog.form import RESULTS
from eligibility.evaluation import Evaluation

LISTS: Final = ("findings", "obligations", "missing_facts", "contact_reasons")
"""The columns of RESULTS that follow `outcome`; names and paths, which hold no control characters."""


class Said(NamedTuple):
    """What a row that was decided is told, by name."""

    outcome: str
    findings: tuple[str, ...]
    obligations: tuple[str, ...]
    missing_facts: tuple[str, ...]
    contact_reasons: tuple[str, ...]


class Refused(NamedTuple):
    """Why a line was not decided: a sentence, and (JSON pointer, what would be right) for each fault."""

    detail: str
    errors: tuple[tuple[str, str], ...] = ()

    def document(self) -> dict[str, Any]:
        """The same as JSON, as results hold it."""
        errors = [{"pointer": pointer, "detail": detail} for pointer, detail in self.errors]
        return {"detail": self.detail, "errors": errors}


UNRELIABLE: Final = Refused("the request could not be decided reliably, so it was not")


class Answer(NamedTuple):
    """What rows that are alike get, and the evaluation of what they ask if it is wanted."""

    told: Said | Refused
    evaluation: Evaluation | None = None

    @property
    def refused(self) -> Refused | None:
        """Why they were not decided, if they were not."""
        return self.told if isinstance(self.told, Refused) else None


_NOTHING: Final = (None,) * len(Said._fields)


def columns_of(told: Sequence[Said | Refused], which: Any) -> Iterator[Any]:
    """The columns of RESULTS from `outcome` on; `which` has the place of what each row is told."""
    said = zip(*(_NOTHING if isinstance(one, Refused) else one for one in told), strict=True)
    errors = [one.document() if isinstance(one, Refused) else None for one in told]
    values = (*said, errors) if told else ((),) * (len(_NOTHING) + 1)
    for field, column in zip(list(RESULTS)[3:], values, strict=True):
        yield pa.array(column, field.type).take(which)
