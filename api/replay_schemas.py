"""The answers about decisions that were decided again, as models."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.schemas import Decision, Hypothetical


class _Part(BaseModel):
    """Complete: what is not described is not sent."""

    model_config = ConfigDict(extra="forbid")


class BeforeAndAfter(_Part):
    """Something that is told otherwise."""

    before: Any = Field(description="What was recorded.")
    after: Any = Field(description="What is decided now.")


class Concluded(_Part):
    """What a rule concludes."""

    kind: str = Field(description="`derive`, `finding`, `obligation`, `licensor` or `outcome`.")
    name: str = Field(description="Which one.")


class FiredRule(_Part):
    """A rule that fires otherwise."""

    rule: str = Field(description="The rule's id.")
    title: str | None = Field(description="A few words to show as its heading.")
    concludes: Concluded | None = Field(description="What it concludes where it fires.")


class FiredRules(_Part):
    """The rules that fire otherwise."""

    only_before: list[FiredRule] = Field(description="Those that fired when it was recorded, and not now.")
    only_after: list[FiredRule] = Field(description="Those that fire only now.")
    otherwise: list[FiredRule] = Field(description="Those that fire both times, on other grounds.")


class ChangedFinding(_Part):
    """A finding that is made otherwise."""

    finding: str = Field(description="The name of the finding.")
    title: str | None = Field(description="A few words to show as its heading.")
    before: dict[str, Any] | None = Field(description="Effect and reason as recorded; null where not made.")
    after: dict[str, Any] | None = Field(description="Effect and reason now; null where it is not made.")
    rules: list[str] = Field(description="The rules that made it, on either side.")


class ChangedObligation(_Part):
    """An obligation that is due otherwise."""

    obligation: str = Field(description="The name of the obligation.")
    title: str | None = Field(description="A few words to show as its heading.")
    before: dict[str, Any] | None = Field(description="How it was recorded; null where it was not due.")
    after: dict[str, Any] | None = Field(description="How it is now; null where it is not due.")
    rules: list[str] = Field(description="The rules that demand it, on either side.")


class ChangedMissingFact(_Part):
    """A fact that is missing on one side only, or can lead elsewhere."""

    fact: str = Field(description="The path of the fact; `[]` stands for any affiliate.")
    before: dict[str, Any] | None = Field(description="The outcomes it could lead to; null where it was not.")
    after: dict[str, Any] | None = Field(description="The outcomes it can lead to; null where it is not.")


class RefusedFact(_Part):
    """What the other ruleset does not accept."""

    fact: str = Field(description="The path of the fact.")
    code: str | None = Field(description="The code it does not know; null for what is said of the model.")


class Differences(_Part):
    """What came of it. Which members there are follows from `what`."""

    what: Literal["changed", "refused", "undecidable", "explanation"] = Field(
        description="`changed`: something is told otherwise. `refused`: the ruleset does not accept the"
        " facts, for `reasons`. `undecidable`: texts were erased, and the ruleset asks of `facts` what the"
        " record does not answer. `explanation`: only the recorded reasoning differs."
    )
    outcomes: BeforeAndAfter | None = Field(default=None, description="The outcome.")
    rules: FiredRules | None = Field(default=None, description="The rules that fire otherwise.")
    findings: list[ChangedFinding] = Field(default=[], description="Findings that are made otherwise.")
    possible_findings: list[ChangedFinding] = Field(
        default=[], description="Findings that hang on unknown facts, and do so otherwise."
    )
    obligations: list[ChangedObligation] = Field(default=[], description="Obligations due otherwise.")
    possible_obligations: list[ChangedObligation] = Field(
        default=[], description="Obligations that hang on unknown facts, and do so otherwise."
    )
    missing: list[ChangedMissingFact] = Field(default=[], description="Missing facts that differ.")
    contact_reasons: BeforeAndAfter | None = Field(default=None, description="Why Meta is to be asked.")
    licensor: BeforeAndAfter | None = Field(default=None, description="Who grants the licence.")
    reasons: list[RefusedFact] = Field(default=[], description="Where it is refused: what is not accepted.")
    facts: list[str] = Field(default=[], description="Where it is undecidable: what cannot be answered.")


class Replay(_Part):
    """A recorded decision, and what is decided on the same facts now."""

    recorded: Decision = Field(description="The decision as it was answered.")
    replayed: Hypothetical | None = Field(description="What is decided now; null where nothing can be.")
    same: bool = Field(
        description="Whether both say the same; under the recorded ruleset also for the same reasons."
    )
    differences: Differences | None = Field(description="What differs; null where nothing does.")
