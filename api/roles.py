"""Who may do what: the full table of routes and roles. What does not stand in it is refused."""

from typing import Final

from eligibility.review import REVIEWING
from eligibility.ruleset_life import APPROVING, PROPOSING

ANYONE: Final[frozenset[str]] = frozenset({"anyone"})
"""No key is needed."""

_DECIDING: Final = frozenset({"portal", "reviewer", "approver", "admin"})
_READING: Final = _DECIDING | {"auditor"}
_LOOKING: Final = frozenset({"reviewer", "approver", "auditor", "admin"})
_ADMIN: Final = frozenset({"admin"})
_READING_RULESETS: Final = PROPOSING | {"auditor"}

WATCHING: Final = frozenset({"monitor", "auditor", "admin"})
"""Who sees the details of the service's health."""

OWN_ONLY: Final = frozenset({"portal"})
"""Who sees decisions only where the same principal asked for them."""

WHOLE_LOG: Final = frozenset({"auditor", "admin"})
"""Who may export records of any kind; others export decisions and what reviewers said of them."""

ROUTES: Final = {
    ("POST", "/v1/decisions"): _DECIDING,
    ("GET", "/v1/decisions"): _READING,
    ("GET", "/v1/decisions/{identifier}"): _READING,
    ("GET", "/v1/decisions/{identifier}/receipt"): _READING,
    ("GET", "/v1/audit/checkpoint"): frozenset({"reviewer", "approver", "auditor", "admin", "monitor"}),
    ("GET", "/v1/audit/export"): _READING - OWN_ONLY,
    ("POST", "/v1/decisions/{identifier}/replay"): _READING - OWN_ONLY,
    ("POST", "/v1/decisions/{identifier}/reviews"): _DECIDING,
    ("GET", "/v1/reviews"): _READING - OWN_ONLY,
    ("GET", "/v1/reviews/{identifier}"): _READING - OWN_ONLY,
    ("POST", "/v1/reviews/{identifier}/claim"): REVIEWING,
    ("POST", "/v1/reviews/{identifier}/release"): REVIEWING,
    ("POST", "/v1/reviews/{identifier}/hand-over"): REVIEWING,
    ("POST", "/v1/reviews/{identifier}/attachments"): REVIEWING,
    ("GET", "/v1/reviews/{identifier}/attachments/{attachment}"): _READING - OWN_ONLY,
    ("POST", "/v1/reviews/assign"): REVIEWING,
    ("GET", "/v1/precedents"): _READING - OWN_ONLY,
    ("POST", "/v1/precedents"): REVIEWING,
    ("DELETE", "/v1/precedents/{identifier}"): REVIEWING,
    ("GET", "/v1/precedents/{identifier}/case"): _READING - OWN_ONLY,
    ("POST", "/v1/what-if"): _DECIDING,
    ("POST", "/v1/batches"): _DECIDING,
    ("GET", "/v1/batches"): _READING,
    ("GET", "/v1/batches/{identifier}"): _READING,
    ("GET", "/v1/batches/{identifier}/results"): _READING,
    ("GET", "/v1/batches/{identifier}/refused"): _READING,
    ("POST", "/v1/batches/{identifier}/cancel"): _DECIDING,
    ("POST", "/v1/erasures"): _ADMIN,
    ("GET", "/v1/policy"): _READING,
    ("GET", "/v1/policy/{view}"): _READING,
    ("GET", "/v1/rulesets"): _READING_RULESETS,
    ("GET", "/v1/rulesets/{digest}"): _READING_RULESETS,
    ("GET", "/v1/rulesets/{digest}/impact"): _READING_RULESETS,
    ("POST", "/v1/rulesets"): PROPOSING,
    ("POST", "/v1/rulesets/{digest}/checks"): PROPOSING,
    ("POST", "/v1/rulesets/{digest}/impact"): PROPOSING,
    ("POST", "/v1/rulesets/{digest}/impact/{group}/sign-off"): PROPOSING,
    ("POST", "/v1/rulesets/{digest}/proposal"): PROPOSING,
    ("POST", "/v1/rulesets/{digest}/withdrawal"): PROPOSING,
    ("POST", "/v1/rulesets/{digest}/approval"): APPROVING,
    ("POST", "/v1/rulesets/{digest}/activation"): APPROVING,
    ("DELETE", "/v1/rulesets/{digest}/activation"): APPROVING,
    ("GET", "/health/live"): ANYONE,
    ("GET", "/health/ready"): ANYONE,
    ("GET", "/schema/openapi.json"): ANYONE,
    ("GET", "/schema/openapi.yaml"): ANYONE,
    ("GET", "/schema/problems"): ANYONE,
    # the dashboard, for persons who are signed in
    ("GET", "/dashboard/static/{name}"): ANYONE,
    ("GET", "/dashboard/sign-in"): ANYONE,
    ("POST", "/dashboard/sign-in"): ANYONE,
    ("POST", "/dashboard/sign-out"): _LOOKING,
    ("GET", "/dashboard/help"): _LOOKING,
    # today
    ("GET", "/dashboard"): _LOOKING,
    ("GET", "/dashboard/pictures/decided.svg"): _LOOKING,
    # decisions
    ("GET", "/dashboard/decisions"): _LOOKING,
    ("GET", "/dashboard/decisions/{identifier}"): _LOOKING,
    ("GET", "/dashboard/decisions/{identifier}/graph.svg"): _LOOKING,
    ("GET", "/dashboard/decisions/{identifier}/receipt.json"): _LOOKING,
    ("POST", "/dashboard/decisions/{identifier}/verification"): _LOOKING,
    ("GET", "/dashboard/decisions/{identifier}/paper.html"): _LOOKING,
    ("GET", "/dashboard/decisions/{identifier}/paper.pdf"): _LOOKING,
    # queue and reviews
    ("GET", "/dashboard/queue"): _LOOKING,
    ("POST", "/dashboard/queue/assign"): REVIEWING,
    ("POST", "/dashboard/queue/views"): REVIEWING,
    ("POST", "/dashboard/queue/views/{identifier}/delete"): REVIEWING,
    ("POST", "/dashboard/decisions/{identifier}/claim"): REVIEWING,
    ("POST", "/dashboard/decisions/{identifier}/release"): REVIEWING,
    ("POST", "/dashboard/decisions/{identifier}/hand-over"): REVIEWING,
    ("POST", "/dashboard/decisions/{identifier}/reviews"): REVIEWING,
    ("POST", "/dashboard/decisions/{identifier}/files"): REVIEWING,
    ("GET", "/dashboard/decisions/{identifier}/files/{attachment}"): _LOOKING,
    # precedents
    ("GET", "/dashboard/precedents"): _LOOKING,
    ("GET", "/dashboard/precedents/new"): REVIEWING,
    ("POST", "/dashboard/precedents/new"): REVIEWING,
    ("GET", "/dashboard/precedents/{identifier}"): _LOOKING,
    ("GET", "/dashboard/precedents/{identifier}/case.yaml"): _LOOKING,
    ("POST", "/dashboard/precedents/{identifier}/end"): REVIEWING,
    # rules
    ("GET", "/dashboard/rules"): _LOOKING,
    ("GET", "/dashboard/rules/register"): _LOOKING,
    ("GET", "/dashboard/rules/{name}"): _LOOKING,
    ("GET", "/dashboard/rulesets"): _READING_RULESETS,
    ("GET", "/dashboard/rulesets/new"): PROPOSING,
    ("POST", "/dashboard/rulesets/new"): PROPOSING,
    ("GET", "/dashboard/rulesets/{digest}"): _READING_RULESETS,
    ("GET", "/dashboard/rulesets/{digest}/files.zip"): _READING_RULESETS,
    ("POST", "/dashboard/rulesets/{digest}/checks"): PROPOSING,
    ("POST", "/dashboard/rulesets/{digest}/impact"): PROPOSING,
    ("POST", "/dashboard/rulesets/{digest}/impact/{group}/sign-off"): PROPOSING,
    ("POST", "/dashboard/rulesets/{digest}/proposal"): PROPOSING,
    ("POST", "/dashboard/rulesets/{digest}/withdrawal"): PROPOSING,
    ("POST", "/dashboard/rulesets/{digest}/approval"): APPROVING,
    ("POST", "/dashboard/rulesets/{digest}/activation"): APPROVING,
    ("POST", "/dashboard/rulesets/{digest}/schedule"): APPROVING,
    ("POST", "/dashboard/rulesets/{digest}/cancellation"): APPROVING,
    # try it
    ("GET", "/dashboard/try"): _DECIDING - OWN_ONLY,
    ("POST", "/dashboard/try"): _DECIDING - OWN_ONLY,
    ("POST", "/dashboard/try/answer"): _DECIDING - OWN_ONLY,
    # batches
    ("GET", "/dashboard/batches"): _LOOKING,
    ("GET", "/dashboard/batches/new"): _DECIDING - OWN_ONLY,
    ("POST", "/dashboard/batches/new"): _DECIDING - OWN_ONLY,
    ("GET", "/dashboard/batches/template.jsonl"): _DECIDING - OWN_ONLY,
    ("GET", "/dashboard/batches/template.csv"): _DECIDING - OWN_ONLY,
    ("GET", "/dashboard/batches/template.parquet"): _DECIDING - OWN_ONLY,
    ("GET", "/dashboard/batches/{identifier}"): _LOOKING,
    ("GET", "/dashboard/batches/{identifier}/outcomes"): _LOOKING,
    ("GET", "/dashboard/batches/{identifier}/results"): _LOOKING,
    ("GET", "/dashboard/batches/{identifier}/refused"): _LOOKING,
    ("GET", "/dashboard/batches/{identifier}/comparison"): _LOOKING,
    ("GET", "/dashboard/batches/{identifier}/paper.html"): _LOOKING,
    ("POST", "/dashboard/batches/{identifier}/cancel"): _DECIDING - OWN_ONLY,
    # audit
    ("GET", "/dashboard/audit"): _LOOKING,
    ("POST", "/dashboard/audit/verify"): WHOLE_LOG,
    ("POST", "/dashboard/audit/export"): _LOOKING,
    ("GET", "/dashboard/audit/checkpoint"): _LOOKING,
    ("GET", "/dashboard/audit/acts"): WHOLE_LOG,
    ("GET", "/dashboard/audit/accesses"): WHOLE_LOG,
    # keys and people
    ("GET", "/dashboard/people"): _ADMIN,
    ("POST", "/dashboard/people/keys"): _ADMIN,
    ("GET", "/dashboard/people/keys/{identifier}"): _ADMIN,
    ("POST", "/dashboard/people/keys/{identifier}/revocation"): _ADMIN,
}
"""For each method and route, the roles that may use it. HEAD is what GET is."""


def allowed(method: str, route: str) -> frozenset[str]:
    """The roles that may use a route; none for one that does not stand in the table."""
    return ROUTES.get(("GET" if method == "HEAD" else method, route), frozenset())
