"""What verification says: of a whole log, of a range, of a flaw, and what its verdicts rest on."""

import multiprocessing
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from random import Random
from uuid import UUID

import orjson
import psycopg
import pytest
import uuid_utils.compat

from eligibility.chain import BEFORE_THE_FIRST, Header
from eligibility.errors import EngineFailure, SettingsInvalid
from eligibility.signing import public_pem
from eligibility.storage.entries import month_of, prepare
from eligibility.storage.log import AuditLog, _announcement
from eligibility.storage.reading_log import BlockRow, reading_log
from eligibility.storage.records import hash_text
from eligibility.storage.rulesets import save
from eligibility.verifying.anchors import pinned_fingerprint, read_checkpoints
from eligibility.verifying.verdicts import MOST_TOLD, Report
from eligibility.verifying.verification import Beside, Wanted, verify
from tests.conftest import FreshDatabase
from tests.storage import forging
from tests.storage.logs import MadeLog, contents, everything
from tests.storage.making import SECRET, remark
from tests.storage.tampering import Connection, Way, found_by, tampered

BLOCK_0 = """
    INSERT INTO block (number, id, first, count, root, previous, hash, at, key, signature)
    SELECT 0, gen_random_uuid(), first + 10000, count, root, previous, hash, at, key, signature
    FROM block LIMIT 1
"""


@pytest.fixture
def wanted(made: MadeLog, tmp_path: Path) -> Wanted:
    return everything(made, tmp_path)


def failed(report: Report) -> set[str]:
    return set(report.findings.counts)


def blocks(made: MadeLog) -> list[BlockRow]:
    with reading_log(made.database.service_url) as reader:
        return [block for piece in reader.blocks(1, reader.last_block()) for block in piece]


def test_the_service_may_read_all_that_verification_needs(made: MadeLog, wanted: Wanted) -> None:
    with reading_log(made.database.service_url) as reader:
        report = verify(reader, wanted)
    assert report.holds
    assert report.document()["verdicts"]["meaning"] == {"verdict": "holds", "flaws": 0, "notes": []}
    end = blocks(made)[-1]
    assert (report.first, report.last) == (1, end.first + end.count - 1)
    looked_at = report.findings.looked_at
    assert looked_at["records"] + looked_at["dropped records"] == report.last


def test_several_processes_see_the_same_as_one(made: MadeLog, wanted: Wanted) -> None:
    told: list[int] = []
    with reading_log(made.database.service_url) as reader:
        alone = verify(reader, wanted)
        report = verify(
            reader, wanted, tell=told.append, beside=Beside(2, made.database.service_url, blocks=4)
        )
    assert report.holds
    assert report.findings.looked_at == alone.findings.looked_at
    assert sum(told) == report.last
    assert len(told) > 2


def test_a_process_that_is_killed_is_missed(made: MadeLog, wanted: Wanted) -> None:
    def kill(_records: int) -> None:
        for process in multiprocessing.active_children():
            process.kill()

    beside = Beside(2, made.database.service_url, blocks=4)
    with (
        reading_log(made.database.service_url) as reader,
        pytest.raises(EngineFailure, match="killed or short of memory"),
    ):
        verify(reader, wanted, tell=kill, beside=beside)


async def test_what_other_processes_find_is_told(database: FreshDatabase, log: AuditLog) -> None:
    for _ in range(6):
        await log.append(remark())
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE record SET channel = 'http' WHERE kind = 'remark'")
    with reading_log(database.service_url) as reader:
        report = verify(reader, Wanted(), beside=Beside(1, database.service_url, blocks=1))
    assert report.findings.counts == {"integrity": 6}
    assert {flaw.column for flaw in report.findings.flaws} == {"record.channel"}


def test_a_flaw_is_told_with_its_place(superuser: Connection, made: MadeLog, wanted: Wanted) -> None:
    with tampered(superuser, made, Random(1)) as log:
        row = log.some("record", "outcome = 'prohibited'")
        [block] = log.rows("SELECT number, first FROM block WHERE id = %s", row["block"])
        log.change("record", row, generation="llama-9")
        report = found_by(log, wanted)
    [flaw] = report.findings.flaws
    sequence = block["first"] + row["position"]
    assert flaw.document() == {
        "verdict": "integrity",
        "what": "differs from the record's body",
        "block": block["number"],
        "sequence": sequence,
        "row": str(row["id"]),
        "column": "record.generation",
        "found": "llama-9",
        "expected": row["generation"],
    }
    assert f"block {block['number']}, sequence {sequence}, row {row['id']}" in str(flaw)
    assert report.document()["flaws"] == [flaw.document()]


