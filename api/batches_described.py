"""What the calls about batches do, for their readers."""

from typing import Final

from api.batch_schemas import Batch, BatchList, BatchResult, RefusedLine
from api.documented import Operation, Parameter, Success
from eligibility.facts import RequestBody
from eligibility.storage.decisions import DEFAULT_LIMIT, LARGEST_LIMIT

JSONL: Final = "application/jsonl"
CSV: Final = "text/csv"
PARQUET: Final = "application/vnd.apache.parquet"
FORMATS: Final = ("jsonl", "csv", "parquet")
MEDIA_TYPES: Final = {"jsonl": JSONL, "csv": CSV, "parquet": PARQUET}

_TAG: Final = "Batches"
_FLAG: Final = {"type": "string", "enum": ["true", "false"], "default": "false"}
_FORMAT: Final = {"type": "string", "enum": list(FORMATS)}
_READING: Final = (400, 401, 403, 404, 422, 503)
_COVERED: Final = {
    "Batch-State": "The state of the batch when the answer began.",
    "Batch-Rows": "How many rows of the batch the answer covers, from its first on, without a gap.",
}
IDENTIFIER: Final = Parameter(
    "identifier",
    "path",
    "The batch's id.",
    {"type": "string", "format": "uuid"},
    "01982c3e-5a00-7000-8000-000000000006",
    required=True,
)

UPLOAD: Final = Operation(
    id="upload_batch",
    tag=_TAG,
    summary="Upload a backlog to be decided",
    description=(
        "Takes a file of requests: JSONL (`application/jsonl`, `application/x-ndjson`), CSV (`text/csv`) or "
        "Parquet (`application/vnd.apache.parquet`), as it is or with `Content-Encoding: gzip` or `zstd`. In "
        "JSONL a line is a request, with an optional `request_id` of your own beside its facts; in CSV a "
        "column is a dotted path (`entity.kind`), lists are joined by `;`, affiliates are a JSON cell; in "
        "Parquet columns are nested. Wrong columns are refused with every fault, and nothing is kept. A bad "
        "line is reported and never stops the rest. All is decided under the ruleset in force now, and each "
        "row is recorded as a decision. Follow `Location` for progress and results. The service says how "
        "large a file may be, and how many batches of one caller may be under way."
    ),
    answers={
        202: Success("It is stored, and will be decided.", Batch, "batch", {"Location": "The batch."}),
    },
    problems=(400, 401, 403, 413, 415, 422, 429, 503),
    parameters=(
        Parameter(
            "format",
            "query",
            "What the body is, whatever `Content-Type` says.",
            _FORMAT,
            "csv",
        ),
    ),
    body=RequestBody,
    body_example="request",
    body_types=(JSONL, CSV, PARQUET),
)
LIST: Final = Operation(
    id="list_batches",
    tag=_TAG,
    summary="List batches, newest first",
    description="A portal sees its own. Follow `next` as `cursor` until it is null.",
    answers={200: Success("A page of batches.", BatchList, "batches")},
    problems=(400, 401, 403, 422, 503),
    parameters=(
        Parameter(
            "limit",
            "query",
            "How many batches a page has at most.",
            {"type": "integer", "minimum": 1, "maximum": LARGEST_LIMIT, "default": DEFAULT_LIMIT},
            DEFAULT_LIMIT,
        ),
        Parameter(
            "cursor",
            "query",
            "`next` of the page before.",
            {"type": "string", "format": "uuid"},
            "01982c3e-5a00-7000-8000-000000000006",
        ),
    ),
)
READ: Final = Operation(
    id="read_batch",
    tag=_TAG,
    summary="See how far a batch is",
    description="Its state, its counts so far, and its pace. A portal sees its own.",
    answers={200: Success("The batch.", Batch, "batch")},
    problems=_READING,
    parameters=(IDENTIFIER,),
)
RESULTS: Final = Operation(
    id="batch_results",
    tag=_TAG,
    summary="Read the results of a batch",
    description=(
        "A line for each row, in their order: either the names of what was decided, or why the row was "
        "refused. While the batch runs, these are the results as far as there are without a gap; "
        "`Batch-Rows` says how many. Streamed; an answer that was cut ends without the last chunk of its "
        "transfer encoding, so that a client reports an error. That others than the caller who uploaded it "
        "look is recorded before the answer. Texts that were erased are left out."
    ),
    answers={
        200: Success(
            "The results.", BatchResult, "batch_result", _COVERED, media_type=JSONL, others=(CSV, PARQUET)
        )
    },
    problems=_READING,
    parameters=(
        IDENTIFIER,
        Parameter("format", "query", "How they are written.", {**_FORMAT, "default": "jsonl"}, "csv"),
        Parameter(
            "full",
            "query",
            "Whether to add the whole decision to each line, as `POST /v1/decisions` answers it.",
            _FLAG,
            "true",
        ),
    ),
)
REFUSED: Final = Operation(
    id="batch_refused",
    tag=_TAG,
    summary="Read the refused lines of a batch",
    description=(
        "As the results, with those lines alone that were refused, so that they can be corrected and "
        "uploaded again."
    ),
    answers={
        200: Success(
            "The refused lines.",
            RefusedLine,
            "batch_refused",
            _COVERED,
            media_type=JSONL,
            others=(CSV, PARQUET),
        )
    },
    problems=_READING,
    parameters=(
        IDENTIFIER,
        Parameter("format", "query", "How they are written.", {**_FORMAT, "default": "jsonl"}, "csv"),
    ),
)
CANCEL: Final = Operation(
    id="cancel_batch",
    tag=_TAG,
    summary="Cancel a batch",
    description=(
        "Nothing more of it is decided. What was decided stays recorded, and its results can be read."
    ),
    answers={200: Success("The batch as it is now.", Batch, "batch")},
    problems=(401, 403, 404, 409, 422, 503),
    parameters=(IDENTIFIER,),
)
