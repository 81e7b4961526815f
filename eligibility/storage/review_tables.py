"""The tables of reviews and precedents; as with the others, the migrations make them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from eligibility.storage.table_names import metadata

_Time = DateTime(timezone=True)

review_policy = Table(
    "review_policy",
    metadata,
    Column("record", Uuid, primary_key=True),  # of kind `reviews.set`
    Column("sample_percent", Integer, nullable=False),
    Column("separate_licence", Integer, nullable=False),  # days, as are those that follow
    Column("case_by_case", Integer, nullable=False),
    Column("clarification", Integer, nullable=False),
    Column("disputed", Integer, nullable=False),
    Column("sampled", Integer, nullable=False),
    CheckConstraint("sample_percent BETWEEN 0 AND 100", name="sample_percent"),
)

review_progress = Table(
    "review_progress",
    metadata,
    Column("singleton", Boolean, primary_key=True, autoincrement=False),
    Column("block", BigInteger, nullable=False),  # up to which decisions have their cases
    CheckConstraint("singleton", name="singleton"),
)

review_case = Table(
    "review_case",
    metadata,
    Column("decision", Uuid, primary_key=True),
    Column("opened_at", _Time, nullable=False),  # when it was decided
    Column("channel", Text, nullable=False),
    Column("generation", Text),
    Column("outcome", Text, nullable=False),
    Column("causes", ARRAY(Text), nullable=False),
    Column("reasons", ARRAY(Text), nullable=False),  # for contact
    Column("state", Text, nullable=False),
    Column("number", Integer, nullable=False),  # of its last step
    Column("outcome_in_force", Text, nullable=False),
    Column("due", _Time),
    Column("paused_at", _Time),
    Column("proposer", Uuid),
    Column("proposed_outcome", Text),
    Column("closed_at", _Time),
    Column("holder", Uuid),  # not from the log, as is how long
    Column("held_until", _Time),
    CheckConstraint("state IN ('open', 'waiting', 'proposed', 'closed')", name="state"),
    CheckConstraint("(holder IS NOT NULL) = (held_until IS NOT NULL)", name="held"),
    Index(None, "opened_at", "decision"),
    Index(
        "review_case_not_closed_idx",
        "opened_at",
        "decision",
        postgresql_where=text("state <> 'closed'"),
    ),
    Index("review_case_due_decision_idx", "due", "decision", postgresql_where=text("state <> 'closed'")),
    Index("review_case_holder_idx", "holder", postgresql_where=text("holder IS NOT NULL")),
    Index("review_case_between_idx", "state", postgresql_where=text("state IN ('waiting', 'proposed')")),
    Index(
        "review_case_overridden_idx",
        "outcome_in_force",
        postgresql_where=text("outcome_in_force <> outcome"),
    ),
)

review_step = Table(
    "review_step",
    metadata,
    Column("decision", Uuid, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("record", Uuid, nullable=False, unique=True),  # of kind `review.` and the step's; its text
    Column("kind", Text, nullable=False),
    Column("actor", Uuid, nullable=False),
    Column("outcome", Text),  # of an override
)

review_attachment = Table(
    "review_attachment",
    metadata,
    Column("record", Uuid, primary_key=True),  # of kind `review.attach`; its texts: name and digest
    Column("decision", Uuid, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("content", LargeBinary, nullable=False),
    CheckConstraint("octet_length(content) BETWEEN 1 AND 10485760", name="size"),
)

precedent = Table(
    "precedent",
    metadata,
    Column("record", Uuid, primary_key=True),  # of kind `precedent.made`; its text: why
    Column("decision", Uuid, nullable=False),
    Column("generation", Text, nullable=False),
    Column("pattern", LargeBinary, nullable=False),  # cells as canonical JSON
    Column("outcome", Text, nullable=False),
    Column("expires_at", _Time, nullable=False),
    Column("ended_by", Uuid),  # the record of kind `precedent.ended`
    Index(None, "generation", "expires_at"),
)
