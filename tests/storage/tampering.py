"""What somebody with all rights on the database can do to a log, at random: `TAMPERINGS`.

Each way changes the log within the transaction that is open, and says what it did. It raises Impossible, or
an error of the database, where it found nothing to change in that way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from eligibility import signing
from eligibility.signing import SigningKey
from eligibility.storage.reading_log import LogReader
from eligibility.verifying.verdicts import Report
from eligibility.verifying.verification import Wanted, verify
from tests.storage.logs import MadeLog

Connection = psycopg.Connection[Any]
Row = dict[str, Any]

TABLES = {
    "record": ("id",),
    "private": ("record",),
    "evaluation": ("key",),
    "idempotency": ("key_mac",),
    "block": ("number",),
    "head": ("singleton",),
    "signing_key": ("id",),
    "ruleset": ("digest",),
    "ruleset_source": ("record",),
    "ruleset_step": ("number",),
    "ruleset_check": ("record",),
    "impact_sign_off": ("record",),
    "principal": ("id",),
    "api_key": ("id",),
    "partition": ("month",),
    "erased": ("record",),
    "retention": ("made_by",),
    "dropped_leaf": ("block", "position"),
    "legal_hold": ("id",),
    "batch": ("id",),
    "batch_slice": ("batch", "number"),
    "review_policy": ("record",),
    "review_case": ("decision",),
    "review_step": ("decision", "number"),
    "review_attachment": ("record",),
    "precedent": ("record",),
}
"""The tables that verification answers for, with their keys."""

WAITING = {"batch_part", "review_progress", "saved_view", "search_part", "session", "verification"}
"""Tables of what waits to be worked on, how far work is, who is at work, and what only helps to find."""

UNPROVABLE = {("dropped_leaf", "record"), ("review_case", "holder"), ("review_case", "held_until")}
"""Columns that nothing in the log vouches for: of a dropped record only its leaf is left, and who holds a
case is for the day."""


PROVABLE = {
    "idempotency": "EXISTS (SELECT FROM private p WHERE p.record = t.record)",
    "evaluation": "EXISTS (SELECT FROM record r WHERE r.evaluation_key = t.key)",
}
"""Which rows the log vouches for.

Of an idempotency key, only the private texts say that it was used; of an evaluation, only the records that
were made from it, which retention may have dropped.
"""


class Impossible(Exception):
    """There is nothing to change in that way."""


@dataclass(frozen=True)
class Tampered:
    """A log to tamper with: `former` is a key that was replaced, `own` one that never was the log's."""

    connection: Connection
    random: Random
    former: SigningKey
    own: SigningKey

    def rows(self, query: str, *parameters: object) -> list[Row]:
        with self.connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query.encode(), parameters).fetchall()

    def run(self, query: str, *parameters: object) -> None:
        if self.connection.execute(query.encode(), parameters).rowcount == 0:
            raise Impossible(query)

    def some(self, table: str, condition: str = "true") -> Row:
        return self.several(table, 1, condition)[0]

    def several(self, table: str, number: int, condition: str = "true") -> list[Row]:
        provable = PROVABLE.get(table, "true")
        order = ", ".join(TABLES[table])
        rows = self.rows(f"SELECT * FROM {table} t WHERE ({condition}) AND {provable} ORDER BY {order}")  # noqa: S608 - our own names
        if len(rows) < number:
            raise Impossible(f"{table} where {condition}")
        return self.random.sample(rows, number)

    def change(self, table: str, row: Row, **values: object) -> None:
        columns = sql.SQL(", ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in values)
        query = sql.SQL("UPDATE {} SET {} WHERE {}").format(sql.Identifier(table), columns, self._is(table))
        self._change(query, (*values.values(), *(row[name] for name in TABLES[table])))

    def delete(self, table: str, row: Row) -> None:
        query = sql.SQL("DELETE FROM {} WHERE {}").format(sql.Identifier(table), self._is(table))
        self._change(query, tuple(row[name] for name in TABLES[table]))

    def insert(self, table: str, row: Row) -> None:
        query = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, row)),
            sql.SQL(", ").join(sql.Placeholder() * len(row)),
        )
        self._change(query, tuple(row.values()))

    def columns(self) -> list[tuple[str, str]]:
        """Every column of every table."""
        found = self.rows(
            "SELECT table_name, column_name FROM information_schema.columns "
            "WHERE table_schema = 'public' AND table_name = ANY(%s) ORDER BY table_name, ordinal_position",
            list(TABLES),
        )
        columns = [(row["table_name"], row["column_name"]) for row in found]
        return [column for column in columns if column not in UNPROVABLE]

    def other(self, value: Any, table: str, column: str) -> Any:
        """Another value for a column: that of another row, or one a little different."""
        others = [row[column] for row in self.rows(f"SELECT DISTINCT {column} FROM {table}")]  # noqa: S608 - our own names
        others = [other for other in others if other != value]
        if others and self.random.random() < 0.5:
            return self.random.choice(others)
        made = self._near(value if value is not None else next(iter(others), "x"))
        if made == value:
            raise Impossible(f"{table}.{column}")
        return made

    def _near(self, value: Any) -> Any:
        random = self.random
        if isinstance(value, bool):
            return not value
        if isinstance(value, int):
            return value + random.choice((-1, 1, 1000))
        if isinstance(value, str):
            return random.choice((f"{value}x", value[:-1], value.upper(), ""))
        if isinstance(value, bytes):
            place = random.randrange(len(value))
            return bytes((*value[:place], value[place] ^ 1 << random.randrange(8), *value[place + 1 :]))
        if isinstance(value, UUID):
            return UUID(int=value.int ^ 1 << random.randrange(60))
        if isinstance(value, datetime):
            return value + random.choice((timedelta(microseconds=1), timedelta(days=-1)))
        if isinstance(value, date):
            return date(value.year + 1, value.month, 1)
        if isinstance(value, list):
            return value[1:] if value and random.random() < 0.5 else [*value, "invented"]
        raise Impossible(f"no value near {value!r}")

    def _is(self, table: str) -> sql.Composed:
        return sql.SQL(" AND ").join(
            sql.SQL("{} = %s").format(sql.Identifier(name)) for name in TABLES[table]
        )

    def _change(self, query: sql.Composed, parameters: tuple[object, ...]) -> None:
        if self.connection.execute(query, parameters).rowcount != 1:
            raise Impossible(query.as_string())


