"""Calls about reviews and precedents as models: what is sent, and what is answered."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from api.forms import FormOfCall, Moment, Reason
from eligibility.review import Kind, Outcome, State

_UUID = r"^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
Identifier = Annotated[str, Field(pattern=_UUID)]


class _Answer(BaseModel):
    """Complete: what is not described is not sent."""

    model_config = ConfigDict(extra="forbid")


class _Said(FormOfCall):
    """Why a step is taken: in a code, and in words."""

    reason: str = Field(description="A coded reason, one of those that the kind of step has.")
    text: Reason = Field(description="Why, in words. They can be erased; that somebody acted cannot.")


class ReviewSaid(_Said):
    """A step with a case."""

    kind: Kind = Field(description="What is done. Files are attached by a call of their own.")
    number: int | None = Field(
        default=None,
        ge=0,
        description="The case's `number` as it was seen; where it is another by now, nothing is done. "
        "Needed but for `comment` and `dispute`.",
    )
    outcome: Outcome | None = Field(default=None, description="The other outcome, with `override` alone.")
    questions: list[str] = Field(
        default=[], max_length=100, description="With `ask`: facts that the applicant is asked for."
    )


class FileNamed(_Said):
    """A file for a case, without its bytes."""

    name: str = Field(
        pattern=r"^[^\x00-\x1f\x7f/\\]{1,200}$", description="What the file is called; it can be erased."
    )
    media_type: str = Field(
        pattern=r"^[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,63}$",
        description="Its type, as in `application/pdf`. Nobody looks whether it is true.",
    )


class FileAttached(FileNamed):
    """A file for a case."""

    content: str = Field(min_length=1, description="Its bytes in base64, 10 MiB of them at most.")


class HandedOver(FormOfCall):
    """To whom."""

    to: str = Field(min_length=1, max_length=500, description="The person's name or id.")


class Assigned(HandedOver):
    """What is assigned to whom."""

    decisions: list[Identifier] = Field(
        min_length=1, max_length=200, description="The ids of the decisions whose cases they are to hold."
    )


class PrecedentAsked(FormOfCall):
    """What is to become a precedent."""

    decision: Identifier = Field(description="The decision, whose override is in force.")
    facts: list[str] = Field(
        max_length=50,
        description="The facts whose cells a decision must share to be like it, beside the generation.",
    )
    text: Reason = Field(description="Why it is one. It can be erased.")
    expires: Moment = Field(description="Until when it is one; two years at most.")


class AttachedFile(_Answer):
    """A file that a step attached."""

    name: str | None = Field(description="What it is called; null where that was erased.")
    media_type: str = Field(description="Its type, as it was given.")
    size: int = Field(description="How many bytes it has.")
    is_kept: bool = Field(description="Whether it is still there: it may have been erased.")


class Review(_Answer):
    """A step that was taken with a case."""

    id: str = Field(description="The id of its record.")
    number: int = Field(description="Its place among the steps of the case, from 1.")
    kind: Kind = Field(description="What was done.")
    outcome: Outcome | None = Field(description="The outcome that an `override` proposed.")
    state: State = Field(description="The state of the case after it.")
    reason: str = Field(description="The coded reason.")
    text: str | None = Field(description="What was said; null where it was erased.")
    by: str = Field(description="The name of whoever did it.")
    at: str = Field(description="When, RFC 3339 in UTC.")
    questions: list[str] = Field(description="The facts that were asked for.")
    attachment: AttachedFile | None = Field(description="The file that it attached.")


class ReviewCase(_Answer):
    """A decision that needs, or needed, a person."""

    decision: str = Field(description="The decision's id.")
    state: State = Field(description="`waiting` is for the applicant, `proposed` for a second person.")
    number: int = Field(description="How many steps were taken: send it back with the next.")
    outcome: Outcome = Field(description="The outcome as it was decided.")
    outcome_in_force: Outcome = Field(description="The outcome after reviews.")
    proposed_outcome: Outcome | None = Field(description="What a second person is to agree to.")
    proposer: str | None = Field(description="Who proposed it.")
    causes: list[str] = Field(description="Why it needs a person: `contact`, `disputed`, `sampled`.")
    reasons: list[str] = Field(description="The reasons for contact.")
    generation: str | None = Field(description="The generation asked about.")
    channel: str = Field(description="How it was asked for.")
    opened_at: str = Field(description="When it was decided.")
    due: str | None = Field(description="When it should be closed; later by the time spent waiting.")
    overdue: bool = Field(description="Whether that has passed, and it does not wait for the applicant.")
    paused_at: str | None = Field(description="Since when it waits for the applicant.")
    closed_at: str | None = Field(description="When it was closed.")
    holder: str | None = Field(description="Who holds it now.")
    held_until: str | None = Field(description="Until when, unless they renew it.")


class Precedent(_Answer):
    """An override that like decisions are shown beside."""

    id: str = Field(description="The id of its record.")
    decision: str = Field(description="The decision whose override it was.")
    pattern: dict[str, Any] = Field(description="The cells that a like decision has, by fact.")
    outcome: Outcome = Field(description="The outcome in force there.")
    text: str | None = Field(description="Why it is one; null where that was erased.")
    made_by: str | None = Field(description="The name of the person who made it.")
    made_at: str = Field(description="When.")
    expires_at: str = Field(description="Until when it is one.")
    ended_at: str | None = Field(description="When a person ended it.")
    active: bool = Field(description="Whether it is one now: not ended, not expired, the override in force.")


class WholeReviewCase(ReviewCase):
    """A case, what was done with it, and the precedents that it is like."""

    reviews: list[Review] = Field(description="The steps, oldest first.")
    precedents: list[Precedent] = Field(description="The precedents that it is like.")


class ReviewTold(_Answer):
    """The case after a step, in as much as the caller may see."""

    decision: str = Field(description="The decision's id.")
    state: State = Field(description="Where the case stands.")
    number: int = Field(description="How many steps were taken.")
    outcome_in_force: Outcome = Field(description="The outcome after reviews.")
    review: str = Field(description="The id of the step's record.")


class QueueCounts(_Answer):
    """All that are not closed, whatever the filters."""

    open: int = Field(description="Those that are open.")
    waiting: int = Field(description="Those that wait for the applicant.")
    proposed: int = Field(description="Those that wait for a second person.")
    overdue: int = Field(description="Those that are overdue.")
    held: int = Field(description="Those that somebody holds.")


class ReviewQueue(_Answer):
    """A page of the queue."""

    reviews: list[ReviewCase] = Field(description="The cases of this page.")
    next: str | None = Field(description="The cursor of the page after, null at the end.")
    counts: QueueCounts = Field(description="How many there are in all.")


class AssignedCases(_Answer):
    """What was assigned."""

    to: str = Field(description="To whom.")
    assigned: list[str] = Field(description="The decisions whose cases they hold now.")
    refused: list[str] = Field(description="Those that somebody else holds, or that are not open.")


class FileContent(_Answer):
    """A file that was attached."""

    name: str = Field(description="What it is called.")
    media_type: str = Field(description="Its type, as it was given.")
    size: int = Field(description="How many bytes it has.")
    content: str = Field(description="Its bytes in base64.")


class PrecedentList(_Answer):
    """The precedents."""

    precedents: list[Precedent] = Field(description="Newest first, those that have ended too.")


class PolicyCase(_Answer):
    """A precedent as a case of the policy."""

    name: str = Field(description="A name for the file.")
    yaml: str = Field(description="The case, in the form of those beside the rules.")