@pytest.mark.parametrize(
    "change, verdicts",
    [
        ("UPDATE block SET signature = NULL WHERE number = 3", {"authenticity"}),
        ("UPDATE private SET entity_reference = 'x' WHERE entity_reference IS NOT NULL", {"integrity"}),
        ("DELETE FROM idempotency", {"completeness"}),
        ("UPDATE head SET key = NULL", {"authenticity"}),
        ("UPDATE head SET block = block + 2", {"completeness"}),
        (BLOCK_0, {"completeness"}),
    ],
)
def test_each_verdict_stands_by_itself(
    superuser: Connection, made: MadeLog, wanted: Wanted, change: str, verdicts: set[str]
) -> None:
    with tampered(superuser, made, Random(1)) as log:
        log.run(change)
        assert failed(found_by(log, wanted)) == verdicts


def test_another_evaluation_of_the_same_content_is_a_matter_of_meaning(
    superuser: Connection, made: MadeLog, wanted: Wanted
) -> None:
    with tampered(superuser, made, Random(1)) as log:
        row = log.some("record", "kind = 'decision'")
        [evaluation] = log.rows("SELECT * FROM evaluation WHERE key = %s", row["evaluation_key"])
        others = {name: evaluation[name] for name in ("content", "content_hash", "outcome", "findings")}
        key, ruleset = evaluation["key"].hex(), evaluation["ruleset"].hex()
        other = log.some("evaluation", f"key <> '\\x{key}' AND ruleset = '\\x{ruleset}'")
        log.change("evaluation", other, **others)
        log.change("record", row, evaluation_key=other["key"])
        flaws = found_by(log, wanted).findings.flaws
    what = {flaw.what for flaw in flaws if flaw.row == str(row["id"])}
    assert {flaw.verdict for flaw in flaws if flaw.row == str(row["id"])} == {"meaning"}
    assert "the recorded facts do not lead to the cells of the evaluation" in what.pop()
    assert "evaluating its cells again gives another result" in {
        flaw.what for flaw in flaws if flaw.row == other["key"].hex()
    }


def test_after_a_flaw_it_goes_on_and_all_are_counted(
    superuser: Connection, made: MadeLog, wanted: Wanted
) -> None:
    with tampered(superuser, made, Random(1)) as log:
        log.run("UPDATE record SET channel = 'x'")
        log.run("UPDATE record SET at = at + interval '1 day'")
        report = found_by(log, wanted)
    assert report.findings.counts["integrity"] >= 2 * report.findings.looked_at["records"] > MOST_TOLD
    assert len([flaw for flaw in report.findings.flaws if flaw.verdict == "integrity"]) == MOST_TOLD


def test_a_range_is_verified_by_itself(superuser: Connection, made: MadeLog) -> None:
    middle = blocks(made)[12]
    wanted = Wanted(first=middle.first, last=middle.first, pinned=made.genesis.id)
    with tampered(superuser, made, Random(1)) as log:
        report = found_by(log, wanted)
        assert (report.first, report.last) == (middle.first, middle.first + middle.count - 1)
        assert report.holds
        log.run("UPDATE record SET channel = 'x' WHERE block <> %s AND kind = 'decision'", middle.id)
        assert found_by(log, wanted).holds
        log.run("UPDATE block SET hash = sha256(hash) WHERE number = %s", middle.number - 1)
        [flaw] = found_by(log, wanted).findings.flaws
        assert (flaw.block, flaw.column) == (middle.number, "block.previous")
        log.run("UPDATE record SET channel = 'x' WHERE block = %s", middle.id)
        assert failed(found_by(log, wanted)) == {"integrity"}


def test_keys_are_verified_with_any_range(superuser: Connection, made: MadeLog) -> None:
    end = blocks(made)[-1]
    with tampered(superuser, made, Random(1)) as log:
        forging.rewrite_body(log, log.some("record", "kind = 'key.rotated'"), actor="system")
        report = found_by(log, Wanted(first=end.first))
    assert {flaw.column for flaw in report.findings.flaws} >= {"block.root"}


def test_a_range_beyond_the_end_is_empty(superuser: Connection, made: MadeLog) -> None:
    with tampered(superuser, made, Random(1)) as log:
        report = found_by(log, Wanted(first=10**6))
    assert report.holds
    assert (report.first, report.last, report.findings.looked_at["records"]) == (0, 0, 0)


@pytest.mark.parametrize("way", [forging.cut_the_end_off, forging.never_have_rotated])
def test_what_a_checkpoint_is_for(superuser: Connection, made: MadeLog, wanted: Wanted, way: Way) -> None:
    with tampered(superuser, made, Random(2)) as log:
        way(log)
        blind = found_by(log, replace(wanted, checkpoints=()))
        seeing = found_by(log, wanted)
    assert blind.holds
    assert any("checkpoint" in note for note in blind.findings.notes)
    assert not seeing.holds
    assert all("the checkpoint in `" in flaw.what for flaw in seeing.findings.flaws)


