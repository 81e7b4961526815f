"""Idempotency keys that were used, compared with the decisions that they led to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from operator import eq
from typing import Any as Anything

import orjson

from eligibility.storage.entries import DECISION
from eligibility.storage.packing import unpacked
from eligibility.storage.reading_log import UsedKey
from eligibility.storage.records import join_private, mac
from eligibility.verifying.verdicts import Findings, Flaw, Place

_FACTS = ("model", "entity", "use")
_MALFORMED = (ValueError, KeyError, TypeError, AttributeError)
_COLUMNS = ("key_mac", "body_mac")
_KEPT = 16
"""Bytes of each MAC that are stored."""


def check_used_keys(rows: Iterable[UsedKey], secret: bytes | None) -> Findings:
    """Compare keys with decisions; with the service's secret, make their MACs again.

    Those of decisions whose texts were erased cannot be made again. Where not one is as the secret makes it,
    it is another log's secret, and says nothing.
    """
    findings, unlike = Findings(), Findings()
    alike = 0
    for row in rows:
        findings.looked_at["idempotency keys"] += 1
        try:
            envelope = None if row.body is None else orjson.loads(unpacked(row.body))
            private = None if row.private is None else orjson.loads(row.private)
            if not _belongs(envelope, private):
                findings.extend(_flaws(row, envelope, private))
            elif secret is not None and private is not None:
                made = _macs(envelope, private, secret)
                stored = row.key_mac, row.body_mac
                alike += any(map(eq, made, stored))
                if made != stored:
                    unlike.extend(_unlike(row, made, stored))
        except _MALFORMED:
            what = "the decision that it leads to cannot be read"
            findings.add(Place(row=row.record).flaw("integrity", "idempotency.record", what))
    if alike:
        findings.merge(unlike)
    elif unlike.counts:
        findings.note(
            "integrity", "the service's secret here is not that of the log: keys were not made again"
        )
    return findings


def _belongs(envelope: Anything, private: Anything) -> bool:
    """Whether nothing is wrong apart from the MACs."""
    return (
        envelope is not None
        and envelope["kind"] == DECISION
        and ("private" in envelope if private is None else "idempotency_key" in private)
    )


def _flaws(row: UsedKey, envelope: Anything, private: Anything) -> Iterator[Flaw]:
    """What is wrong apart from the MACs."""
    place = Place(row=row.record)
    if envelope is None:
        yield place.flaw("completeness", "idempotency.record", "there is no such decision")
        return
    if envelope["kind"] != DECISION:
        yield place.flaw("integrity", "idempotency.record", "it leads to a record that is no decision")
        return
    is_erased = private is None and "private" in envelope
    if not is_erased and "idempotency_key" not in (private or {}):
        yield place.flaw("completeness", "idempotency.record", "the decision was asked for without a key")


def _unlike(row: UsedKey, made: tuple[bytes, bytes], stored: tuple[bytes, bytes]) -> Iterator[Flaw]:
    for column, expected, found in zip(_COLUMNS, made, stored, strict=True):
        if found != expected:
            what = "it is not that of the decision"
            yield Place(row=row.record).flaw("integrity", f"idempotency.{column}", what)


def _macs(envelope: Anything, private: Anything, secret: bytes) -> tuple[bytes, bytes]:
    """The MACs of key and body, as the service made them from the request."""
    texts = {name: private[name] for name in _FACTS if name in private}
    given = join_private(envelope["facts"], texts) if texts else envelope["facts"]
    key = mac(secret, "idempotency-key", envelope["actor"].encode(), private["idempotency_key"].encode())
    body = mac(secret, "idempotency-body", orjson.dumps(given, option=orjson.OPT_SORT_KEYS))
    return key[:_KEPT], body[:_KEPT]
