"""`python -m eligibility` is the command `eligibility`."""

from eligibility.cli import main

main(prog_name="eligibility")
