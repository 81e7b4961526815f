"""Checks offline that a decision stands in an audit log, from its receipt and a key that you know.

    python tools/verify_receipt.py RECEIPT.json --key FINGERPRINT|PUBLIC.pem
                                   [--checkpoint FILE] [--document DECISION.json]

The receipt is what `GET /v1/decisions/{id}/receipt` answers. The key is the log's first one, or the one that
signed the block, as a file or as its fingerprint; have it from somewhere else than the receipt. Needs Python
3.11 and the package `cryptography`, and nothing of the service.

Exit codes: 0 proved; 1 not proved; 2 wrong usage, or a file that cannot be read.
"""

import argparse
import json
import re
import sys
from collections.abc import Collection, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, NoReturn

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

Kind = type[Any] | re.Pattern[str]

HASH, BYTES, SIGNATURE = (re.compile(p) for p in ("sha256:[0-9a-f]{64}", "[0-9a-f]{64}", "[0-9a-f]{128}"))
NUMBERS: dict[str, Kind] = dict.fromkeys(("v", "number", "first", "count"), int)
HEADER = {**NUMBERS, **dict.fromkeys(("root", "previous", "key"), HASH), "at": str}
BLOCK = {**HEADER, "hash": HASH, "signature": SIGNATURE}
PLACE: dict[str, Kind] = {"record": dict, "sequence": int, "index": int, "proof": list, "block": dict}
RECEIPT = {**PLACE, "v": int, "keys": list, "evaluation": dict, "texts": dict}


class NotProved(Exception):
    """What was given does not prove what it should."""


class Unusable(Exception):
    """A file cannot be read, or holds something else."""


def require(is_so: object, otherwise: str) -> None:
    """Raise NotProved where it is not so."""
    if not is_so:
        raise NotProved(otherwise)


def read(path: str) -> bytes:
    """The bytes of a file, or of the input for `-`."""
    try:
        return sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise Unusable(f"cannot read `{path}`: {error.strerror}") from error


