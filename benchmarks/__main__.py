"""`python -m benchmarks [decisions|http]`: everything, or one of them."""

import sys

from benchmarks import decisions, http

PARTS = {"decisions": decisions.main, "http": http.main}


def main() -> None:
    """Run what was asked for."""
    chosen = sys.argv[1:] or list(PARTS)
    for name in chosen:
        if name not in PARTS:
            sys.exit(f"there is no benchmark `{name}`: one of {', '.join(PARTS)}")
        print(f"== {name}")
        PARTS[name]()


main()
