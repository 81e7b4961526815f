"""What the calls about reviews and precedents do, for their readers."""

from typing import Final

from api.decisions_described import IDENTIFIER
from api.documented import Operation, Parameter, Success
from api.reviews_schemas import (
    Assigned,
    AssignedCases,
    FileAttached,
    FileContent,
    HandedOver,
    PolicyCase,
    Precedent,
    PrecedentAsked,
    PrecedentList,
    ReviewCase,
    ReviewQueue,
    ReviewSaid,
    ReviewTold,
    WholeReviewCase,
)
from eligibility.review import CAUSES, CONTACT_REASONS, REASONS, STATES
from eligibility.scalars import LONGEST_TEXT
from eligibility.storage.decisions import DEFAULT_LIMIT, LARGEST_LIMIT

_TAG: Final = "Reviews"
_PRECEDENTS: Final = "Precedents"
_TEXT: Final = {"type": "string", "minLength": 1, "maxLength": LONGEST_TEXT}
_ID: Final = "01982c3e-5a00-7000-8000-000000000008"
_READING: Final = (401, 403, 404, 422, 503)
_ACTING: Final = (400, 401, 403, 404, 409, 413, 415, 422, 503)
_WITHOUT_BODY: Final = (401, 403, 404, 409, 422, 503)
_CASE: Final = {200: Success("The case as it stands now.", ReviewCase, "review_case")}
_CODES: Final = "; ".join(
    f"`{kind}`: {', '.join(f'`{code}`' for code in codes)}" for kind, codes in REASONS.items()
)
_AS: Final = Parameter(
    "as",
    "query",
    "Whether to answer in JSON, or with the bytes of a file to be saved.",
    {"type": "string", "enum": ["json", "file"], "default": "json"},
    "json",
)
_PRECEDENT: Final = Parameter(
    "identifier", "path", "The precedent's id.", {"type": "string", "format": "uuid"}, _ID, required=True
)