OWN = signing.load(signing.generate(), "a key that never was the log's")


@contextmanager
def tampered(connection: Connection, made: MadeLog, random: Random) -> Iterator[Tampered]:
    """A transaction to tamper in, past all triggers and foreign keys; what was done is undone at the end."""
    connection.execute("SET LOCAL session_replication_role = replica")
    try:
        yield Tampered(connection, random, made.genesis, OWN)
    finally:
        connection.rollback()


def found_by(log: Tampered, wanted: Wanted) -> Report:
    """What verification finds in the transaction that is open."""
    return verify(LogReader(log.connection), wanted)


Way = Callable[[Tampered], str]


def edit(log: Tampered, table: str, column: str) -> str:
    """Change one column of one row, often of one that has it."""
    row = log.some(table, f'"{column}" IS NOT NULL' if log.random.random() < 0.5 else "true")
    value = log.other(row[column], table, column)
    if log.random.random() < 0.2 and row[column] is not None:
        value = None
    log.change(table, row, **{column: value})
    return f"{table}.{column} from {row[column]!r} to {value!r}"


def edit_anything(log: Tampered) -> str:
    return edit(log, *log.random.choice(log.columns()))


def delete_a_row(log: Tampered) -> str:
    table = log.random.choice(list(TABLES))
    row = log.some(table)
    log.delete(table, row)
    return f"deleted from {table}: {row!r}"


def insert_a_copy(log: Tampered) -> str:
    """Insert a row like another, but for its key and what must be unique."""
    table = log.random.choice([name for name in TABLES if name != "head"])
    row = log.some(table)
    unique = {
        "block": ("id", "first"),
        "principal": ("name",),
        "api_key": ("mac",),
        "batch_slice": ("record",),
        "review_step": ("record",),
    }.get(table, ())
    copy = row | {name: log._near(row[name]) for name in (*TABLES[table], *unique)}
    log.insert(table, copy)
    return f"inserted into {table}: {copy!r}"


def exchange(log: Tampered, table: str, columns: tuple[str, ...], condition: str = "true") -> str:
    """Exchange columns between two rows."""
    one, other = log.several(table, 2, condition)
    if all(one[name] == other[name] for name in columns):
        raise Impossible(f"two {table} alike")
    log.change(table, one, **{name: other[name] for name in columns})
    log.change(table, other, **{name: one[name] for name in columns})
    return f"exchanged {columns} of {table} {one[TABLES[table][0]]} and {other[TABLES[table][0]]}"


def swap_records_between_places(log: Tampered) -> str:
    return exchange(log, "record", ("block", "position"))


def reorder_a_block(log: Tampered) -> str:
    block = log.some("block", "count > 1")
    return exchange(log, "record", ("position",), f"block = '{block['id']}'")


def swap_private_rows(log: Tampered) -> str:
    return exchange(log, "private", ("salt", "content", "entity_reference"))


def swap_bodies(log: Tampered) -> str:
    return exchange(log, "record", ("body", "leaf"))


def swap_evaluations_of_like_decisions(log: Tampered) -> str:
    outcome = log.random.choice(("permitted", "prohibited", "contact_meta"))
    return exchange(log, "record", ("evaluation_key",), f"outcome = '{outcome}'")


