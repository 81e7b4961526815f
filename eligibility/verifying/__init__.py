"""Verification of the log: what it proves of itself, and what in the database differs from that."""
