"""What a case is after each step: the rules for people, written a second time and without looking at ours."""

from __future__ import annotations

from dataclasses import dataclass, field

OUTCOMES = ("permitted", "prohibited", "contact_meta")
REVIEWING = {"reviewer", "second_reviewer", "approver", "admin"}
SECOND = {"approver", "admin"}
TALK = {"comment", "dispute"}
FOR_HOLDERS = {"confirm", "override", "withdraw", "ask", "answer"}
FROM = {
    "confirm": {"open", "waiting"},
    "override": {"open", "waiting", "closed"},
    "agree": {"proposed"},
    "decline": {"proposed"},
    "withdraw": {"proposed"},
    "ask": {"open"},
    "answer": {"waiting"},
}


@dataclass(frozen=True)
class Said:
    """A step as somebody sent it, at the number of the case that they saw; which pages always say."""

    who: str
    kind: str
    number: int
    outcome: str | None = None
    by_page: bool = False

    @property
    def is_numbered(self) -> bool:
        """Whether it is taken only while the case is as it was seen."""
        return self.by_page or self.kind not in TALK


@dataclass
class Case:
    """A decision's case as it must be: `owner` asked for the decision, `holder` holds the case now."""

    owner: str
    state: str
    in_force: str
    number: int = 0
    proposer: str | None = None
    proposed: str | None = None
    holder: str | None = None
    taken: list[tuple[str, str, str | None]] = field(default_factory=list)

    def allows(self, said: Said) -> bool:
        """Whether a step can be taken now."""
        if said.who not in REVIEWING and not (said.who == self.owner and said.kind == "dispute"):
            return False
        if said.is_numbered and said.number != self.number:
            return False
        return said.kind in TALK or (
            self.state in FROM[said.kind]
            and not (
                said.kind in {"agree", "decline"} and (said.who not in SECOND or said.who == self.proposer)
            )
            and not (said.kind == "withdraw" and said.who != self.proposer)
            and not (said.kind == "override" and said.outcome == self.in_force)
            and not (said.kind in FOR_HOLDERS and self.holder not in {None, said.who})
        )

    def take(self, said: Said) -> None:
        """Go on to what the case is after a step."""
        assert self.allows(said), (said, self)
        self.number += 1
        self.taken.append((said.who, said.kind, said.outcome))
        if said.kind == "override":
            self.state, self.proposer, self.proposed = "proposed", said.who, said.outcome
            self.holder = None  # somebody else has to look now
            return
        if said.kind == "agree":
            assert self.proposed is not None
            self.in_force = self.proposed
        if said.kind in {"confirm", "agree"}:
            self.state = "closed"
        elif said.kind in {"decline", "withdraw", "answer"} or (said.kind, self.state) == (
            "dispute",
            "closed",
        ):
            self.state = "open"
        elif said.kind == "ask":
            self.state = "waiting"
        if self.state != "proposed":
            self.proposer = self.proposed = None
        if self.state == "closed":
            self.holder = None