def parsed(text: bytes, what: str) -> dict[str, Any]:
    """A JSON object, read exactly: no member twice, no number that is not whole."""

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        require(len(dict(pairs)) == len(pairs), f"{what} has a member twice, so it says two things at once")
        return dict(pairs)

    def no_fraction(number: str) -> NoReturn:
        raise NotProved(f"{what} holds the number `{number[:40]}`: logs hold whole ones only")

    hooks: Any = {"object_pairs_hook": members, "parse_float": no_fraction, "parse_constant": no_fraction}
    try:
        value = json.loads(text, **hooks)
    except (ValueError, RecursionError) as error:
        raise Unusable(f"{what} is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise Unusable(f"{what} is no JSON object")
    return value


def canonical(value: object) -> bytes:
    """Canonical JSON (RFC 8785), for keys in ASCII and whole numbers: all that a log holds."""
    _check(value)
    try:  # for these, sorted members and the escapes of this library are what the RFC asks for
        return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        raise NotProved("a text holds half a character, which canonical JSON cannot") from None


def _check(value: object) -> None:
    if isinstance(value, dict):
        require(all(isinstance(key, str) and key.isascii() for key in value), "a key is not in ASCII")
    elif isinstance(value, int):
        require(abs(value) < 2**53, "a number is too large for canonical JSON")
    else:
        require(value is None or isinstance(value, str | list), "canonical JSON has no such value here")
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _check(inner)


def hash_of(data: bytes) -> str:
    """A hash as logs write it."""
    return f"sha256:{sha256(data).hexdigest()}"


def shaped(value: Any, what: str, members: Mapping[str, Kind], optional: Collection[str] = ()) -> Any:
    """An object with exactly these members, each of its kind: nothing in it goes unchecked."""
    require(isinstance(value, dict), f"{what} is no object")
    odd = sorted((set(members) - set(optional) - set(value)) | (set(value) - set(members)))
    require(not odd, f"{what} lacks, or should not have: {', '.join(map(repr, odd))}")
    for name, kind in members.items():
        given = value.get(name)
        if isinstance(kind, re.Pattern):
            is_right = isinstance(given, str) and kind.fullmatch(given) is not None
        else:
            is_right = type(given) is kind or name not in value
        require(is_right, f"`{name}` of {what} is not of the right form")
    return value


def check_block(value: object, publics: Mapping[str, bytes], what: str) -> None:
    """A header, its hash, and its signature by the one of the keys that it names."""
    block = shaped(value, what, BLOCK)
    require(block["v"] == 1, f"{what} is of a version that is not known here")
    require(min(block["number"], block["first"]) > 0 < block["count"] <= 4096, f"{what} counts wrongly")
    signed = canonical({name: block[name] for name in HEADER})
    require(hash_of(signed) == block["hash"], f"the hash of {what} is not that of its header")
    require(block["key"] in publics, f"{what} is signed by {block['key']}, which is not the key it has to be")
    try:
        key = Ed25519PublicKey.from_public_bytes(publics[block["key"]])
        key.verify(bytes.fromhex(block["signature"]), signed)
    except (InvalidSignature, ValueError):
        raise NotProved(f"the signature of {what} is not by the key that it names") from None


def check_place(place: Mapping[str, Any], publics: Mapping[str, bytes], what: str) -> None:
    """A record leads to the root of its block (RFC 9162, 2.1.3.2), and the block is signed."""
    check_block(place["block"], publics, f"the block of {what}")
    block, index = place["block"], place["index"]
    require(0 <= index < block["count"], f"the block of {what} has no place {index}")
    require(place["sequence"] == block["first"] + index, f"`sequence` of {what} is not that of its place")
    current = sha256(b"\0" + canonical(place["record"])).digest()
    position, last = index, block["count"] - 1
    for step in place["proof"]:
        require(last and isinstance(step, str) and BYTES.fullmatch(step), f"the proof of {what} is no proof")
        beside = bytes.fromhex(step)
        if position % 2 or position == last:
            current = sha256(b"\1" + beside + current).digest()
            while position % 2 == 0 and position:
                position, last = position >> 1, last >> 1
        else:
            current = sha256(b"\1" + current + beside).digest()
        position, last = position >> 1, last >> 1
    leads = last == 0 and f"sha256:{current.hex()}" == block["root"]
    require(leads, f"{what} does not lead to the root of its block: it, or its proof, is another one")


def check_keys(entries: list[Any]) -> dict[str, bytes]:
    """Each key was made by a record, in a block that the key before has signed; the keys, in their order."""
    keys: dict[str, bytes] = {}
    former: Mapping[str, Any] = {}
    for n, entry in enumerate(entries, 1):
        what = f"the record of key {n}"
        shaped(entry, what, {"key": HASH, "public": BYTES, "receipt": dict})
        name, public = entry["key"], bytes.fromhex(entry["public"])
        require(name == hash_of(public), f"the fingerprint of key {n} is not that of its public key")
        require(name not in keys, f"key {n} has signed before, and does not come back")
        kind, facts, signer = "key.genesis", {"key": name, "public": entry["public"]}, {name: public}
        if former:
            before = list(keys)[-1]
            kind, facts, signer = "key.rotated", facts | {"former": before}, {before: keys[before]}
        place = shaped(entry["receipt"], what, PLACE)
        check_place(place, signer, what)
        record = place["record"]
        require(record.get("kind") == kind and record.get("facts") == facts, f"{what} makes no such key")
        if former:
            is_later = place["block"]["number"] > former["block"]["number"]
            require(
                is_later and place["sequence"] > former["sequence"], f"{what} is older than the one before"
            )
        keys[name], former = public, place
    require(keys, "the receipt names no key")
    return keys


def check_receipt(receipt: Mapping[str, Any]) -> dict[str, bytes]:
    """Everything in a receipt holds together; the keys of the log, in their order."""
    shaped(receipt, "the receipt", RECEIPT, {"evaluation", "texts"})
    require(receipt["v"] == 1, "the receipt is of a version that is not known here")
    keys = check_keys(receipt["keys"])
    name = list(keys)[-1]
    check_place(receipt, {name: keys[name]}, "the record")
    record, block, began = receipt["record"], receipt["block"], receipt["keys"][-1]["receipt"]["block"]
    is_after = block["number"] > began["number"] or block["hash"] == began["hash"]
    require(is_after, "the block is older than the key that signed it")
    evaluation = hash_of(canonical(receipt["evaluation"])) if "evaluation" in receipt else None
    require(evaluation == record.get("evaluation"), "the evaluation is not the one that the record names")
    if "texts" in receipt:
        texts = shaped(receipt["texts"], "`texts`", {"salt": BYTES, "content": dict})
        opened = hash_of(bytes.fromhex(texts["salt"]) + canonical(texts["content"]))
        require(opened == record.get("private"), "the texts are not those that the record commits to")
    return keys


def check_checkpoints(path: str, block: Mapping[str, Any], keys: Mapping[str, bytes]) -> bool:
    """No checkpoint (one a line) contradicts the block; whether one pins it."""
    is_pinned, number = False, block["number"]
    for n, line in enumerate(read(path).splitlines(), 1):
        what = f"line {n} of the checkpoints"
        head = shaped(parsed(line, what), what, BLOCK)
        at = head["number"]
        require(head["key"] in keys or at > number, f"{what} is earlier, and by a key that the receipt lacks")
        if head["key"] in keys:  # later keys are not in the receipt
            check_block(head, keys, what)
            is_pinned |= at == number or at == number + 1
        is_same = (at != number or head["hash"] == block["hash"]) and (
            at != number + 1 or head["previous"] == block["hash"]
        )
        require(is_same, f"{what} speaks of another block {number}: one of the two logs was rewritten")
    return is_pinned


def check_document(document: Mapping[str, Any], receipt: Mapping[str, Any]) -> None:
    """A decision as it was answered is the one of the receipt."""
    record, evaluation = receipt["record"], receipt.get("evaluation", {})
    same = {"id": record.get("id"), "outcome": record.get("outcome"), "decided_at": record.get("at")}
    for name, recorded in same.items():
        require(document.get(name) == recorded, f"`{name}` of the document is not the recorded one")
    try:
        is_ruleset = document["ruleset"]["digest"] == record.get("ruleset")
        told, found = ([made["finding"] for made in each["findings"]] for each in (document, evaluation))
    except (KeyError, TypeError):
        raise NotProved("the document is no decision as it is answered") from None
    require(is_ruleset, "the document names another ruleset than is recorded")
    require(told == found, "the document has other findings than are recorded")


def pinned(given: str) -> str:
    """The fingerprint of the key that was given: itself, or that of a public key in a file."""
    if HASH.fullmatch(given):
        return given
    try:
        key = load_pem_public_key(read(given))
    except ValueError as error:
        raise Unusable(f"`{given}` is no public key as PEM, and no fingerprint") from error
    if not isinstance(key, Ed25519PublicKey):
        raise Unusable(f"`{given}` holds a key of another kind than Ed25519")
    return hash_of(key.public_bytes_raw())


def verify(given: argparse.Namespace) -> str:
    """What is proved and what is not, in plain words. Raises NotProved, Unusable."""
    key, receipt = pinned(given.key), parsed(read(given.receipt), "the receipt")
    keys = check_receipt(receipt)
    require(key in keys, f"the key {key} that you know is not one of those in the receipt")
    record, block, names = receipt["record"], receipt["block"], list(keys)
    rotations = len(names) - 1 - names.index(key)
    told = f"""PROVED, if the key that you know is the log's:
- Record {record["id"]} ({record["kind"]}, {record.get("outcome", "no outcome")}, {record["at"]}) is number
  {receipt["sequence"]} of the log, and says exactly what the receipt says.
- Block {block["number"]}, sealed {block["at"]}, holds it, signed by the key {names[-1]}."""
    if rotations:
        told += f"""
- From the key that you know, {rotations} rotation(s) lead to that key. Each is vouched for by the key before
  alone: whoever had that one could have named the next."""
    if "evaluation" in receipt:
        told += "\n- The evaluation in the receipt is the one that the record names."
    if "texts" in receipt:
        told += "\n- The texts in the receipt are those that the record commits to."
    if given.document is not None:
        check_document(parsed(read(given.document), "the document"), receipt)
        told += (
            "\n- The document has the recorded id, outcome, time, ruleset and findings. No more was compared."
        )
    if given.checkpoint is not None and check_checkpoints(given.checkpoint, block, keys):
        told += "\n- The block is the one that your checkpoints pin.\nNOT PROVED:"
    else:
        told += """\nNOT PROVED:
- That the block still stands in the log, and that its key was still in use when it was signed. That takes a
  checkpoint of this block that was kept outside the log (`--checkpoint`)."""
    return told + "\n- That the clock was right and the facts are true. The log says what was said."


def main() -> int:
    """Check what the command line names; the exit code."""
    usage = argparse.ArgumentParser(description="Check offline that a decision stands in an audit log.")
    usage.add_argument("receipt", help="the receipt, a JSON file; `-` reads the input")
    usage.add_argument("--key", required=True, help="a key you know: a PEM file, or `sha256:` and 64 digits")
    usage.add_argument("--checkpoint", help="a file of checkpoints of the log, one a line")
    usage.add_argument("--document", help="the decision as it was answered, a JSON file to compare")
    try:
        print(verify(usage.parse_args()))
    except NotProved as error:
        print(f"NOT PROVED: {error}", file=sys.stderr)
        return 1
    except (Unusable, RecursionError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
