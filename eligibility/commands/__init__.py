"""What the commands of `eligibility.cli` do. Each answers with its exit code."""
