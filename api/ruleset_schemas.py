"""Calls about rulesets as models: what is sent, and what is answered."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.forms import FormOfCall, Moment, Reason
from eligibility.rules_folder import MOST_FILES

State = Literal["draft", "proposed", "approved", "scheduled", "in_force", "retired"]


class _Answer(BaseModel):
    """Complete: what is not described is not sent."""

    model_config = ConfigDict(extra="forbid")


class RulesetUpload(FormOfCall):
    """The files of a rules folder."""

    files: dict[str, str] = Field(
        min_length=1,
        max_length=MOST_FILES,
        description="The texts of the files by their names in the folder, such as `ruleset.yaml` and "
        "`cases/licence.yaml`.",
    )
    reason: Reason = Field(description="Why the policy is to change.")


class ReasonGiven(FormOfCall):
    """Why somebody acts."""

    reason: Reason = Field(description="Why. It can be erased; that somebody acted cannot.")


class ActivationAsked(ReasonGiven):
    """Why a ruleset is put in force, and when."""

    at: Moment | None = Field(
        default=None, description="When, by the database's clock; at once where it is left out."
    )


class ImpactAsked(FormOfCall):
    """The decisions that are to be decided again."""

    from_: Moment = Field(alias="from", description="Decided at this time or later.")
    to: Moment = Field(description="Decided before this time.")


class ListedRuleset(_Answer):
    """A ruleset as it is listed."""

    digest: str = Field(description="What identifies it.")
    version: str = Field(description="The name its authors gave it.")
    state: State = Field(description="Where it stands.")
    loaded_by: str = Field(description="The name of the principal who loaded it, or `system`.")
    loaded_at: str = Field(description="When, RFC 3339 in UTC.")
    moved_at: str | None = Field(description="When its last step was taken.")
    due: str | None = Field(description="When it is to be put in force, where that is set.")
    in_force_since: str | None = Field(description="Since when it is in force; null where it is not.")


class RulesetList(_Answer):
    """Every ruleset, the one loaded last first."""

    rulesets: list[ListedRuleset] = Field(description="The rulesets.")


class RulesetStep(_Answer):
    """A step that was taken with a ruleset."""

    step: str = Field(
        description="`loaded`, `proposed`, `approved`, `withdrawn`, `scheduled`, `unscheduled`, `activated` "
        "or `retired`."
    )
    by: str | None = Field(description="The name of the principal who took it, or `system`.")
    at: str = Field(description="When, by the database's clock.")
    due: str | None = Field(description="The date that was set, where one was.")
    reason: str | None = Field(description="Why; null where none was given, or it was erased.")


class RulesetCheck(_Answer):
    """The latest check of a kind."""

    kind: str = Field(description="`load`, `tests`, `proof`, `difference` or `impact`.")
    passed: bool = Field(description="Whether it was passed.")
    against: str = Field(description="The ruleset that was in force then.")
    is_current: bool = Field(description="Whether that one is still in force; where not, check again.")
    by: str | None = Field(description="The name of the principal who had it made.")
    at: str = Field(description="When it was made.")
    summary: str = Field(description="What came of it, in a sentence.")
    report: dict[str, Any] | None = Field(default=None, description="All of it, with `reports=true`.")


class RulesetImpact(RulesetCheck):
    """The latest impact, in short."""

    groups: int = Field(description="How many groups of changes there are.")
    signed_off: int = Field(description="How many of them are signed off.")


class NextStep(_Answer):
    """What comes next."""

    step: str = Field(description="`proposal`, `approval` or `activation`.")
    by: str = Field(description="Who may take it.")
    missing: list[str] = Field(description="What has to be done before, in sentences.")


class RulesetLife(_Answer):
    """A ruleset and its life."""

    digest: str = Field(description="What identifies it.")
    version: str = Field(description="The name its authors gave it.")
    state: State = Field(description="Where it stands.")
    loaded_by: str = Field(description="The name of the principal who loaded it, or `system`.")
    loaded_at: str = Field(description="When, RFC 3339 in UTC.")
    due: str | None = Field(description="When it is to be put in force, where that is set.")
    in_force: str | None = Field(description="The ruleset that is in force now.")
    steps: list[RulesetStep] = Field(description="The steps taken, oldest first.")
    checks: list[RulesetCheck] = Field(description="The latest check of each kind.")
    impact: RulesetImpact | None = Field(description="The latest impact, in short.")
    next: NextStep | None = Field(description="What comes next; null for the one in force.")
    document: dict[str, Any] | None = Field(default=None, description="The policy, with `document=true`.")


class SignedOff(_Answer):
    """Who answers for a group."""

    by: str | None = Field(description="The name of the person.")
    at: str = Field(description="When.")
    reason: str | None = Field(description="Why; null where it was erased.")


class Impact(RulesetCheck):
    """The impact of a ruleset: what it changes for recorded decisions, each way of changing in one group."""

    digest: str = Field(description="The ruleset that was decided under.")
    ruleset: str | None = Field(default=None, description="The same; null where it could not be computed.")
    from_: str | None = Field(default=None, alias="from", description="The period's beginning.")
    to: str | None = Field(default=None, description="The period's end, which is not in it.")
    decisions: int | None = Field(default=None, description="How many decisions there are in the period.")
    evaluations: int | None = Field(default=None, description="How many of them are distinct.")
    unchanged: int | None = Field(default=None, description="How many decisions stay as they are.")
    by_facts: int | None = Field(default=None, description="How many were decided again from their facts.")
    groups: list[dict[str, Any]] = Field(
        description="Each with its `id`, how many `decisions` and `evaluations` it has, an `example`'s id, "
        "what differs (`outcomes` before and after, `rules` that fire only before or only after, `findings`"
        " and more), and who has `signed_off`."
    )


class Begun(_Answer):
    """Work that goes on."""

    digest: str = Field(description="The ruleset.")
    begun: Literal["checks", "impact"] = Field(description="What was begun; read the ruleset for its end.")
