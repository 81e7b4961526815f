"""Proofs, with the solver Z3, that a policy keeps its laws over every request that the schema allows."""
