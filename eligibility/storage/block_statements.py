"""The statements by which `blocks` records a group of entries. All take their parameters in binary."""

from eligibility.storage.chaining import MOVE_HEAD, store_block
from eligibility.storage.record_rows import STORE_RECORDS, STORE_TEXTS


def _claim(condition: str = "") -> str:
    return f"""
        INSERT INTO idempotency (key_mac, body_mac, record)
        SELECT * FROM unnest(%(key_macs)b::uuid[], %(body_macs)b::uuid[], %(key_records)b::uuid[]) {condition}
        ON CONFLICT DO NOTHING RETURNING record
    """  # noqa: S608 - our own words


CLAIM_KEYS = _claim()
EARLIER_KEYS = "SELECT key_mac, body_mac, record FROM idempotency WHERE key_mac = ANY(%(key_macs)b::uuid[])"
STORE_EVALUATION = """
    INSERT INTO evaluation (key, ruleset, cells, content, content_hash, outcome, findings)
    VALUES (%b, %b, %b, %b, %b, %b, %b) ON CONFLICT DO NOTHING
"""
STORED_EVALUATIONS = "SELECT key, content_hash FROM evaluation WHERE key = ANY(%b::bytea[])"
STORE = {
    False: STORE_RECORDS.encode(),
    True: f"WITH texts AS ({STORE_TEXTS}) {STORE_RECORDS}".encode(),
}
"""Stores records, without and with private texts."""


def _at_once(*, has_texts: bool, has_keys: bool) -> bytes:
    """The statement that claims keys, stores records, seals the block and moves the head.

    It does nothing where a key was claimed before, or the head is not the one that the block is chained to.
    Where that comes about meanwhile the block gets no number, and the database refuses all of it.
    """
    is_head = """
        block = %(number)b::bigint - 1 AND hash = %(previous)b AND key = %(key)b
        AND ruleset IS NOT DISTINCT FROM %(ruleset)b::bytea
    """
    # key by key: so it is found by the index, whatever the database thinks of a table that grows
    unclaimed = """
        NOT EXISTS (
            SELECT FROM unnest(%(key_macs)b::uuid[]) AS asked (key)
            WHERE (SELECT true FROM idempotency WHERE key_mac = asked.key)
        )
    """
    fits = "WHERE EXISTS (SELECT FROM fitting)"
    claimed = f"claimed AS ({_claim(fits)})," if has_keys else ""
    if_new = "WHERE (SELECT count(*) FROM claimed) = cardinality(%(key_macs)b::uuid[])" if has_keys else fits
    texts = f"texts AS ({STORE_TEXTS} {if_new})," if has_texts else ""
    return f"""
        WITH fitting AS (SELECT FROM head WHERE {is_head} {f"AND {unclaimed}" if has_keys else ""}),
        {claimed} {texts}
        stored AS ({STORE_RECORDS} {if_new} RETURNING 1),
        moved AS (
            {MOVE_HEAD} WHERE {is_head}
            AND (SELECT count(*) FROM stored) > 0 -- which comes first: nobody waits for the head meanwhile
            RETURNING block
        )
        {store_block("(SELECT block FROM moved)")} {fits}
    """.encode()  # noqa: S608 - our own words


AT_ONCE = {
    (has_texts, has_keys): _at_once(has_texts=has_texts, has_keys=has_keys)
    for has_texts in (False, True)
    for has_keys in (False, True)
}

WAIT_FOR_REPLICAS = "SELECT pg_logical_emit_message(true, 'eligibility', '')"
"""Writes something, so that the commit waits for what others wrote before: an earlier record may stand on
this server alone, where whoever wrote it did not see its commit through."""
