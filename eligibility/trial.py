"""The trial of unknown facts: each atom as a function of the values that a request could give for them."""

from __future__ import annotations

from eligibility.atoms import Cells, Questions
from eligibility.conditions import Atom
from eligibility.diagram import TRUE
from eligibility.layout import Layout


class Trial:
    """Some cells, with the unknown facts among them as variables, and every atom as a function of these."""

    def __init__(self, questions: Questions, cells: Cells, layout: Layout | None = None) -> None:
        """Try these cells. `layout` is theirs, where there is one already."""
        self.questions = questions
        self.cells = cells
        self.layout = Layout(questions, cells) if layout is None else layout
        self.variables, self.space = self.layout.variables, self.layout.space
        known: list[Atom] = []
        for question, cell in zip(questions.asked, cells.asked, strict=True):
            if cell > 0:  # what is unknown is laid out, and 0 answers everything with no
                known += question.yes(cell)
        self.atoms = self.layout.atoms | dict.fromkeys(known, TRUE)
        self.certain = [*self.layout.certain, *known]
        """The atoms that are true whatever the unknown facts are."""
