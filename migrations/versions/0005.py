"""Smaller indexes, and idempotency keys known by 16 bytes.

Revision ID: 0005
Revises: 0004
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Of a MAC of 32 bytes the first 16 tell keys apart as well; whose key it is stands in what the MAC is of.
KEYS = (
    """
    ALTER TABLE idempotency
        DROP CONSTRAINT idempotency_pkey,
        DROP COLUMN principal,
        ALTER COLUMN key_mac TYPE uuid USING encode(substring(key_mac, 1, 16), 'hex')::uuid,
        ALTER COLUMN body_mac TYPE uuid USING encode(substring(body_mac, 1, 16), 'hex')::uuid
    """,
    "ALTER TABLE idempotency ADD CONSTRAINT idempotency_pkey PRIMARY KEY (key_mac)",
)

# The records of one block are one entry of its index, and sorted when they are read. A reference is only ever
# looked for as a whole. Generations are too few for an index to be worth its space.
INDEXES = (
    "DROP INDEX record_block_position_idx",
    "CREATE INDEX record_block_idx ON record (block)",
    "DROP INDEX private_entity_reference_idx",
    """
    CREATE INDEX private_entity_reference_idx ON private USING hash (entity_reference)
    WHERE entity_reference IS NOT NULL
    """,
    "DROP INDEX record_generation_idx",
)


def upgrade() -> None:
    """Change the keys and the indexes."""
    for statement in (*KEYS, *INDEXES):
        op.execute(statement)


def downgrade() -> None:
    """Refuse: a log that only grows is not taken back."""
    message = "the log is append-only: restore a backup instead of downgrading"
    raise RuntimeError(message)
