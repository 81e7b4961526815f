"""What is answered about batches, as models, which describe it to callers."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.schemas import Outcome


class _Answer(BaseModel):
    """Complete: what is not described is not sent."""

    model_config = ConfigDict(extra="forbid")


class BatchOutcomes(_Answer):
    """How many rows got each outcome so far."""

    permitted: int = Field(description="How many are permitted.")
    prohibited: int = Field(description="How many are prohibited.")
    contact_meta: int = Field(description="How many Meta is to be asked about.")


class BatchRuleset(_Answer):
    """The ruleset that was in force when the batch began, and that decides all of it."""

    version: str = Field(description="Its version, as its authors call it.")
    digest: str = Field(description="Its digest.")


class Batch(_Answer):
    """A batch: how far it is, and what came of it."""

    id: str = Field(description="Its id, a UUIDv7, also that of its record in the log.")
    state: Literal["running", "done", "cancelled", "failed"] = Field(
        description="`running` until it is `done`, or was `cancelled`, or `failed` as `problem` says."
    )
    format: Literal["jsonl", "csv", "parquet"] = Field(description="What it was uploaded as.")
    requested_by: str = Field(description="The name of the principal who uploaded it.")
    ruleset: BatchRuleset = Field(description="What decides it.")
    rows: int | None = Field(description="How many rows it has; null where that is known only at its end.")
    decided: int = Field(description="How many of them are decided and recorded.")
    refused: int = Field(description="How many were refused, each with its reasons.")
    outcomes: BatchOutcomes = Field(description="The outcomes of those decided.")
    rows_per_second: float = Field(
        description="How many it did in a second, from its start to its end or now."
    )
    started_at: str = Field(description="When it began, RFC 3339 in UTC. All its decisions bear this time.")
    ended_at: str | None = Field(description="When it ended; null while it runs.")
    problem: str | None = Field(description="Why it failed; null unless it did.")


class BatchList(_Answer):
    """A page of batches, newest first."""

    batches: list[Batch] = Field(description="The batches.")
    next: str | None = Field(description="The cursor of the page after this one; null at the end.")


class LineFault(_Answer):
    """One thing that is wrong with a line."""

    pointer: str = Field(description="Where, as a JSON pointer (RFC 6901) into the request.")
    detail: str = Field(description="What is wrong, and what would be right.")


class LineError(_Answer):
    """Why a line was refused."""

    detail: str = Field(description="In one sentence.")
    errors: list[LineFault] = Field(description="Every fault.")


class BatchResult(_Answer):
    """What became of a line: either a decision or an error. One such object stands in each line."""

    line: int = Field(description="The line of the file, from 1; in CSV the header is line 1.")
    request_id: str | None = Field(description="What the file calls the request.")
    id: str | None = Field(default=None, description="The id of the decision.")
    outcome: Outcome | None = Field(default=None, description="The outcome.")
    findings: list[str] | None = Field(default=None, description="The names of the findings.")
    obligations: list[str] | None = Field(default=None, description="The names of the obligations.")
    missing_facts: list[str] | None = Field(default=None, description="The dotted paths of missing facts.")
    contact_reasons: list[str] | None = Field(default=None, description="Why Meta is to be asked.")
    decision: dict[str, Any] | None = Field(
        default=None, description="The whole decision, where it is asked for with `full=true`."
    )
    error: LineError | None = Field(default=None, description="Why there is no decision.")


class RefusedLine(_Answer):
    """A line that was refused. One such object stands in each line."""

    line: int = Field(description="The line of the file, from 1; in CSV the header is line 1.")
    request_id: str | None = Field(description="What the file calls the request.")
    error: LineError = Field(description="Why.")
