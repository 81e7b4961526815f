"""The answers as models, which describe them to callers. Tests hold real answers against them."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Outcome = Literal["permitted", "prohibited", "contact_meta"]
Effect = Literal["prohibits", "contact", "exempts", "note"]
Reason = Literal["separate_licence", "case_by_case", "clarification"]


class _Answer(BaseModel):
    """Complete: what is not described is not sent."""

    model_config = ConfigDict(extra="forbid")


class Citation(_Answer):
    """Where a rule comes from."""

    document: str = Field(description="The id of the source, as `/v1/policy/documents` lists it.")
    clause: str = Field(description="The heading and number as printed there.")
    url: str = Field(description="Where the source is published.")


class Because(_Answer):
    """A fact that a finding rests on."""

    fact: str = Field(description="The dotted path of the fact.")
    value: Any = Field(description="What it was given, derived or presumed to be; null where it is unknown.")
    test: str = Field(description="What the rule asks of it, as it was answered.")


class Finding(_Answer):
    """What a rule found."""

    finding: str = Field(description="The name of the finding.")
    effect: Effect = Field(description="What it does to the outcome.")
    reason: Reason | None = Field(description="Why Meta is to be asked; null unless the effect is `contact`.")
    title: str = Field(description="A few words to show as its heading.")
    summary: str = Field(description="What it means, in a sentence or two.")
    because: list[Because] = Field(description="The facts it rests on.")
    follows_from: list[str] = Field(description="The derived facts and findings it rests on directly.")
    rules: list[str] = Field(description="The ids of the rules that made it.")
    citations: list[Citation] = Field(description="Where those rules come from; at least one.")


class PossibleObligation(_Answer):
    """An obligation that hangs on facts that are not known."""

    obligation: str = Field(description="The name of the obligation.")
    value: str | None = Field(description="The literal text due, or null where none is.")
    title: str = Field(description="A few words to show as its heading.")
    summary: str = Field(description="What has to be done.")
    citations: list[Citation] = Field(description="Where it is written.")
    depends_on: list[str] = Field(description="The dotted paths of the facts it hangs on.")


class Obligation(_Answer):
    """An obligation that comes with the permission."""

    obligation: str = Field(description="The name of the obligation.")
    value: str | None = Field(description="The literal text due, or null where none is.")
    title: str = Field(description="A few words to show as its heading.")
    summary: str = Field(description="What has to be done.")
    citations: list[Citation] = Field(description="Where it is written.")
    status: Literal["met", "unmet", "unknown"] = Field(
        description="Whether the facts given show it to be met."
    )


class MissingFact(_Answer):
    """An unknown fact that can change the outcome."""

    fact: str = Field(description="The dotted path of the fact.")
    question: str = Field(description="The question to ask for it.")
    outcomes: list[Outcome] = Field(description="The outcomes that its values can lead to.")


class Assumption(_Answer):
    """An exceptional fact that was not given and taken at its default."""

    fact: str = Field(description="The dotted path of the fact.")
    value: Any = Field(description="What it was taken to be.")


class Contact(_Answer):
    """Whom to ask, and why."""

    email: str = Field(description="The address of the licensor for requests.")
    reasons: list[Reason] = Field(description="Why the answer is Meta's to give.")


class Recourse(_Answer):
    """What can be done about a prohibition."""

    email: str = Field(description="The address of the licensor for requests.")
    summary: str = Field(description="What to write.")


class RulesetName(_Answer):
    """The ruleset decided under."""

    version: str = Field(description="The name its authors gave it.")
    digest: str = Field(description="`sha256:` and 64 hexadecimal digits: what identifies it.")


class ExplainedCitation(Citation):
    """Where a rule comes from, with what the source is called."""

    title: str = Field(description="What the source is called within a sentence.")


class ExplainedRule(_Answer):
    """A rule that the explanation names."""

    title: str = Field(description="A few words to show as its heading.")
    citations: list[ExplainedCitation] = Field(description="Where it comes from; at least one.")


class Explanation(_Answer):
    """The inference graph: facts, tests, derived facts, findings, outcome; and its text."""

    nodes: list[dict[str, Any]] = Field(
        description="Each with an `id` and a `kind`, and what that kind has. `fact`: `label`, `value` and its"
        " `origin` (`given`, `presumed`, `derived`, or `unknown` where it was not given). `test`: what was"
        " asked of a fact, in words, and `says`, the same as a clause of a sentence; `exact` where that names"
        " the value. `unknown`: a fact that was not given, and the `outcomes` it can lead to. All others are"
        " conclusions with a `title` and the ids of the `rules` that gave them: `derived` (`holds` is false"
        " where it was not concluded), `absence` (no finding with this `effect`), `finding`,"
        " `possible_finding` (made `when` unknown facts are so), `obligation`, `possible_obligation`,"
        " `licensor`, `outcome`."
    )
    edges: list[dict[str, Any]] = Field(
        description="`from` and `to` name nodes, `rule` the rule between them, or null."
    )
    rules: dict[str, ExplainedRule] = Field(description="Every rule that nodes name, by id.")
    text: list[str] = Field(description="The graph in plain English, by paragraphs.")


class Hypothetical(_Answer):
    """What would be decided. Answers to the same facts under the same ruleset differ in their time only."""

    decided_at: str = Field(description="When, RFC 3339 in UTC.")
    outcome: Outcome = Field(description="The answer: `contact_meta` where it is Meta's to give.")
    summary: str = Field(description="One or two plain sentences to show.")
    findings: list[Finding] = Field(description="By effect (prohibits, contact, exempts, note), then name.")
    obligations: list[Obligation] = Field(description="What the permission asks for; only if permitted.")
    possible_obligations: list[PossibleObligation] = Field(
        description="What it may ask for; only if permitted."
    )
    missing_facts: list[MissingFact] = Field(description="Exactly the unknown facts that matter.")
    assumptions: list[Assumption] = Field(description="What was presumed.")
    contact: Contact | None = Field(description="On `contact_meta`.")
    recourse: Recourse | None = Field(description="On `prohibited`.")
    licensor: str | None = Field(description="Who grants the licence; null where the country is unknown.")
    ruleset: RulesetName = Field(description="The policy that was applied.")
    explanation: Explanation = Field(description="Everything that led to the outcome.")


class ChangedTogether(_Answer):
    """Facts that change together."""

    set: dict[str, Any] = Field(description="The values to send, by the dotted paths of the facts.")
    instead_of: dict[str, Any] = Field(description="The values that they replace; null where unknown.")
    meaning: list[str] = Field(description="What rules make of the new values, as far as it matters.")
    or_: list[dict[str, Any]] = Field(alias="or", description="Other values to send, which do alike.")


class Change(_Answer):
    """A smallest change of facts. Of each part, any of its values will do."""

    parts: list[ChangedTogether] = Field(description="What changes.")
    text: str | None = Field(
        description="The change in a sentence; null where the policy has no words for it."
    )


class ChangesToOutcome(_Answer):
    """All smallest changes that lead to one outcome."""

    outcome: Outcome = Field(description="Where they lead.")
    complete: bool = Field(description="Whether all are told; false where there are too many, or to search.")
    facts_changed: int | None = Field(description="How many facts each changes; null where none leads there.")
    changes: list[Change] = Field(description="The changes, each decided before it is told.")


class Counterfactuals(_Answer):
    """What would change the decision."""

    complete: bool = Field(description="Whether all are complete.")
    outcomes: list[ChangesToOutcome] = Field(description="For each other outcome.")


class StoodInTheWay(_Answer):
    """A condition that would have to be otherwise."""

    fact: str = Field(description="The dotted path of the fact.")
    value: Any = Field(description="What it is; null where it is unknown or does not apply.")
    is_: list[str] = Field(alias="is", description="What is so of it.")
    has_to_be: list[str] = Field(description="What would have to be so.")
    for_example: Any = Field(description="A value with which it is.")


class ConditionsInTheWay(_Answer):
    """Conditions that stood in the way together."""

    conditions: list[StoodInTheWay] = Field(description="Each would have to be otherwise.")
    text: str | None = Field(description="The same in a sentence; null as for changes.")


class WhyNot(_Answer):
    """Why a finding or an outcome did not come about."""

    name: str = Field(description="The finding or outcome.")
    came_about: bool = Field(description="Whether it did come about, for certain.")
    complete: bool = Field(description="Whether all smallest sets are told.")
    sets: list[ConditionsInTheWay] = Field(
        description="The smallest sets; none where nothing can bring it about."
    )


class HeldFact(_Answer):
    """A fact that, with others, forces the outcome."""

    fact: str = Field(description="The dotted path of the fact.")
    label: str = Field(description="What it is called.")
    value: Any = Field(description="What it was given, derived or presumed to be.")


class SufficientReasons(_Answer):
    """The smallest sets of facts that force the outcome, whatever the others are."""

    complete: bool = Field(description="Whether all are told.")
    sets: list[list[HeldFact]] = Field(description="None where the outcome rests on facts being unknown.")


class HypotheticalWithReasons(Hypothetical):
    """What would be decided, with the reasons that were asked for."""

    counterfactuals: Counterfactuals | None = Field(default=None, description="If asked for.")
    why_not: list[WhyNot] | None = Field(default=None, description="One for each name asked about.")
    sufficient_reasons: SufficientReasons | None = Field(default=None, description="If asked for.")


class Decision(Hypothetical):
    """A recorded decision. Those on the same facts under the same ruleset differ in id and time only."""

    id: str = Field(description="The decision's id, a UUIDv7.")


class Place(_Answer):
    """Where a decision stands in the audit log."""

    sequence: int = Field(description="Its place in the log, from 1, without gaps.")
    channel: str = Field(description="How it was asked for: `http`, `batch` or `cli`.")
    requested_by: str = Field(description="The name of the principal who asked.")


class RecordedDecision(Decision):
    """A decision as it was answered, and what became of it."""

    request: dict[str, Any] = Field(description="The facts as given, but for texts that were erased.")
    request_id: str | None = Field(default=None, description="What the backlog it came in called it.")
    erased_at: str | None = Field(description="When its texts were erased; null where they were not.")
    reviews: list[dict[str, Any]] = Field(
        description="What reviewers have said, oldest first; for a portal, states and outcomes alone."
    )
    outcome_in_force: Outcome = Field(description="The outcome after reviews.")
    recorded: Place = Field(description="Where it stands in the log.")


class ListedEntity(_Answer):
    """The applicant."""

    kind: str | None = Field(description="What sort of applicant.")
    name: str | None = Field(description="The name, if given and not erased.")
    reference: str | None = Field(description="The caller's reference, if given and not erased.")


class ListedDecision(_Answer):
    """A decision as it is listed."""

    id: str = Field(description="The decision's id.")
    outcome: Outcome = Field(description="The outcome as it was answered.")
    generation: str = Field(description="The generation asked about.")
    findings: list[str] = Field(description="The names of the findings.")
    missing_facts: list[str] = Field(description="The dotted paths of the missing facts.")
    entity: ListedEntity = Field(description="The applicant.")
    requested_by: str = Field(description="The name of the principal who asked.")
    channel: str = Field(description="How it was asked for.")
    decided_at: str = Field(description="When, RFC 3339 in UTC.")
    outcome_in_force: Outcome = Field(description="The outcome after reviews.")
    reviews: int = Field(description="How many reviews there are.")


class DecisionList(_Answer):
    """A page of decisions, newest first."""

    decisions: list[ListedDecision] = Field(description="The decisions of this page.")
    next: str | None = Field(description="The `cursor` of the next page; null on the last.")


class PolicyOutcome(_Answer):
    """An outcome that decisions can have."""

    outcome: Outcome = Field(description="Its code.")
    title: str = Field(description="What it is called.")


class PolicyIndex(_Answer):
    """What there is to read of the policy."""

    ruleset: RulesetName = Field(description="The ruleset in force.")
    contact: str = Field(description="The address for requests to Meta.")
    outcomes: list[PolicyOutcome] = Field(description="The outcomes that decisions can have.")
    views: dict[str, str] = Field(description="The address of each view, by its name.")


class PolicyView(BaseModel):
    """One view of the policy: the ruleset, and a list under the view's own name."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, list[dict[str, Any]]]

    ruleset: RulesetName = Field(description="The ruleset in force.")


