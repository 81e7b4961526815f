"""Tables beside the log: filters of its words, for searches, and what verifications came to."""

from sqlalchemy import BigInteger, Column, DateTime, Index, LargeBinary, Table, Text, Uuid, text

from eligibility.storage.table_names import metadata

_Time = DateTime(timezone=True)

search_part = Table(
    "search_part",
    metadata,
    Column("first", BigInteger, primary_key=True, autoincrement=False),  # sequence of its first record
    Column("last", BigInteger, nullable=False),  # the next part begins after it
    Column("earliest", _Time),  # of its records' times
    Column("latest", _Time),
    Column("words", LargeBinary),  # a filter as `words.filter_of` makes it; none before it is made, or anew
    Index("search_part_unread_idx", "first", postgresql_where=text("words IS NULL")),
)

verification = Table(
    "verification",
    metadata,
    Column("id", Uuid, primary_key=True),  # a UUIDv7 of when it was started
    Column("started_by", Uuid, nullable=False),
    Column("wanted", LargeBinary, nullable=False),  # JSON
    Column("records", BigInteger, nullable=False),  # that are to be looked at
    Column("done", BigInteger, nullable=False),
    Column("seen_at", _Time, nullable=False),  # when it was last heard of
    Column("ended_at", _Time),
    Column("problem", Text),  # why it came to nothing
    Column("report", LargeBinary),  # JSON
)
