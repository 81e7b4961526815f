"""The lines of exports as a model, which describes them to callers."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class ExportedLine(BaseModel):
    """A record as it is exported. The last members are there where proofs are asked for."""

    model_config = ConfigDict(extra="forbid")

    sequence: int = Field(description="The record's place in the log, from 1, without gaps.")
    id: str = Field(description="Its id, a UUIDv7.")
    kind: str = Field(description="What it records, as `decision`.")
    at: str = Field(description="When, RFC 3339 in UTC.")
    actor: str = Field(description="The id of the principal who did it, or `system`.")
    requested_by: str | None = Field(description="The name of that principal; null without texts.")
    channel: str = Field(description="How: `http`, `batch`, `cli` or `system`.")
    subject: str | None = Field(description="The id of the record that it is about; null for most kinds.")
    outcome: str | None = Field(description="The outcome of a decision as it was answered.")
    generation: str | None = Field(description="The generation a decision was asked about.")
    ruleset: str | None = Field(description="The digest of the ruleset decided under, or dealt with.")
    findings: list[str] | None = Field(description="The names of a decision's findings.")
    obligations: list[str] | None = Field(description="The names of a decision's obligations.")
    missing_facts: list[str] | None = Field(description="The dotted paths of a decision's missing facts.")
    facts: dict[str, Any] = Field(
        description="The facts as given, or as recorded, with texts where these are kept and asked for."
    )
    request_id: str | None = Field(description="What the backlog it came in called a request.")
    texts_erased: bool = Field(description="Whether it had private texts that were erased.")
    block: int | None = Field(default=None, description="The number of its block.")
    index: int | None = Field(default=None, description="Its place in the block, from 0.")
    leaf: str | None = Field(default=None, description="Its leaf: SHA-256(0x00 ‖ body), in hexadecimal.")
    proof: list[str] | None = Field(
        default=None,
        description="The hashes that lead from the leaf to the block's root (RFC 6962), lowest first; null "
        "where the block is not whole any more.",
    )
    body: str | None = Field(default=None, description="What the leaf is a hash of, byte for byte.")
    texts: dict[str, Any] | None = Field(
        default=None,
        description="`salt` and `content`, which open the commitment `private` of the body; null where there "
        "are none.",
    )
