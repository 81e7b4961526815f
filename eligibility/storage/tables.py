"""The tables, for queries. The migrations make them, and a test holds the two equal.

Times are UTC. Hashes are SHA-256, 32 bytes. `record` and `private` are partitioned by the month of the
UUIDv7 that is their key.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    Uuid,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from eligibility.storage import review_tables, search_tables, session_tables, table_names
from eligibility.storage.packing import packed, unpacked

metadata = table_names.metadata
REVIEWS = (review_tables.review_case, review_tables.review_step)  # which are of it, as is all beside them
SESSIONS = (session_tables.session, session_tables.saved_view)  # as are these
SEARCHES = (search_tables.search_part, search_tables.verification)  # and these

_Time = DateTime(timezone=True)


class _Envelope(TypeDecorator[bytes]):
    """The canonical bytes of an envelope, which are stored packed."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002 - of whichever dialect
        return None if value is None else packed(value)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002 - of whichever dialect
        return None if value is None else unpacked(value)


def _hash(name: str) -> CheckConstraint:
    return CheckConstraint(f"octet_length({name}) = 32", name=name)


SEEN = (
    r"""string_to_array(translate("substring"(encode(body, 'escape'::text), """
    r"""'"decisions":\[([^]]*)\]'::text), '"'::text, ''::text), ','::text)"""
)
"""The ids of the decisions that a look was at, from the body of its record; null where there are none."""

IS_LOOK = "((kind || ''::text) = 'access'::text)"
"""Whether a record is of a look, asked so that no index of kinds answers it, which would read them all."""

record = Table(
    "record",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("block", Uuid, nullable=False),
    Column("position", Integer, nullable=False),  # sequence = the block's first + position
    Column("kind", Text, nullable=False),
    Column("at", _Time, nullable=False),
    Column("actor", Uuid, nullable=False),  # a principal's id, or nil for `system`
    Column("channel", Text, nullable=False),
    Column("evaluation_key", LargeBinary),
    Column("outcome", Text),
    Column("generation", Text),
    Column("subject", Uuid),  # the record that this one is about
    Column("body", _Envelope, nullable=False),  # packed; queries get the canonical bytes
    Column("leaf", LargeBinary, nullable=False),
    _hash("leaf"),
    Index(None, "block"),
    Index(None, "kind", "outcome"),
    Index(None, "actor"),
    Index(None, "evaluation_key"),
    Index("record_subject_idx", "subject", postgresql_where=text("subject IS NOT NULL")),
    Index(
        "record_looks_idx",
        text(f"({SEEN})"),
        postgresql_using="gin",
        postgresql_with={"gin_pending_list_limit": 256},
        postgresql_where=text(IS_LOOK),
    ),
    Index("record_act_idx", "kind", "id", postgresql_where=text("kind <> 'decision'")),
    Index("record_actor_act_idx", "actor", "kind", "id", postgresql_where=text("kind <> 'decision'")),
    postgresql_partition_by="RANGE (id)",
)

private = Table(
    "private",
    metadata,
    Column("record", Uuid, primary_key=True),
    Column("salt", LargeBinary, nullable=False),
    Column("content", LargeBinary, nullable=False),  # canonical JSON
    Column("entity_reference", Text),
    _hash("salt"),
    Index(
        "private_entity_reference_idx",
        "entity_reference",
        postgresql_using="hash",
        postgresql_where=text("entity_reference IS NOT NULL"),
    ),
    postgresql_partition_by="RANGE (record)",
)

