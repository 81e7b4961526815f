"""What the calls about decisions do, for their readers."""

from typing import Final

from api.documented import Operation, Parameter, Success
from api.filters import REVIEWS
from api.schemas import Decision, DecisionList, HypotheticalWithReasons, RecordedDecision
from eligibility.facts import RequestBody
from eligibility.scalars import LONGEST_TEXT
from eligibility.storage.decisions import DEFAULT_LIMIT, LARGEST_LIMIT

_TEXT: Final = {"type": "string", "minLength": 1, "maxLength": LONGEST_TEXT}
_TIME: Final = {"type": "string", "format": "date-time"}
_FLAG: Final = {"type": "string", "enum": ["true", "false"], "default": "false"}
_LOCATION: Final = {"Location": "the address of the decision"}

IDENTIFIER: Final = Parameter(
    "identifier",
    "path",
    "The decision's `id`.",
    {"type": "string", "format": "uuid"},
    "01982c3e-5a00-7000-8000-000000000001",
    required=True,
)
DECIDE: Final = Operation(
    id="decide",
    tag="Decisions",
    summary="Decide a request and record the decision",
    description=(
        "Decides under the ruleset in force. The decision is answered only once its audit record is durably"
        " committed; where it cannot be, the answer is 503 and there is no decision. A request that is not "
        "in good form, or contradicts itself, is refused with everything that is wrong with it, and nothing"
        " is recorded. Facts that are not given are unknown, and asked for only where they can change the "
        "outcome. The body has at most 256 KiB."
    ),
    answers={
        201: Success("The decision.", Decision, "decision", _LOCATION),
        200: Success("The first decision under this idempotency key.", Decision, "decision", _LOCATION),
    },
    problems=(400, 401, 403, 409, 413, 415, 422, 503),
    parameters=(
        Parameter(
            "Idempotency-Key",
            "header",
            "Makes repeating safe: the same key and facts get the first decision, other facts 409. It "
            "belongs to the caller, and is remembered as long as the decision. A refused request uses up "
            "none.",
            {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
            "order-4711-attempt",
        ),
    ),
    body=RequestBody,
    body_example="request",
)
WHAT_IF: Final = Operation(
    id="what_if",
    tag="Decisions",
    summary="Decide a request without recording anything",
    description=(
        "Answers as a decision would, without `id`. The body has at most 256 KiB. If asked, it also says what"
        " would change the answer, why something else did not come about, and which facts force it. Such a"
        " search stops at a bound, and says so in `complete`."
    ),
    answers={200: Success("What would be decided.", HypotheticalWithReasons, "hypothetical")},
    problems=(400, 401, 403, 413, 415, 422, 503),
    parameters=(
        Parameter(
            "counterfactuals",
            "query",
            "Whether to tell all smallest changes of facts that lead to each other outcome. A fact that was"
            " not given and is given then has changed.",
            _FLAG,
            "true",
        ),
        Parameter(
            "change_kind",
            "query",
            "Whether these may change `entity.kind` too, what the applicant is.",
            _FLAG,
            "false",
        ),
        Parameter(
            "sufficient_reasons",
            "query",
            "Whether to tell the smallest sets of facts that force the outcome, whatever the others are.",
            _FLAG,
            "true",
        ),
        Parameter(
            "why_not",
            "query",
            "Findings and outcomes, with commas between them, for which to tell what stood in their way.",
            _TEXT,
            "licence.eu-multimodal,prohibited",
        ),
    ),
    body=RequestBody,
    body_example="request",
)
READ: Final = Operation(
    id="read_decision",
    tag="Decisions",
    summary="Read a decision again",
    description=(
        "The decision as it was answered, with its request, its reviews and the outcome in force. A portal "
        "sees its own; that others look at decisions they did not ask for is recorded before the answer. "
        "Where its texts were erased, `erased_at` says when, and they are null or absent. One that was "
        "dropped when its time of retention had passed is not found."
    ),
    answers={200: Success("The decision.", RecordedDecision, "recorded")},
    problems=(401, 403, 404, 422, 503),
    parameters=(IDENTIFIER,),
)
LIST: Final = Operation(
    id="list_decisions",
    tag="Decisions",
    summary="List decisions, newest first",
    description=(
        "All filters must hold. Follow `next` as `cursor`, with the same filters, until it is null: "
        "decisions made meanwhile neither repeat nor hide any. A portal sees its own; that others look at "
        "decisions they did not ask for is recorded before the answer."
    ),
    answers={200: Success("A page of decisions.", DecisionList, "decisions")},
    problems=(400, 401, 403, 422, 503),
    parameters=(
        Parameter(
            "outcome",
            "query",
            "The outcome as it was answered.",
            {"type": "string", "enum": ["permitted", "prohibited", "contact_meta"]},
            "prohibited",
        ),
        Parameter("generation", "query", "The generation asked about.", _TEXT, "llama-4"),
        Parameter("finding", "query", "A finding among those made.", _TEXT, "licence.eu-multimodal"),
        Parameter("entity_reference", "query", "The applicant's reference, exactly.", _TEXT, "crm-4711"),
        Parameter("requested_by", "query", "The principal who asked: name or id.", _TEXT, "example-portal"),
        Parameter("from", "query", "Decided at this time or later.", _TIME, "2026-11-01T00:00:00Z"),
        Parameter("to", "query", "Decided before this time.", _TIME, "2026-12-01T00:00:00Z"),
        Parameter(
            "review",
            "query",
            "What reviewers have said: a kind of word, or `none`. Portals cannot ask for comments and files.",
            {"type": "string", "enum": list(REVIEWS)},
            "none",
        ),
        Parameter(
            "limit",
            "query",
            "How many decisions a page has at most.",
            {"type": "integer", "minimum": 1, "maximum": LARGEST_LIMIT, "default": DEFAULT_LIMIT},
            DEFAULT_LIMIT,
        ),
        Parameter("cursor", "query", "`next` of the page before.", {"type": "string"}, "NDI"),
    ),
)
