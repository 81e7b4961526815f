"""The record: the only package that talks to the database."""