class Alive(_Answer):
    """The process answers."""

    status: Literal["ok"] = Field(description="Always `ok`.")


class DatabaseHealth(_Answer):
    """The database."""

    migration: str = Field(description="The revision of its schema.")


class LogHealth(_Answer):
    """The audit log."""

    block: int = Field(description="The number of the last block.")
    next_sequence: int = Field(description="The sequence that the next record gets.")
    backlog: int = Field(description="Records that wait for this process to write them.")


class RulesetHealth(RulesetName):
    """The ruleset that this process decides under, and the one in force."""

    in_force: str | None = Field(
        description="The digest in force; differs for an instant after an activation."
    )


class Ready(_Answer):
    """Decisions can be made and recorded. The details are for the roles that watch."""

    status: Literal["ready"] = Field(description="Always `ready`; otherwise there is a problem.")
    database: DatabaseHealth | None = Field(default=None, description="The database.")
    log: LogHealth | None = Field(default=None, description="The audit log.")
    ruleset: RulesetHealth | None = Field(default=None, description="The ruleset.")


class FaultOfRequest(_Answer):
    """One thing that is wrong with a request."""

    pointer: str = Field(
        description="A JSON pointer into the body, or into the query parameters as an object."
    )
    detail: str = Field(description="What is wrong, and what would be right.")


class ProblemDocument(BaseModel):
    """Why there is no answer (RFC 9457)."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="The kind of problem; `/schema/problems` describes all kinds.")
    title: str = Field(description="The kind of problem in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What is wrong this time, and what would be right.")
    instance: str = Field(description="Names this occurrence, also in the service's logs.")
    errors: list[FaultOfRequest] | None = Field(default=None, description="Everything wrong with the input.")


class KindOfProblem(_Answer):
    """A kind of problem."""

    type: str = Field(description="What problem documents of this kind have as `type`.")
    status: int = Field(description="The HTTP status.")
    title: str = Field(description="The kind in words.")
    remedy: str = Field(description="What a caller can do.")


class KindsOfProblems(_Answer):
    """All kinds of problems."""

    problems: list[KindOfProblem] = Field(description="By status.")
