"""What exports do, for their readers."""

from typing import Final

from api.documented import Operation, Parameter, Success
from api.export_schemas import ExportedLine
from eligibility.export import ALL
from eligibility.export_formats import FORMATS, MEDIA_TYPES
from eligibility.storage.entries import DECISION

_TIME: Final = {"type": "string", "format": "date-time"}
_FLAG: Final = {"type": "boolean"}

EXPORT: Final = Operation(
    id="export_log",
    tag="Audit",
    summary="Export the records of a period",
    description=(
        "Streams records in the log's order, up to the record of this export itself, which is made before "
        "anything is sent. Texts that were erased, or are erased while it is sent, are left out. JSONL: an "
        "object for each record; with proofs, an object `block` before the records of each block; last, an"
        ' object `end` with the number of records: `{"end": {"records": 3, …}}`. CSV: a column for each '
        "member, lists joined by `;`, what is nested as JSON; texts that a spreadsheet would run as formulas"
        " get a leading `'`. Parquet: typed columns, what is nested as JSON. An export that was cut has no "
        "`end`, lacks the end of its Parquet file, and ends without the last chunk of its transfer encoding,"
        " so that a client reports an error: take none that does. Reviewers and approvers export decisions "
        "and reviews; for other kinds of records a key of the roles `auditor` or `admin` is needed."
    ),
    answers={
        200: Success(
            "The records.",
            ExportedLine,
            "export",
            media_type=MEDIA_TYPES["jsonl"],
            others=tuple(MEDIA_TYPES[form] for form in FORMATS if form != "jsonl"),
        )
    },
    problems=(400, 401, 403, 422, 503),
    parameters=(
        Parameter(
            "from",
            "query",
            "Recorded at this time or later; any, if left out.",
            _TIME,
            "2026-11-01T00:00:00Z",
        ),
        Parameter(
            "to", "query", "Recorded before this time; any, if left out.", _TIME, "2026-12-01T00:00:00Z"
        ),
        Parameter(
            "format",
            "query",
            "How records are written.",
            {"type": "string", "enum": list(FORMATS), "default": FORMATS[0]},
            "csv",
        ),
        Parameter(
            "kind",
            "query",
            f"The kind of records, or `{ALL}`.",
            {"type": "string", "default": DECISION},
            DECISION,
        ),
        Parameter(
            "proofs",
            "query",
            "Whether to add what proves a record offline: body, leaf, proof, signed block; and with texts, "
            "what opens the commitment to them.",
            {**_FLAG, "default": False},
            "true",
        ),
        Parameter(
            "texts",
            "query",
            "Whether to include private texts and names of those who asked.",
            {**_FLAG, "default": True},
            "false",
        ),
    ),
)
