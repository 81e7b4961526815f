"""`python -m benchmarks [decisions|reasons|http|impact|verify]`: everything, or some of them."""

import sys

from benchmarks import decisions, http, impact, reasons, verify

PARTS = {
    "decisions": decisions.main,
    "reasons": reasons.main,
    "http": http.main,
    "impact": impact.main,
    "verify": verify.main,
}


def main() -> None:
    """Run what was asked for."""
    chosen = sys.argv[1:] or list(PARTS)
    for name in chosen:
        if name not in PARTS:
            sys.exit(f"there is no benchmark `{name}`: one of {', '.join(PARTS)}")
        print(f"== {name}")
        PARTS[name]()


main()