evaluation = Table(
    "evaluation",
    metadata,
    Column("key", LargeBinary, primary_key=True),  # SHA-256 of (ruleset digest, cells)
    Column("ruleset", LargeBinary, nullable=False),
    Column("cells", LargeBinary, nullable=False),  # canonical JSON, as is the content
    Column("content", LargeBinary, nullable=False),
    Column("content_hash", LargeBinary, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("findings", ARRAY(Text), nullable=False),
    _hash("content_hash"),
    _hash("key"),
    Index("evaluation_findings_idx", "findings", postgresql_using="gin"),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("key_mac", Uuid, primary_key=True),  # the first halves of HMACs under the service's secret
    Column("body_mac", Uuid, nullable=False),
    Column("record", Uuid, nullable=False),
)

block = Table(
    "block",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("id", Uuid, nullable=False, unique=True),
    Column("first", BigInteger, nullable=False, unique=True),
    Column("count", Integer, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("previous", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("at", _Time, nullable=False),
    Column("key", Text),  # the fingerprint of the key that signed it; none before the log had a key
    Column("signature", LargeBinary),
    CheckConstraint("count BETWEEN 1 AND 4096", name="count"),
    _hash("root"),
    _hash("previous"),
    _hash("hash"),
)

head = Table(
    "head",
    metadata,
    Column("singleton", Boolean, primary_key=True, autoincrement=False),
    Column("block", BigInteger, nullable=False),
    Column("next_sequence", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("ruleset", LargeBinary),  # the digest in force
    Column("key", Text),  # the fingerprint of the key that signs the next block
    CheckConstraint("singleton", name="singleton"),
    _hash("hash"),
)

signing_key = Table(
    "signing_key",
    metadata,
    Column("id", Text, primary_key=True),  # the fingerprint
    Column("public", LargeBinary, nullable=False),
    Column("record", Uuid, nullable=False),  # that made it active
    _hash("public"),
)

ruleset = Table(
    "ruleset",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("version", Text, nullable=False),
    Column("document", LargeBinary, nullable=False),  # canonical JSON
    Column("loaded_at", _Time, nullable=False),
    Column("loaded_by", Text, nullable=False),
    _hash("digest"),
)

ruleset_source = Table(
    "ruleset_source",
    metadata,
    Column("record", Uuid, primary_key=True),  # that says when, and by whom it was loaded
    Column("ruleset", ForeignKey("ruleset.digest"), nullable=False),
    Column("files", LargeBinary, nullable=False),  # canonical JSON: texts by path, cases too
    Index(None, "ruleset", "record"),
)

ruleset_step = Table(
    "ruleset_step",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("record", Uuid, nullable=False),
    Column("ruleset", ForeignKey("ruleset.digest"), nullable=False),
    Column("step", Text, nullable=False),
    Column("actor", Uuid, nullable=False),
    Column("due", _Time),  # when what is scheduled is to be put in force
    CheckConstraint(
        "step IN ('loaded', 'proposed', 'approved', 'withdrawn', 'scheduled', 'unscheduled', 'activated', "
        "'retired')",
        name="step",
    ),
    UniqueConstraint("record", "step"),
    CheckConstraint("(due IS NOT NULL) = (step = 'scheduled')", name="due"),
    Index(None, "ruleset", "number"),
)

ruleset_check = Table(
    "ruleset_check",
    metadata,
    Column("record", Uuid, primary_key=True),
    Column("ruleset", ForeignKey("ruleset.digest"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("against", LargeBinary, nullable=False),  # the ruleset that was in force
    Column("passed", Boolean, nullable=False),
    Column("report", LargeBinary, nullable=False),  # canonical JSON
    CheckConstraint("kind IN ('load', 'tests', 'proof', 'difference', 'impact')", name="kind"),
    Index(None, "ruleset", "kind", "record"),
)

impact_sign_off = Table(
    "impact_sign_off",
    metadata,
    Column("record", Uuid, primary_key=True),
    Column("ruleset", LargeBinary, nullable=False),
    Column("impact", ForeignKey("ruleset_check.record"), nullable=False),
    Column("group_id", Text, nullable=False),
    Column("actor", Uuid, nullable=False),
    UniqueConstraint("impact", "group_id"),
)

principal = Table(
    "principal",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("created_at", _Time, nullable=False),
    CheckConstraint("kind IN ('person', 'system')", name="kind"),
)

ROLES = ("portal", "reviewer", "approver", "auditor", "monitor", "admin")

api_key = Table(
    "api_key",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("principal", ForeignKey("principal.id"), nullable=False),
    Column("role", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("mac", LargeBinary, nullable=False, unique=True),  # HMAC of the key under the service's secret
    Column("bootstrap", Boolean, nullable=False, server_default=false()),
    Column("created_at", _Time, nullable=False),
    Column("expires_at", _Time),
    Column("revoked_at", _Time),
    CheckConstraint(f"role IN ({', '.join(repr(role) for role in ROLES)})", name="role"),
    Index(None, "principal"),
)

partition = Table(
    "partition",
    metadata,
    Column("month", Date, primary_key=True),
    Column("made_by", Uuid, nullable=False),  # the record that announces it, committed with it by a trigger
)

erased = Table(
    "erased",
    metadata,
    Column("record", Uuid, primary_key=True),  # whose private row is gone
    Column("made_by", Uuid, nullable=False),  # the record of kind `erasure`, as for partitions
)

retention = Table(
    "retention",
    metadata,
    Column("made_by", Uuid, primary_key=True),  # the record of kind `retention`, as for partitions
    Column("month", Date, nullable=False),
    Column("class", Text, nullable=False),
    CheckConstraint("class IN ('texts', 'decisions', 'accesses')", name="class"),
)

dropped_leaf = Table(
    "dropped_leaf",
    metadata,
    Column("block", Uuid, primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("leaf", LargeBinary, nullable=False),  # all that is kept of the record
    Column("record", Uuid, nullable=False, unique=True),
    Column("class", Text, nullable=False),
    CheckConstraint("class IN ('decisions', 'accesses')", name="class"),
    _hash("leaf"),
)

legal_hold = Table(
    "legal_hold",
    metadata,
    Column("id", Uuid, primary_key=True),  # that of the record of kind `hold.set`
    Column("first_month", Date, nullable=False),
    Column("last_month", Date, nullable=False),
    Column("released_by", Uuid),  # the record of kind `hold.released`
    CheckConstraint(
        "first_month <= last_month "
        "AND extract(day FROM first_month) = 1 AND extract(day FROM last_month) = 1",
        name="months",
    ),
)

batch = Table(
    "batch",
    metadata,
    Column("id", Uuid, primary_key=True),  # that of the record of kind `batch.started`
    Column("actor", Uuid, nullable=False),
    Column("ruleset", ForeignKey("ruleset.digest"), nullable=False),  # which all its decisions are made under
    Column("format", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("rows", BigInteger),  # none while it is not known
    Column("problem", Text),  # why it failed
    Column("ended_by", Uuid),  # the record that says how it ended
    CheckConstraint("format IN ('jsonl', 'csv', 'parquet')", name="format"),
    CheckConstraint("state IN ('running', 'done', 'cancelled', 'failed')", name="state"),
    CheckConstraint("rows >= 0", name="rows"),
    Index(None, "actor", "id"),
)

batch_slice = Table(
    "batch_slice",
    metadata,
    Column("batch", ForeignKey("batch.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("record", Uuid, nullable=False, unique=True),  # of kind `batch.slice`; its texts: lines refused
    Column("first", BigInteger, nullable=False),  # rows before it
    Column("line", BigInteger, nullable=False),  # of its first row
    Column("rows", Integer, nullable=False),
    Column("refused", Integer, nullable=False),
    Column("permitted", Integer, nullable=False),
    Column("prohibited", Integer, nullable=False),
    Column("contact_meta", Integer, nullable=False),
    Column("source", LargeBinary, nullable=False),  # SHA-256 of what was read
    CheckConstraint("rows BETWEEN 0 AND 4095", name="rows"),
    _hash("source"),
)

batch_part = Table(
    "batch_part",
    metadata,
    Column("batch", Uuid, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("first", BigInteger, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("content", LargeBinary, nullable=False),  # gone with the transaction that records the slice
)
