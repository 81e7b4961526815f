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
    # decisions
    ("GET", "/dashboard/decisions"): _LOOKING,
    ("GET", "/dashboard/decisions/{identifier}"): _LOOKING,
    # queue and reviews
    # precedents
    # rules
    # try it
    # batches
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
