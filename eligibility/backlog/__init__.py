"""Backlogs: tables of requests in, tables of decisions out."""
