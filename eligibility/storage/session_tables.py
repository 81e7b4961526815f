"""The tables of the dashboard: who is signed in, and views that are kept. They are no part of the log."""

from sqlalchemy import Column, DateTime, Index, LargeBinary, Table, Text, UniqueConstraint, Uuid

from eligibility.storage.table_names import metadata

_Time = DateTime(timezone=True)

session = Table(
    "session",
    metadata,
    Column("token_mac", LargeBinary, primary_key=True),
    Column("key", Uuid, nullable=False),  # the API key that it was begun with, and ends with
    Column("means", Text, nullable=False),  # how the person showed who they are
    Column("began_at", _Time, nullable=False),
    Column("seen_at", _Time, nullable=False),
    Column("ends_at", _Time, nullable=False),  # at the latest
    Index("session_ends_at_idx", "ends_at"),
    Index("session_key_idx", "key"),
)

saved_view = Table(
    "saved_view",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("page", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("query", Text, nullable=False),  # of the page's address
    Column("owner", Uuid, nullable=False),
    Column("saved_at", _Time, nullable=False),
    UniqueConstraint("page", "name"),
)
