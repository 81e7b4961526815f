"""The files that rulesets are loaded from, and what comes of them."""

import pytest

from eligibility.checking import Loaded, checks_elsewhere, load_elsewhere
from eligibility.errors import ActRefused, EngineFailure, NotFound
from eligibility.loading import shipped_rules
from eligibility.rules_folder import is_name, read_folder
from eligibility.ruleset import SEMANTICS, Ruleset
from eligibility.ruleset_acts import Record, files_of, keep_draft
from eligibility.storage.database import Database
from eligibility.storage.log import AuditLog
from eligibility.storage.ruleset_life import life
from eligibility.storage.rulesets import genesis
from tests.storage.living import Living, living

DIGEST = "sha256:" + "77" * 32
LOADED = Loaded(DIGEST, "version 7", {"semantics": SEMANTICS})


@pytest.fixture
async def world(service: Database, log: AuditLog) -> Living:
    return await living(service, log)


async def test_a_draft_takes_up_other_files_until_it_is_proposed(world: Living) -> None:
    record = Record(world.database, world.log)
    assert await keep_draft(record, LOADED, {"a.yaml": "1"}, world.proposer, "first")
    assert not await keep_draft(record, LOADED, {"a.yaml": "1"}, world.approver, "the same")
    assert await keep_draft(record, LOADED, {"a.yaml": "2"}, world.approver, "more cases")
    assert await files_of(record, DIGEST) == {"a.yaml": "2"}
    await world.step(DIGEST, "proposed", world.proposer)
    with pytest.raises(ActRefused, match="is proposed: withdraw it first"):
        await keep_draft(record, LOADED, {"a.yaml": "1"}, world.approver, "too late")
    await world.step(DIGEST, "withdrawn", world.proposer)
    assert await keep_draft(record, LOADED, {"a.yaml": "1"}, world.approver, "in time")
    assert [step.step for step in (await life(world.database, DIGEST)).steps] == [
        "loaded",
        "proposed",
        "withdrawn",
    ]


async def test_files_of_what_was_put_in_force_stay(world: Living) -> None:
    loaded = Loaded(world.first, "the first", {"semantics": SEMANTICS})
    with pytest.raises(ActRefused, match="stay with it"):
        await keep_draft(Record(world.database, world.log), loaded, {"a.yaml": ""}, world.proposer, "why not")


async def test_a_ruleset_without_files_cannot_be_checked(log: AuditLog, service: Database) -> None:
    await genesis(log, service, DIGEST, "no files", b"{}")
    with pytest.raises(NotFound, match="were not kept"):
        await files_of(Record(service, log), DIGEST)


async def test_loading_elsewhere_gives_what_loading_here_gives(ruleset: Ruleset) -> None:
    loaded = await load_elsewhere(read_folder(shipped_rules()))
    assert (loaded.digest, loaded.version) == (ruleset.digest, ruleset.version)
    assert loaded.document == ruleset.document


async def test_a_difference_from_the_ruleset_in_force_is_told(ruleset: Ruleset) -> None:
    files = read_folder(shipped_rules())
    files["licence.yaml"] = files["licence.yaml"].replace("{above: 700000000}", "{above: 1000000}")
    files["facts.yaml"] = files["facts.yaml"].replace("above 700000000", "above 1000000")
    made = {each.kind: each async for each in checks_elsewhere(files, ruleset.document, ("difference",))}
    assert list(made) == ["load", "difference"]
    assert all(each.passed for each in made.values())
    assert not made["difference"].report["equal"]
    assert "ways in which outcomes move" in made["difference"].report["summary"]


async def test_a_check_that_crashes_is_no_answer() -> None:
    with pytest.raises(EngineFailure, match="ended with the code"):
        await load_elsewhere({"../outside.yaml": ""})


@pytest.mark.parametrize("name", ["ruleset.yaml", "cases/licence.yaml", "critical-infrastructure.yaml"])
def test_names_of_a_rules_folder_are_taken(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/x.yaml",
        "../x.yaml",
        "cases/../x.yaml",
        "a/b.yaml",
        "cases/a/b.yaml",
        "x.yml",
        ".x.yaml",
        "x.yaml\n",
    ],
)
def test_names_that_lead_elsewhere_are_not(name: str) -> None:
    assert not is_name(name)