SAY: Final = Operation(
    id="review_decision",
    tag=_TAG,
    summary="Take a step with the case of a decision",
    description=(
        "`confirm` closes a case; `override` proposes another outcome, which comes in force when another "
        "person says `agree`; that person may `decline`, the first may `withdraw`. `ask` waits for the "
        "applicant and stops the clock until `answer`. `comment` changes nothing, and `dispute` opens the "
        "case again. A portal may dispute its own decisions. Every step needs a reason and a text, is a "
        f"record of its own, and is never edited. Reasons: {_CODES}. 409 where the case has changed since "
        "`number`, somebody else holds it, or the state does not allow it: then nothing was recorded. So "
        "a call that names `number` can be repeated safely, and no `Idempotency-Key` is taken."
    ),
    answers={
        201: Success("The case after it.", ReviewTold, "review_told", {"Location": "the decision's address"})
    },
    problems=_ACTING,
    parameters=(IDENTIFIER,),
    body=ReviewSaid,
    body_example="review_said",
)
QUEUE: Final = Operation(
    id="list_reviews",
    tag=_TAG,
    summary="List the cases that need a person",
    description=(
        "Decisions with the outcome `contact_meta`, those that somebody disputed, and a sample of the "
        "others. Without `state`, all that are not closed. All filters must hold. Follow `next` as `cursor`, "
        "with the same filters, until it is null. It names no applicant; looking at a case is recorded."
    ),
    answers={200: Success("A page of the queue.", ReviewQueue, "review_queue")},
    problems=(400, 401, 403, 422, 503),
    parameters=(
        Parameter("state", "query", "Where they stand.", {"type": "string", "enum": list(STATES)}, "open"),
        Parameter(
            "cause", "query", "Why they need a person.", {"type": "string", "enum": list(CAUSES)}, "contact"
        ),
        Parameter(
            "reason",
            "query",
            "A reason for contact among theirs.",
            {"type": "string", "enum": list(CONTACT_REASONS)},
            "clarification",
        ),
        Parameter("generation", "query", "The generation asked about.", _TEXT, "llama-4"),
        Parameter(
            "outcome",
            "query",
            "The outcome as it was decided.",
            {"type": "string", "enum": ["permitted", "prohibited", "contact_meta"]},
            "contact_meta",
        ),
        Parameter("holder", "query", "Who holds them: `me`, `none`, or a person's name or id.", _TEXT, "me"),
        Parameter(
            "overdue",
            "query",
            "Whether they are overdue.",
            {"type": "string", "enum": ["true", "false"]},
            "true",
        ),
        Parameter("channel", "query", "How they were asked for.", _TEXT, "http"),
        Parameter(
            "order",
            "query",
            "Soonest due, or decided longest ago, first. Closed ones come by `opened` in any case.",
            {"type": "string", "enum": ["due", "opened"], "default": "due"},
            "due",
        ),
        Parameter(
            "limit",
            "query",
            "How many cases a page has at most.",
            {"type": "integer", "minimum": 1, "maximum": LARGEST_LIMIT, "default": DEFAULT_LIMIT},
            DEFAULT_LIMIT,
        ),
        Parameter("cursor", "query", "`next` of the page before.", {"type": "string"}, "AAYbN0xr"),
    ),
)
READ: Final = Operation(
    id="read_review",
    tag=_TAG,
    summary="Read the case of a decision",
    description=(
        "With all that was done with it, and the precedents that it is like. A decision that nobody had to "
        "look at is a closed case without causes. That somebody looks is recorded before the answer."
    ),
    answers={200: Success("The case.", WholeReviewCase, "whole_review_case")},
    problems=_READING,
    parameters=(IDENTIFIER,),
)
CLAIM: Final = Operation(
    id="claim_review",
    tag=_TAG,
    summary="Hold a case, or hold it for longer",
    description="While somebody holds a case, others can only comment, attach, dispute, agree or decline.",
    answers=_CASE,
    problems=_WITHOUT_BODY,
    parameters=(IDENTIFIER,),
)
RELEASE: Final = Operation(
    id="release_review",
    tag=_TAG,
    summary="Hold a case no longer",
    description="For who holds it. A case that is closed or proposed is released by itself.",
    answers=_CASE,
    problems=_WITHOUT_BODY,
    parameters=(IDENTIFIER,),
)
HAND_OVER: Final = Operation(
    id="hand_over_review",
    tag=_TAG,
    summary="Let another person hold a case",
    description="For who holds it, to a person who has a key that may review.",
    answers=_CASE,
    problems=_ACTING,
    parameters=(IDENTIFIER,),
    body=HandedOver,
    body_example="handed_over",
)
ASSIGN: Final = Operation(
    id="assign_reviews",
    tag=_TAG,
    summary="Let a person hold several cases",
    description="Those that nobody holds, or the caller does. Others are told apart, and stay as they are.",
    answers={200: Success("What became of each.", AssignedCases, "assigned_cases")},
    problems=_ACTING,
    body=Assigned,
    body_example="assigned",
)
ATTACH: Final = Operation(
    id="attach_file",
    tag=_TAG,
    summary="Attach a file to a case",
    description=(
        "A step like the others, with a reason and a text. The record commits to the file's bytes; they are "
        "erased with the texts of the decision."
    ),
    answers={
        201: Success("The case after it.", ReviewTold, "review_told", {"Location": "the decision's address"})
    },
    problems=_ACTING,
    parameters=(IDENTIFIER,),
    body=FileAttached,
    body_example="file_attached",
)
FILE: Final = Operation(
    id="read_file",
    tag=_TAG,
    summary="Read a file that was attached",
    description="In JSON, or as a file to be saved. That somebody looks is recorded before the answer.",
    answers={
        200: Success("The file.", FileContent, "file_content", others=("application/octet-stream",)),
    },
    problems=_READING,
    parameters=(
        IDENTIFIER,
        Parameter(
            "attachment",
            "path",
            "The id of the step that attached it.",
            {"type": "string", "format": "uuid"},
            _ID,
            required=True,
        ),
        _AS,
    ),
)
PRECEDENTS: Final = Operation(
    id="list_precedents",
    tag=_PRECEDENTS,
    summary="List the precedents",
    description="The newest thousand, those that have ended or expired too.",
    answers={200: Success("The precedents.", PrecedentList, "precedents")},
    problems=(401, 403, 422, 503),
)
MAKE_PRECEDENT: Final = Operation(
    id="make_precedent",
    tag=_PRECEDENTS,
    summary="Make a precedent of an override in force",
    description=(
        "It stands for decisions that share the generation, and the cells of the facts that are named, and "
        "is shown beside them. It never changes an outcome. Cells are those of the decision's ruleset."
    ),
    answers={
        201: Success("The precedent.", Precedent, "precedent", {"Location": "the address of the precedent"})
    },
    problems=_ACTING,
    body=PrecedentAsked,
    body_example="precedent_asked",
)
END_PRECEDENT: Final = Operation(
    id="end_precedent",
    tag=_PRECEDENTS,
    summary="End a precedent",
    description="A person ends it before it expires. It stays in the list.",
    answers={200: Success("The precedent.", Precedent, "precedent")},
    problems=_WITHOUT_BODY,
    parameters=(_PRECEDENT,),
)
POLICY_CASE: Final = Operation(
    id="precedent_as_case",
    tag=_PRECEDENTS,
    summary="Take a precedent away as a case of the policy",
    description=(
        "The facts of its decision, without private texts, and the outcome in force, in the form of the cases"
        " beside the rules: in JSON, or as a YAML file to be saved. That somebody looks is recorded."
    ),
    answers={200: Success("The case.", PolicyCase, "policy_case", others=("application/yaml",))},
    problems=_READING,
    parameters=(_PRECEDENT, _AS),
)
