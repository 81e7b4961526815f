"""Python loads this before anything else, where its folder is on the path: processes are worn soon then."""

from eligibility import jobs

jobs.MOST_RULESETS = 1  # type: ignore[misc]  # final for everybody else
