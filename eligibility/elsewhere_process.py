"""The process behind `elsewhere`: it reads questions from its pipe and answers them, until the pipe ends."""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import sys
from collections.abc import Sequence
from typing import BinaryIO

from eligibility.again import Decides, Given, Recorded, Replayed
from eligibility.backlog.cutting import Piece
from eligibility.backlog.deciding import BacklogDecider
from eligibility.backlog.formats import Format
from eligibility.backlog.reading import read_piece
from eligibility.building import rebuilt
from eligibility.decider import Decider
from eligibility.elsewhere import LENGTH_BYTES
from eligibility.errors import EligibilityError
from eligibility.impact_groups import Groups, Numbered


class Answers:
    """What the process can be asked about one ruleset, by name."""

    def __init__(self, document: bytes) -> None:
        """Decide under this ruleset. Raises RulesetInvalid where it has other semantics."""
        self._decides = Decides(rebuilt(document))
        self._grouping = Groups(self._decides)

    def know(self, digest: str, document: bytes) -> None:
        """See `Decides.know`."""
        self._decides.know(digest, document)

    def contents(self, cells: Sequence[bytes]) -> list[bytes | None]:
        """See `Decides.content`."""
        return [self._decides.content(one) for one in cells]

    def evaluations(self, rows: Sequence[tuple[bytes, Recorded]]) -> Numbered:
        """See `Groups.evaluations`."""
        return self._grouping.evaluations(rows)

    def decisions(
        self, keys: Sequence[bytes], bodies: Sequence[bytes], private: Sequence[bytes | None]
    ) -> Numbered:
        """See `Groups.decisions`."""
        return self._grouping.decisions(keys, bodies, private)

    def tries(self, form: Format, piece: Piece, first: int, rows: int) -> None:
        """Read a piece of a backlog and decide some of its rows, to see whether one survives it."""
        requests = read_piece(form, piece).requests
        BacklogDecider(Decider(self._decides.ruleset)).decide(requests.slice(first, rows))

    def again(self, recorded: Recorded, given: Given | None) -> Replayed:
        """See `Decides.again`."""
        return self._decides.again(recorded, given)


def answer(answers: Answers | None, message: bytes) -> tuple[Answers | None, object]:
    """The answer to one message. The first says the ruleset, each other one what to ask of `Answers`.

    What is raised is the answer too, where it is meant for the caller; anything else ends the process.
    """
    what, *arguments = pickle.loads(message)  # noqa: S301 - from our parent, over its own pipe
    try:
        if answers is None:
            return Answers(*arguments), None
        return answers, getattr(answers, what)(*arguments)
    except EligibilityError as error:
        return answers, error


def serve(questions: BinaryIO, answers: BinaryIO) -> None:
    """Answer messages, each after its length, until there are no more."""
    asked: Answers | None = None
    while length := questions.read(LENGTH_BYTES):
        asked, found = answer(asked, questions.read(int.from_bytes(length)))
        reply = pickle.dumps(found)
        answers.write(len(reply).to_bytes(LENGTH_BYTES) + reply)
        answers.flush()


def main() -> None:
    """Answer until the pipe ends; `elsewhere` starts this."""
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s [%(process)d]: %(message)s"
    )
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what is printed must not get between answers
    with contextlib.suppress(BrokenPipeError):  # the parent is gone, and nobody waits
        serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
