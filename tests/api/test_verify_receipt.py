"""The offline verifier, on receipts of a real log that rotated its key twice, and on what is none."""

import asyncio
import copy
import json
import subprocess
import sys
from argparse import Namespace
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from eligibility import signing
from eligibility.canonical import canonical
from eligibility.storage.embedded import EmbeddedPostgres
from tests.api.bodies import permitted, prohibited
from tests.api.damaging import damaged
from tests.api.serving import ROOT, Server, serving
from tests.cli.running import command, environment
from tests.conftest import fresh_database
from tests.properties.sizes import sized
from tools import verify_receipt

TOOL = ROOT / "tools" / "verify_receipt.py"


@dataclass
class Taken:
    """Receipts under the first, the second and the third key, and what somebody may have kept beside them."""

    receipts: list[dict[str, Any]]
    decisions: list[dict[str, Any]]
    keys: list[signing.SigningKey]
    checkpoints: Path
    pem: Path


@pytest.fixture(scope="module")
def taken(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Taken:
    folder = tmp_path_factory.mktemp("receipts")
    with fresh_database(postgres) as database, serving(database.service_url, folder / "data") as server:
        env = environment(server.settings.data_dir, ELIGIBILITY_DATABASE_URL=database.service_url)
        key_file, checkpoints = server.settings.data_dir / "signing-key", folder / "checkpoints"
        receipts, decisions, keys = [], [], []
        for n in range(3):
            keys.append(signing.load(key_file.read_text(), "here"))
            decision, receipt = asyncio.run(decided(server))
            decisions.append(decision)
            receipts.append(receipt)
            with server.client("monitor") as monitor, checkpoints.open("ab") as file:
                for number in (receipt["block"]["number"], None):  # that block itself, and the newest
                    line = receipt["block"] if number else monitor.get("/v1/audit/checkpoint").json()
                    file.write(json.dumps(line).encode() + b"\n")
            if n < 2:
                done = command("audit", "rotate-key", env=env)
                assert done.returncode == 0, done.stderr
        pem = command("audit", "keys", "--pem", keys[0].id, env=env)
        (folder / "key.pem").write_text(pem.stdout)
    return Taken(receipts, decisions, keys, checkpoints, folder / "key.pem")


async def decided(server: Server) -> tuple[dict[str, Any], dict[str, Any]]:
    """A decision that shares its block with others, and its receipt with texts."""
    async with server.async_client() as client:
        bodies = [permitted(name=f"Ünï “{n}” 🤖\t") for n in range(20)] + [prohibited()]
        answers = await asyncio.gather(*(client.post("/v1/decisions", json=body) for body in bodies))
        for answer in answers:
            path = f"/v1/decisions/{answer.json()['id']}/receipt?texts=true"
            receipt: dict[str, Any] = (await client.get(path)).json()
            if len(receipt["proof"]) > 1:
                return answer.json(), receipt
    raise AssertionError("no two of twenty-one decisions at once shared a block")


def run(*arguments: str | Path, text: str = "") -> subprocess.CompletedProcess[str]:
    """The verifier as people run it, where nothing of the service can be imported."""
    return subprocess.run(
        [sys.executable, "-I", str(TOOL), *map(str, arguments)],
        input=text,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        cwd=TOOL.parent,
    )


def told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str | Path
) -> tuple[int, str]:
    """The verifier in this process, for the many."""
    monkeypatch.setattr(sys, "argv", ["verify_receipt.py", *map(str, arguments)])
    code = verify_receipt.main()
    captured = capsys.readouterr()
    assert bool(captured.err) == (code != 0)
    return code, captured.out + captured.err


@pytest.mark.parametrize("n", [0, 1, 2])
def test_a_receipt_is_proved_by_the_first_key_and_by_the_one_that_signed(
    taken: Taken, tmp_path: Path, n: int
) -> None:
    file = tmp_path / "receipt.json"
    file.write_text(json.dumps(taken.receipts[n]))
    for key in (taken.keys[0].id, taken.keys[n].id, taken.pem):
        done = run(file, "--key", key)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("PROVED")
        assert f"number\n  {taken.receipts[n]['sequence']} of the log" in done.stdout
        assert "The texts in the receipt are those" in done.stdout
        assert "NOT PROVED:\n- That the block still stands in the log" in done.stdout
        rotations = 0 if key == taken.keys[n].id else n
        assert ("vouched for by the key before" in done.stdout) == (rotations > 0)
        assert (f"{rotations} rotation(s)" in done.stdout) == (rotations > 0)


