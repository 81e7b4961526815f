"""What the log says of the tables that follow from it: principals, keys, rulesets, partitions, and more.

The records of such acts are gone through in their order, as the service made them; what comes of it is what
must stand in the tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any as Anything
from uuid import UUID

import orjson

from eligibility.canonical import canonical
from eligibility.precedents import GENERATION
from eligibility.recording import moment_of
from eligibility.review import KINDS as REVIEWS
from eligibility.review import Kind, Policy, Step
from eligibility.storage.batch_slices import SLICE
from eligibility.storage.batches import ENDS, STARTED
from eligibility.storage.holds import RELEASED, SET
from eligibility.storage.key_rotation import GENESIS, ROTATED
from eligibility.storage.precedents import ENDED, MADE
from eligibility.storage.reading_log import Act
from eligibility.storage.records import hash_text
from eligibility.storage.retention import RETENTION
from eligibility.storage.reviews import POLICY_SET, PREFIX
from eligibility.storage.ruleset_moves import ACTIVATED, CHECKED, LOADED, SIGNED_OFF
from eligibility.verifying.verdicts import Flaw, Place

Row = dict[str, Anything]
"""A row by its columns. A column that cannot be known any more, since it was erased, is left out."""


@dataclass
class Expected:
    """The rows that must be there, by table and key; and the digest in force.

    Of reviews: `steps` by decision, with their numbers; what is `attached` by record; and what was asked of
    them, from the block after the given one on.
    """

    tables: dict[str, dict[str, Row]] = field(default_factory=dict)
    in_force: str | None = None
    retained: dict[tuple[str, str], int] = field(default_factory=dict)
    flaws: list[Flaw] = field(default_factory=list)
    steps: dict[str, list[tuple[int, Step]]] = field(default_factory=dict)
    attached: dict[str, Row] = field(default_factory=dict)
    policies: list[tuple[int, Policy]] = field(default_factory=list)

    def row(self, table: str, key: str) -> Row:
        """The row of that key, which must be expected. Raises KeyError."""
        return self.tables[table][key]

    def add(self, table: str, key: str, row: Row) -> None:
        """Expect a row. Raises KeyError where one of that key is expected already."""
        rows = self.tables.setdefault(table, {})
        if key in rows:
            raise KeyError(f"{table} {key}")
        rows[key] = row


def expected_rows(acts: Iterable[Act]) -> Expected:
    """What the records of these acts, in the order of the log, come to."""
    expected = Expected()
    for act in acts:
        try:
            envelope = orjson.loads(act.body)
            texts = _Texts(act, envelope)
            _READERS[act.kind](expected, act, envelope, texts)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            what = f"what `{act.kind}` says cannot have happened: {error!r}"
            place = Place(act.block, act.sequence, str(act.id))
            expected.flaws.append(place.flaw("integrity", "record.body", what))
    return expected


class _Texts:
    """The private texts of an act."""

    def __init__(self, act: Act, envelope: Mapping[str, Anything]) -> None:
        self.are_known = act.private is not None or "private" not in envelope
        self._texts = orjson.loads(act.private) if act.private is not None else {}

    def column(self, name: str, member: str) -> Row:
        """A column that holds a private text: it is empty where there was none, and unknown if erased."""
        return {name: self._texts.get(member, "")} if self.are_known else {}


def _partition(expected: Expected, act: Act, envelope: Mapping[str, Anything], _texts: _Texts) -> None:
    month = envelope["facts"]["month"]
    expected.add("partition", month, {"month": month, "made_by": str(act.id)})


def _signing_key(expected: Expected, act: Act, envelope: Mapping[str, Anything], _texts: _Texts) -> None:
    facts = envelope["facts"]
    row = {"id": facts["key"], "public": bytes.fromhex(facts["public"]), "record": str(act.id)}
    expected.add("signing_key", facts["key"], row)


def _principal(expected: Expected, act: Act, envelope: Mapping[str, Anything], texts: _Texts) -> None:
    facts = envelope["facts"]
    row = {"id": facts["principal"], "kind": facts["kind"], "created_at": act.at}
    expected.add("principal", facts["principal"], row | texts.column("name", "name"))


def _api_key(expected: Expected, act: Act, envelope: Mapping[str, Anything], texts: _Texts) -> None:
    facts = envelope["facts"]
    if "revokes" in facts:
        for other in expected.tables.get("api_key", {}).values():
            if other["bootstrap"] and other["revoked_at"] is None:
                other["revoked_at"] = act.at
    row = {
        "id": facts["key"],
        "principal": facts["principal"],
        "role": facts["role"],
        "mac": facts["mac"],
        "bootstrap": act.channel == "system",  # others are made by commands and calls
        "created_at": act.at,
        "expires_at": facts.get("expires"),
        "revoked_at": None,
    }
    expected.add("api_key", facts["key"], row | texts.column("label", "label"))


def _revoked(expected: Expected, act: Act, envelope: Mapping[str, Anything], _texts: _Texts) -> None:
    expected.row("api_key", envelope["facts"]["key"])["revoked_at"] = act.at


def _ruleset(expected: Expected, act: Act, envelope: Mapping[str, Anything], texts: _Texts) -> None:
    digest, facts = envelope["ruleset"], envelope["facts"]
    if "source" in facts:
        row = {"record": str(act.id), "ruleset": digest, "files": facts["source"]}
        expected.add("ruleset_source", str(act.id), row)
    if digest not in expected.tables.get("ruleset", {}):
        row = {"digest": digest, "version": envelope["facts"]["version"]}
        expected.add("ruleset", digest, row | {"loaded_at": act.at, "loaded_by": act.actor})
    if act.kind == ACTIVATED:
        expected.in_force = digest
    steps = expected.tables.get("ruleset_step", {}).values()
    if act.kind == ACTIVATED or all(step["ruleset"] != digest for step in steps):  # else: other files of it
        _step(expected, act, envelope, texts)


def _step(expected: Expected, act: Act, envelope: Mapping[str, Anything], _texts: _Texts) -> None:
    digest, facts = envelope["ruleset"], envelope["facts"]
    steps = [(digest, act.kind.removeprefix("ruleset."))]
    if act.kind == ACTIVATED and "former" in facts:
        steps.append((facts["former"], "retired"))
    for ruleset, step in steps:
        number = str(len(expected.tables.get("ruleset_step", {})) + 1)
        row = {"record": str(act.id), "ruleset": ruleset, "step": step, "actor": act.actor}
        expected.add("ruleset_step", number, row | {"due": facts.get("due")})


def _check(expected: Expected, act: Act, envelope: Mapping[str, Anything], _texts: _Texts) -> None:
    facts = envelope["facts"]
    row = {"record": str(act.id), "ruleset": envelope["ruleset"], "kind": facts["check"]}
    row |= {name: facts[name] for name in ("against", "passed", "report")}
    expected.add("ruleset_check", str(act.id), row)


def _sign_off(expected: Expected, act: Act, envelope: Mapping[str, Anything], _texts: _Texts) -> None:
    facts = envelope["facts"]
    row = {"record": str(act.id), "ruleset": envelope["ruleset"], "impact": facts["impact"]}
    expected.add("impact_sign_off", str(act.id), row | {"group_id": facts["group"], "actor": act.actor})


def _retention(expected: Expected, act: Act, envelope: Mapping[str, Anything], _texts: _Texts) -> None:
    facts = envelope["facts"]
    month, record_class = facts["month"], facts["class"]
    key = month, record_class
    expected.retained[key] = expected.retained.get(key, 0) + facts["records"]
    row = {"made_by": str(act.id), "month": month, "class": record_class}
    expected.add("retention", str(act.id), row)


def _hold(expected: Expected, act: Act, envelope: Mapping[str, Anything], _texts: _Texts) -> None:
    facts = envelope["facts"]
    row = {"first_month": facts["from"], "last_month": facts["to"], "released_by": None}
    expected.add("legal_hold", str(act.id), {"id": str(act.id), **row})


def _released(expected: Expected, act: Act, envelope: Mapping[str, Anything], _texts: _Texts) -> None:
    expected.row("legal_hold", envelope["facts"]["hold"])["released_by"] = str(act.id)


def _batch(expected: Expected, act: Act, envelope: Mapping[str, Anything], _texts: _Texts) -> None:
    facts = envelope["facts"]
    row = {"id": str(act.id), "actor": act.actor, "ruleset": envelope["ruleset"], "format": facts["format"]}
    row |= {"state": "running", "rows": facts.get("rows"), "problem": None, "ended_by": None}
    expected.add("batch", str(act.id), row)


def _slice(expected: Expected, act: Act, envelope: Mapping[str, Anything], _texts: _Texts) -> None:
    facts = envelope["facts"]
    if expected.row("batch", facts["subject"])["state"] != "running":
        raise ValueError("its batch had ended")
    row = {"record": str(act.id), "batch": facts["subject"], "source": facts["input"]}
    row |= {name: facts[name] for name in ("number", "first", "line", "rows", "refused")}
    expected.add("batch_slice", str(act.id), row | facts["outcomes"])


def _batch_end(expected: Expected, act: Act, envelope: Mapping[str, Anything], _texts: _Texts) -> None:
    facts = envelope["facts"]
    row = expected.row("batch", facts["subject"])
    if row["state"] != "running":
        raise ValueError("the batch had ended")
    [state] = [end for end, kind in ENDS.items() if kind == act.kind]
    row |= {"state": state, "ended_by": str(act.id)}
    row |= {"rows": facts.get("rows"), "problem": facts.get("problem")}


def _policy(expected: Expected, act: Act, envelope: Mapping[str, Anything], _texts: _Texts) -> None:
    policy = Policy(**envelope["facts"])
    expected.policies.append((act.block, policy))
    expected.add("review_policy", str(act.id), {"record": str(act.id), **envelope["facts"]})


def _review(expected: Expected, act: Act, envelope: Mapping[str, Anything], _texts: _Texts) -> None:
    facts, kind = envelope["facts"], KIND_OF[act.kind]
    decision, number, outcome = facts["subject"], facts["number"], facts.get("outcome")
    row = {"record": str(act.id), "decision": decision, "number": number, "kind": kind, "actor": act.actor}
    expected.add("review_step", str(act.id), row | {"outcome": outcome})
    step = Step(kind, UUID(act.actor), moment_of(act.id), outcome)
    expected.steps.setdefault(decision, []).append((number, step))
    if kind == "attach" and act.private is not None:  # with its texts, the file went too
        row = {"decision": decision, "media_type": facts["media_type"], "size": facts["size"]}
        expected.attached[str(act.id)] = row | {"sha256": orjson.loads(act.private)["sha256"]}


def _precedent(expected: Expected, act: Act, envelope: Mapping[str, Anything], _texts: _Texts) -> None:
    facts = envelope["facts"]
    pattern = facts["pattern"]
    row = {"record": str(act.id), "decision": facts["subject"], "generation": pattern[GENERATION]}
    row |= {"pattern": hash_text(sha256(canonical(pattern)).digest()), "outcome": facts["outcome"]}
    expected.add("precedent", str(act.id), row | {"expires_at": facts["expires"], "ended_by": None})


def _precedent_end(expected: Expected, act: Act, envelope: Mapping[str, Anything], _texts: _Texts) -> None:
    row = expected.row("precedent", envelope["facts"]["subject"])
    if row["ended_by"] is not None:
        raise ValueError("the precedent had ended")
    row["ended_by"] = str(act.id)


KIND_OF: Mapping[str, Kind] = {f"{PREFIX}{kind}": kind for kind in REVIEWS}
_STEPS = ("proposed", "approved", "withdrawn", "scheduled", "unscheduled")
_READERS: Mapping[str, Callable[[Expected, Act, Mapping[str, Anything], _Texts], None]] = {
    "partition.made": _partition,
    GENESIS: _signing_key,
    ROTATED: _signing_key,
    "principal.created": _principal,
    "key.created": _api_key,
    "key.revoked": _revoked,
    LOADED: _ruleset,
    ACTIVATED: _ruleset,
    **{f"ruleset.{step}": _step for step in _STEPS},
    CHECKED: _check,
    SIGNED_OFF: _sign_off,
    RETENTION: _retention,
    SET: _hold,
    RELEASED: _released,
    STARTED: _batch,
    SLICE: _slice,
    **dict.fromkeys(ENDS.values(), _batch_end),
    POLICY_SET: _policy,
    **dict.fromkeys(KIND_OF, _review),
    MADE: _precedent,
    ENDED: _precedent_end,
}
KINDS = tuple(_READERS)
"""The kinds of records that other tables follow from."""
