"""What the calls about rulesets do, for their readers."""

from typing import Final

from api.documented import Operation, Parameter, Success
from api.ruleset_schemas import (
    ActivationAsked,
    Begun,
    Impact,
    ImpactAsked,
    ReasonGiven,
    RulesetLife,
    RulesetList,
    RulesetUpload,
)

_TAG: Final = "Rulesets"
_DIGEST: Final = Parameter(
    "digest",
    "path",
    "The ruleset's digest.",
    {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"},
    "sha256:" + "0" * 64,
    required=True,
)
_FLAG: Final = {"type": "string", "enum": ["true", "false"], "default": "false"}
_READING: Final = (401, 403, 404, 422, 503)
_ACTING: Final = (400, 401, 403, 404, 409, 413, 415, 422, 503)
_LIFE: Final = {200: Success("The ruleset as it stands now.", RulesetLife, "ruleset")}

LIST: Final = Operation(
    id="list_rulesets",
    tag=_TAG,
    summary="List every ruleset",
    description="Drafts, the one in force and those that were, the one loaded last first.",
    answers={200: Success("The rulesets.", RulesetList, "rulesets")},
    problems=(401, 403, 422, 503),
)
READ: Final = Operation(
    id="read_ruleset",
    tag=_TAG,
    summary="Read a ruleset and its life",
    description=(
        "Its steps with who took them, when and why; the latest check of each kind; its impact in short; and"
        " what has to be done before the next step."
    ),
    answers=_LIFE,
    problems=_READING,
    parameters=(
        _DIGEST,
        Parameter("document", "query", "Whether to tell the policy itself, too.", _FLAG, "false"),
        Parameter("reports", "query", "Whether to tell the whole reports of the checks.", _FLAG, "false"),
    ),
)
LOAD: Final = Operation(
    id="load_ruleset",
    tag=_TAG,
    summary="Load a ruleset as a draft",
    description=(
        "Takes the files of a rules folder. Where the loader finds faults, all of them are told, in `errors`"
        " and as `file`, `line`, `detail` and `remedy` in `faults`, and nothing is kept. A draft that is kept"
        " already takes up other files that give the same ruleset, such as more cases. The body has at most "
        "8 MiB."
    ),
    answers={
        201: Success("The draft.", RulesetLife, "ruleset", {"Location": "the address of the ruleset"}),
        200: Success("The ruleset, which was kept already with these files.", RulesetLife, "ruleset"),
    },
    problems=(400, 401, 403, 409, 413, 415, 422, 503),
    body=RulesetUpload,
    body_example="ruleset_upload",
)
CHECK: Final = Operation(
    id="check_ruleset",
    tag=_TAG,
    summary="Check a ruleset against the one in force",
    description=(
        "Begins the loader's checks, the cases beside the rules, the proof of the laws of the policy and the "
        "difference from the ruleset in force, all in a process of their own. It takes about a minute; what "
        "comes of each is recorded, and read with the ruleset."
    ),
    answers={202: Success("They have begun.", Begun, "begun")},
    problems=(401, 403, 404, 422, 503),
    parameters=(_DIGEST,),
)
COMPUTE_IMPACT: Final = Operation(
    id="compute_impact",
    tag=_TAG,
    summary="Compute what a ruleset changes for recorded decisions",
    description=(
        "Begins to decide the distinct evaluations of a period again under the ruleset. What comes of it is "
        "recorded, in groups of decisions that change in the same way; each has to be signed off before the "
        "ruleset can be approved."
    ),
    answers={202: Success("It has begun.", Begun, "begun_impact")},
    problems=(400, 401, 403, 404, 413, 415, 422, 503),
    parameters=(_DIGEST,),
    body=ImpactAsked,
    body_example="impact_asked",
)
IMPACT: Final = Operation(
    id="read_impact",
    tag=_TAG,
    summary="Read the latest impact of a ruleset",
    description="All groups, those with most decisions first, and who has signed off which.",
    answers={200: Success("The impact.", Impact, "impact")},
    problems=_READING,
    parameters=(_DIGEST,),
)
SIGN_OFF: Final = Operation(
    id="sign_off",
    tag=_TAG,
    summary="Sign off one group of the impact",
    description="The person behind the key answers for what the ruleset changes for these decisions.",
    answers=_LIFE,
    problems=_ACTING,
    parameters=(
        _DIGEST,
        Parameter(
            "group",
            "path",
            "The group's id.",
            {"type": "string"},
            "sha256:" + "1" * 64,
            required=True,
        ),
    ),
    body=ReasonGiven,
    body_example="reason",
)
PROPOSE: Final = Operation(
    id="propose_ruleset",
    tag=_TAG,
    summary="Propose a draft, or one that was in force before",
    description="Asks another person to approve it. Only a person can propose.",
    answers=_LIFE,
    problems=_ACTING,
    parameters=(_DIGEST,),
    body=ReasonGiven,
    body_example="reason",
)
WITHDRAW: Final = Operation(
    id="withdraw_ruleset",
    tag=_TAG,
    summary="Make a draft of it again",
    description="Takes back a proposal, an approval or a date; whoever disagrees with one does this.",
    answers=_LIFE,
    problems=_ACTING,
    parameters=(_DIGEST,),
    body=ReasonGiven,
    body_example="reason",
)
APPROVE: Final = Operation(
    id="approve_ruleset",
    tag=_TAG,
    summary="Approve what another person proposed",
    description=(
        "Only a person other than the one who proposed it can. Every check has to be passed, against the "
        "ruleset in force, and every group of the impact signed off; one that was in force before needs "
        "neither."
    ),
    answers=_LIFE,
    problems=_ACTING,
    parameters=(_DIGEST,),
    body=ReasonGiven,
    body_example="reason",
)
ACTIVATE: Final = Operation(
    id="activate_ruleset",
    tag=_TAG,
    summary="Put an approved ruleset in force",
    description=(
        "At once, or `at` a date, by the database's clock. Within two seconds every process decides under "
        "it. Where another ruleset was put in force since it was approved, its checks and its impact have to "
        "be made anew first."
    ),
    answers=_LIFE,
    problems=_ACTING,
    parameters=(_DIGEST,),
    body=ActivationAsked,
    body_example="activation",
)
CANCEL: Final = Operation(
    id="cancel_activation",
    tag=_TAG,
    summary="Cancel the date of an activation",
    description="The ruleset stays approved.",
    answers=_LIFE,
    problems=(401, 403, 404, 409, 422, 503),
    parameters=(
        _DIGEST,
        Parameter("reason", "query", "Why.", {"type": "string"}, "The portal is not ready."),
    ),
)