def test_checkpoints_and_the_decision_as_it_was_answered_agree(taken: Taken, tmp_path: Path) -> None:
    (tmp_path / "decision.json").write_text(json.dumps(taken.decisions[1]))
    text = json.dumps(taken.receipts[1])
    options: list[str | Path] = ["--checkpoint", taken.checkpoints, "--document", tmp_path / "decision.json"]
    done = run("-", "--key", taken.pem, *options, text=text)
    assert (done.returncode, done.stderr) == (0, "")
    assert "The block is the one that your checkpoints pin." in done.stdout
    assert "the recorded id, outcome, time, ruleset and findings" in done.stdout
    assert "That the block still stands" not in done.stdout


def test_a_key_that_is_not_in_the_receipt_proves_nothing(taken: Taken) -> None:
    for n, key in ((0, taken.keys[1].id), (2, signing.from_seed(bytes(32)).id)):
        done = run("-", "--key", key, text=json.dumps(taken.receipts[n]))
        assert done.returncode == 1
        assert "is not one of those in the receipt" in done.stderr


@pytest.mark.parametrize(
    "arguments,words",
    [
        (["RECEIPT"], "--key"),
        (["RECEIPT", "--key", "sha256:abc"], "cannot read `sha256:abc`"),
        (["RECEIPT", "--key", "RECEIPT"], "is no public key as PEM"),
        (["nowhere", "--key", "KEY"], "cannot read `nowhere`"),
        (["RECEIPT", "--key", "KEY", "--checkpoint", "nowhere"], "cannot read `nowhere`"),
        (["RECEIPT", "--key", "KEY", "--document", "KEY"], "the document is no JSON"),
    ],
)
def test_wrong_use_ends_with_2(taken: Taken, tmp_path: Path, arguments: list[str], words: str) -> None:
    (tmp_path / "receipt").write_text(json.dumps(taken.receipts[0]))
    places = {"RECEIPT": str(tmp_path / "receipt"), "KEY": str(taken.pem)}
    done = run(*(places.get(each, each) for each in arguments))
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"receipt"', "[" * 100_000, "\udcff", "1" * 5000])
def test_what_is_no_receipt_at_all_ends_with_2(taken: Taken, tmp_path: Path, text: str) -> None:
    file = tmp_path / "receipt"
    file.write_bytes(text.encode(errors="surrogateescape"))
    done = run(file, "--key", taken.pem)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_each_of_the_damaged_receipts_is_refused(
    taken: Taken, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file, count, proved = tmp_path / "receipt", 0, []
    for receipt in taken.receipts[1 : sized(2, 3)]:
        file.write_text(json.dumps(receipt))
        assert told(capsys, monkeypatch, file, "--key", taken.keys[0].id)[0] == 0
        for path, changed in damaged(receipt):
            file.write_text(json.dumps(changed))
            code, words = told(capsys, monkeypatch, file, "--key", taken.keys[0].id)
            count += 1
            if code != 1 or not words.startswith("NOT PROVED: "):
                proved.append((path, code, words))
    assert not proved
    assert count > 500


@pytest.mark.parametrize(
    "member", ["record", "sequence", "index", "proof", "block", "keys", "evaluation", "texts"]
)
def test_parts_of_other_receipts_are_refused(
    taken: Taken,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    member: str,
) -> None:
    file, pairs = tmp_path / "receipt", 0
    for mine, theirs in ((0, 1), (1, 0), (1, 2), (2, 1)):
        if taken.receipts[mine][member] == taken.receipts[theirs][member]:
            continue
        pairs += 1
        file.write_text(json.dumps({**taken.receipts[mine], member: taken.receipts[theirs][member]}))
        assert told(capsys, monkeypatch, file, "--key", taken.keys[0].id)[0] == 1
    assert pairs or member in {"evaluation", "index"}


def test_a_text_that_says_two_things_is_refused_by_a_real_process(taken: Taken) -> None:
    text = json.dumps(taken.receipts[1])
    sequence = taken.receipts[1]["sequence"]
    for changed in (
        text[:-1] + f', "sequence": {sequence}}}',
        text.replace('"record": {', '"record": {"v": 1, ', 1),
        text.replace(f'"sequence": {sequence}', f'"sequence": {sequence}.0', 1),
        text.replace(f'"sequence": {sequence}', f'"sequence": {sequence}e0', 1),
        text.replace(f'"sequence": {sequence}', '"sequence": NaN', 1),
        text.replace('"outcome": "', '"outcome": "\\ud800', 1),
        text.replace('"outcome": "', '"öutcome": "', 1),
    ):
        assert changed != text
        done = run("-", "--key", taken.pem, text=changed)
        assert done.returncode == 1, done.stdout
        assert "Traceback" not in done.stderr


def sealed(receipt: dict[str, Any], key: signing.SigningKey, **header: Any) -> dict[str, Any]:
    """The receipt of a record that somebody with a key has put into a block of their own making."""
    leaf = sha256(b"\0" + canonical(receipt["record"])).hexdigest()
    block = {name: value for name, value in receipt["block"].items() if name not in {"hash", "signature"}}
    block |= {"first": receipt["sequence"], "count": 1, "root": f"sha256:{leaf}", "key": key.id, **header}
    signed = canonical(block)
    block |= {"hash": f"sha256:{sha256(signed).hexdigest()}", "signature": key.sign(signed).hex()}
    return {**receipt, "index": 0, "proof": [], "block": block}


def with_another_outcome(receipt: dict[str, Any]) -> dict[str, Any]:
    changed = copy.deepcopy(receipt)
    changed["record"]["outcome"] = "contact_meta"
    return changed


def test_whoever_has_no_key_of_the_log_cannot_make_a_receipt(taken: Taken) -> None:
    key = signing.from_seed(b"a" * 32)
    forged = sealed(with_another_outcome(taken.receipts[0]), key)
    assert run("-", "--key", taken.pem, text=json.dumps(forged)).returncode == 1
    genesis = copy.deepcopy(forged["keys"][0])
    genesis |= {"key": key.id, "public": key.public.hex()}
    genesis["receipt"]["record"]["facts"] = {"key": key.id, "public": key.public.hex()}
    genesis["receipt"] = sealed(genesis["receipt"], key)
    forged["keys"] = [genesis]
    assert run("-", "--key", key.id, text=json.dumps(forged)).returncode == 0
    assert run("-", "--key", taken.pem, text=json.dumps(forged)).returncode == 1


def test_whoever_has_a_retired_key_is_found_out_by_a_checkpoint(taken: Taken) -> None:
    forged = sealed(with_another_outcome(taken.receipts[2]), taken.keys[0])
    forged["keys"] = forged["keys"][:1]
    text = json.dumps(forged)
    alone = run("-", "--key", taken.pem, text=text)
    assert alone.returncode == 0
    assert "that its key was still in use when it was signed" in alone.stdout
    held = run("-", "--key", taken.pem, "--checkpoint", taken.checkpoints, text=text)
    assert held.returncode == 1
    assert "by a key that the receipt lacks" in held.stderr


def test_a_log_that_was_written_anew_with_the_key_is_found_out_by_a_checkpoint(taken: Taken) -> None:
    forged = sealed(with_another_outcome(taken.receipts[2]), taken.keys[2])
    text = json.dumps(forged)
    assert run("-", "--key", taken.pem, text=text).returncode == 0
    held = run("-", "--key", taken.pem, "--checkpoint", taken.checkpoints, text=text)
    assert held.returncode == 1
    assert f"speaks of another block {forged['block']['number']}" in held.stderr


def test_a_checkpoint_that_was_altered_pins_nothing(taken: Taken, tmp_path: Path) -> None:
    file, text = tmp_path / "checkpoints", json.dumps(taken.receipts[2])
    block = taken.receipts[2]["block"]
    following = sealed(taken.receipts[2], taken.keys[2], number=block["number"] + 1, previous=block["hash"])
    for line, code in (
        (following["block"], 0),
        (sealed(following, taken.keys[2], previous=f"sha256:{'0' * 64}")["block"], 1),
        ({**block, "at": "2020-01-01T00:00:00.000000Z"}, 1),
        ({**block, "signature": "0" * 128}, 1),
        ({**block, "more": 0}, 1),
        ([], 2),
    ):
        file.write_text(json.dumps(line) + "\n")
        done = run("-", "--key", taken.pem, "--checkpoint", file, text=text)
        assert done.returncode == code, line
        assert ("your checkpoints pin" in done.stdout) == (code == 0)


def test_checkpoints_of_other_blocks_pin_nothing_and_harm_nothing(taken: Taken, tmp_path: Path) -> None:
    file = tmp_path / "checkpoints"
    file.write_text("".join(json.dumps(taken.receipts[n]["block"]) + "\n" for n in (0, 2)))
    done = run("-", "--key", taken.pem, "--checkpoint", file, text=json.dumps(taken.receipts[1]))
    assert done.returncode == 0
    assert "That the block still stands in the log" in done.stdout


@pytest.mark.parametrize("member", ["id", "outcome", "decided_at", "ruleset", "findings"])
def test_another_document_than_was_recorded_is_refused(taken: Taken, tmp_path: Path, member: str) -> None:
    file = tmp_path / "document"
    for other in (None, "other", [], {}, [{"finding": "other"}], {"digest": "other"}):
        file.write_text(json.dumps({**taken.decisions[0], member: other}))
        arguments = Namespace(key=taken.keys[0].id, document=str(file), checkpoint=None)
        (tmp_path / "receipt").write_text(json.dumps(taken.receipts[0]))
        arguments.receipt = str(tmp_path / "receipt")
        with pytest.raises(verify_receipt.NotProved):
            verify_receipt.verify(arguments)
