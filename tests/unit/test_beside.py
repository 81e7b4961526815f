"""What stands beside the rules, read in a process of its own."""

from eligibility.beside import Beside, read_beside
from eligibility.cases import Case, naming
from eligibility.loading import shipped_rules
from eligibility.register import load_register
from eligibility.ruleset import Ruleset

CASE = """
cases:
  - case: weapons are prohibited
    request: {model: {generation: llama-2}}
    expect: {outcome: prohibited, rules: [aup.weapons]}
"""


async def read(files: dict[str, str], ruleset: Ruleset) -> dict[str, Beside]:
    return {what: found async for what, found in read_beside(files, ruleset.document)}


async def test_what_is_faulty_is_said_and_the_rest_is_read(ruleset: Ruleset) -> None:
    found = await read({"register.yaml": "clauses: []\n", "cases/one.yaml": CASE}, ruleset)
    assert "faults" in str(found["register"].lacking)
    expect = {"outcome": "prohibited", "rules": ["aup.weapons"]}
    case = Case("weapons are prohibited", {"model": {"generation": "llama-2"}}, expect, "cases/one.yaml", 3)
    assert found["cases"] == Beside(cases=(case,))
    rules = {rule.id: rule for rule in ruleset.rules}
    assert naming(found["cases"].cases, rules["aup.weapons"]) == [case]
    assert naming(found["cases"].cases, rules["aup.spam"]) == []


async def test_the_register_is_read_and_cases_that_are_not_there_are_said(ruleset: Ruleset) -> None:
    register = (shipped_rules() / "register.yaml").read_text(encoding="utf-8")
    found = await read({"register.yaml": register}, ruleset)
    assert found["register"].register == load_register(shipped_rules(), ruleset)
    assert "faults" in str(found["cases"].lacking)
