"""`python -m benchmarks PART…`: everything, or some of `PARTS`; a number may follow, as in `size=1000`."""

import sys
from collections.abc import Callable

from benchmarks import backlog, dashboard, decisions, http, impact, reasons, size, verify

PARTS: dict[str, Callable[..., None]] = {
    "decisions": decisions.main,
    "reasons": reasons.main,
    "http": http.main,
    "impact": impact.main,
    "size": size.main,
    "verify": verify.main,
    "backlog": backlog.main,
    "dashboard": dashboard.main,
}


def main() -> None:
    """Run what was asked for; a number after a part's name says how many, where it has a choice."""
    chosen = sys.argv[1:] or list(PARTS)
    for each in chosen:
        name, _, number = each.partition("=")
        if name not in PARTS:
            sys.exit(f"there is no benchmark `{name}`: one of {', '.join(PARTS)}")
        print(f"== {name}")
        PARTS[name](*([int(number)] if number else []))


main()