def test_what_the_pinned_key_is_for(superuser: Connection, made: MadeLog, wanted: Wanted) -> None:
    with tampered(superuser, made, Random(2)) as log:
        forging.begin_with_a_key_of_ones_own(log)
        blind = found_by(log, Wanted(contents=contents))
        seeing = found_by(log, replace(wanted, checkpoints=()))
    assert "authenticity" not in failed(blind)
    assert any(f"{log.own.id} is trusted as found" in note for note in blind.findings.notes)
    assert failed(seeing) >= {"authenticity"}


def test_a_key_is_pinned_by_its_fingerprint_or_its_file(made: MadeLog, tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_text(public_pem(made.genesis.public))
    assert pinned_fingerprint(str(file)) == pinned_fingerprint(made.genesis.id) == made.genesis.id
    with pytest.raises(SettingsInvalid, match="neither a key's fingerprint"):
        pinned_fingerprint("sha256:11")
    file.write_text("-----BEGIN NOTHING-----")
    with pytest.raises(SettingsInvalid, match="no Ed25519 public key"):
        pinned_fingerprint(str(file))


@pytest.mark.parametrize(
    "members, message",
    [
        ({"hash": None}, "line 1 is no checkpoint|line 1 is no whole checkpoint"),
        ({"count": 7_000}, "line 1 is no whole checkpoint: its hash"),
        ({"root": "sha256:11"}, "line 1 is no checkpoint: give the JSON"),
    ],
)
def test_a_damaged_checkpoint_is_refused(
    made: MadeLog, tmp_path: Path, members: dict[str, object], message: str
) -> None:
    file = tmp_path / "checkpoints"
    file.write_bytes(orjson.dumps(orjson.loads(made.checkpoint) | members) + b"\n\n")
    with pytest.raises(SettingsInvalid, match=message):
        list(read_checkpoints(file))


def test_the_secret_of_another_log_says_nothing(superuser: Connection, made: MadeLog, wanted: Wanted) -> None:
    with tampered(superuser, made, Random(1)) as log:
        report = found_by(log, replace(wanted, secret=b"the secret of another log altogether"))
        assert report.holds
        assert any("is not that of the log" in note for note in report.findings.notes)
        log.change("idempotency", log.some("idempotency"), body_mac=UUID(int=0))
        assert found_by(log, replace(wanted, secret=None)).holds
        assert not found_by(log, wanted).holds


def test_an_empty_log_holds_unless_it_should_have_begun(database: FreshDatabase, made: MadeLog) -> None:
    with reading_log(database.service_url) as reader:
        assert verify(reader, Wanted()).holds
        assert failed(verify(reader, Wanted(pinned=made.genesis.id))) == {"authenticity"}


async def test_a_ruleset_of_other_semantics_is_not_run(log: AuditLog, database: FreshDatabase) -> None:
    document = b'{"semantics":99,"version":"later"}'
    await save(log, hash_text(sha256(document).digest()), "later", document, actor="system", channel="cli")
    with reading_log(database.service_url) as reader:
        report = verify(reader, Wanted(contents=contents))
    assert report.holds
    assert any("has semantics 99" in note for note in report.findings.notes)


def write_unsigned_block(connection: Connection) -> None:
    """The first block of a log that was begun before logs had keys: it makes this month's partition."""
    made = prepare(_announcement(month_of(uuid_utils.compat.uuid7())), SECRET)
    at, entry, identifier = datetime.now(UTC), made.entry, uuid_utils.compat.uuid7()
    [making] = entry.also
    connection.execute(making.sql.encode(), making.parameters)
    connection.execute(
        "INSERT INTO record (id, block, position, kind, at, actor, channel, body, leaf) "
        "VALUES (%s, %s, 0, %s, %s, %s, %s, %s, %s)",
        (entry.id, identifier, entry.kind, entry.at, made.actor, entry.channel, made.body, made.leaf),
    )
    header = Header(1, 1, 1, made.leaf, BEFORE_THE_FIRST, at, None)
    connection.execute(
        "INSERT INTO block (number, id, first, count, root, previous, hash, at) "
        "VALUES (1, %s, 1, 1, %s, %s, %s, %s)",
        (identifier, header.root, header.previous, header.hash, at),
    )
    connection.execute("UPDATE head SET block = 1, next_sequence = 2, hash = %s", (header.hash,))


async def test_blocks_from_before_the_first_key_are_vouched_for_by_the_chain(
    database: FreshDatabase, log: AuditLog
) -> None:
    with psycopg.connect(database.superuser_url, options="-c timezone=UTC") as connection:
        write_unsigned_block(connection)
    with reading_log(database.service_url) as reader:
        assert failed(verify(reader, Wanted())) == {"authenticity"}
    await log.append(remark())
    with reading_log(database.service_url) as reader:
        report = verify(reader, Wanted())
    assert report.holds
    what = "the blocks before 2 were written before the log had a key"
    assert any(what in note for note in report.findings.notes)
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE block SET key = NULL, signature = NULL WHERE number = 3")
    with reading_log(database.service_url) as reader:
        assert "authenticity" in failed(verify(reader, Wanted()))