def swap_idempotency_keys(log: Tampered) -> str:
    return exchange(log, "idempotency", ("record",))


def move_a_record_behind_another_block(log: Tampered) -> str:
    record, block = log.some("record"), log.some("block")
    if record["block"] == block["id"]:
        raise Impossible("the same block")
    log.change("record", record, block=block["id"], position=block["count"])
    log.run("UPDATE block SET count = count + 1 WHERE id = %s", block["id"])
    log.run("UPDATE block SET count = greatest(count - 1, 1) WHERE id = %s", record["block"])
    return f"moved {record['id']} behind block {block['number']}"


def date_a_decision_before_our_era(log: Tampered) -> str:
    """Change a decision's time to one that is written alike, but for its era."""
    record = log.some("record", "kind = 'decision'")
    written = f"{record['at']:%Y-%m-%d %H:%M:%S.%f} BC"
    log.run("UPDATE record SET at = %s::timestamp AT TIME ZONE 'UTC' WHERE id = %s", written, record["id"])
    return f"{record['id']} was made in {written}"


def let_an_admin_in(log: Tampered) -> str:
    key = log.some("api_key")
    made = key | {"id": log._near(key["id"]), "mac": log.random.randbytes(32), "role": "admin"}
    log.insert("api_key", made | {"revoked_at": None, "expires_at": None})
    return "inserted an admin's key"


def let_a_revoked_key_in(log: Tampered) -> str:
    log.change("api_key", log.some("api_key", "revoked_at IS NOT NULL"), revoked_at=None)
    return "a revoked key works again"


def take_away(log: Tampered, record: Row) -> None:
    log.delete("record", record)
    log.connection.execute("DELETE FROM private WHERE record = %s", (record["id"],))
    log.connection.execute("DELETE FROM idempotency WHERE record = %s", (record["id"],))


def take_a_decision_away(log: Tampered) -> str:
    record = log.some("record", "kind = 'decision'")
    take_away(log, record)
    return f"deleted everything of {record['id']}"


def lose_texts(log: Tampered) -> str:
    row = log.some("private")
    log.delete("private", row)
    log.connection.execute("DELETE FROM idempotency WHERE record = %s", (row["record"],))
    return f"deleted the texts of {row['record']}"


def forget_an_erasure(log: Tampered) -> str:
    row = log.some("erased")
    log.delete("erased", row)
    return f"nobody erased {row['record']}"


def erase_without_a_word(log: Tampered) -> str:
    """Take texts away, and put them down to an erasure that took others away."""
    row, other = log.some("private"), log.some("erased")
    log.delete("private", row)
    log.insert("erased", {"record": row["record"], "made_by": other["made_by"]})
    return f"erased {row['record']} as if {other['made_by']} had"


def drop_without_a_word(log: Tampered) -> str:
    """Take a decision away, and put it down to retention."""
    record = log.some("record", "kind = 'decision'")
    kept = {name: record[name] for name in ("block", "position", "leaf")}
    take_away(log, record)
    log.insert("dropped_leaf", kept | {"record": record["id"], "class": "decisions"})
    return f"dropped {record['id']} as if in time"


def drop_in_the_month_of_others(log: Tampered) -> str:
    """The same in a month of which retention has dropped others."""
    dropped = log.some("dropped_leaf", "class = 'accesses'")
    record = log.some(
        "record",
        f"kind <> 'access' AND left(id::text, 8) = '{str(dropped['record'])[:8]}'",
    )
    kept = {name: record[name] for name in ("block", "position", "leaf")}
    take_away(log, record)
    log.insert("dropped_leaf", kept | {"record": record["id"], "class": "accesses"})
    return f"dropped {record['id']} among accesses"


def release_a_hold(log: Tampered) -> str:
    hold = log.some("legal_hold", "released_by IS NULL")
    log.change("legal_hold", hold, released_by=log.some("record")["id"])
    return "a hold was released"


WAYS: Mapping[Way, int] = {
    forget_an_erasure: 1,
    erase_without_a_word: 1,
    drop_without_a_word: 1,
    drop_in_the_month_of_others: 1,
    release_a_hold: 1,
    edit_anything: 8,
    delete_a_row: 3,
    insert_a_copy: 3,
    swap_records_between_places: 1,
    reorder_a_block: 1,
    swap_private_rows: 1,
    swap_bodies: 1,
    swap_evaluations_of_like_decisions: 2,
    swap_idempotency_keys: 1,
    move_a_record_behind_another_block: 1,
    date_a_decision_before_our_era: 1,
    let_an_admin_in: 1,
    let_a_revoked_key_in: 1,
    take_a_decision_away: 1,
    lose_texts: 1,
}
"""Ways that change rows, and how often each is tried among the others."""
