"""The rule engine: forward chaining with durable-rules, and the only module that knows it.

The C functions are driven directly. What the engine is known to get wrong is kept out by construction:

* only true booleans and short texts cross into it, never numbers or absent values
* every fact is handled by a catch-all rule on a property of ours, so a session can always be deleted
* a session holds one decision, with one fact per level, and ends before the next begins
* there is no host, no timer and no action, hence no exception that could be swallowed
* one thread owns a ruleset; a second one is refused
* a ruleset is built once per process, generation and digest, since the engine never frees one
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping
from typing import Any as Anything
from typing import NamedTuple

import durable_rules_engine
import orjson

from eligibility.compiler import Alternative, Compiled, Key, Level, compile_program
from eligibility.conditions import Atom
from eligibility.errors import EngineFailure
from eligibility.rule_groups import Fired, Groups, bits_of
from eligibility.ruleset import Ruleset
from eligibility.semantics import Made

_HANDLED, _NOT_HANDLED, _OBSERVED = 0, 1, 2
_TRIES = 3
_KINDS = ("derive", "finding", "obligation", "licensor", "outcome")
"""The kinds of conclusions, in the order of `Firing`."""


class Firing(NamedTuple):
    """What fired for one row of true atoms, in no particular order, and everything that was concluded."""

    alternatives: tuple[Alternative, ...]
    rules: frozenset[str]
    derived: frozenset[str]
    findings: frozenset[Made]
    obligations: frozenset[str]
    licensors: frozenset[str]
    outcomes: frozenset[str]

    @property
    def found(self) -> tuple[frozenset[Anything], ...]:
        """Everything that was found, to be compared with what the second evaluator says."""
        return (
            self.rules,
            self.derived,
            self.findings,
            self.obligations,
            self.licensors,
            self.outcomes,
        )


class _Asked(NamedTuple):
    """What a level asks: the texts of its properties, by the bits of what must hold and of what must not."""

    groups: Groups
    marker: str
    present: tuple[tuple[int, str], ...]
    absent: tuple[tuple[int, str], ...]

    def properties(self, holding: int) -> str:
        """The properties of the fact where these bits hold."""
        present = [text for bit, text in self.present if holding & bit]
        return "".join(present + [text for bit, text in self.absent if not holding & bit])


def _asked(level: Level, bits: Mapping[Key, int]) -> _Asked:
    texts = [(bits[key], holds, f',"{name}":true') for key, holds, name in level.properties]
    present = tuple((bit, text) for bit, holds, text in texts if holds)
    absent = tuple((bit, text) for bit, holds, text in texts if not holds)
    return _Asked(Groups(level, bits), level.marker, present, absent)


class Engine:
    """The rules of one generation inside the engine. Get it with `engine_for`."""

    def __init__(self, name: str, compiled: Compiled) -> None:
        """Build the ruleset; about 140 KB that are never freed."""
        self.compiled = compiled
        self._owner = threading.get_ident()
        self._sessions = 0
        self._alternatives = {
            name: alternative for level in compiled.levels for name, alternative in level.alternatives
        }
        self._bits = bits_of(compiled.levels)
        self._settled = {
            alternative: self._holding(alternative.settles) for alternative in self._alternatives.values()
        }
        self._levels = [_asked(level, self._bits) for level in compiled.levels]
        self._handle = durable_rules_engine.create_ruleset(name, orjson.dumps(compiled.definition).decode())

    def run(self, true_atoms: Iterable[Atom], known: Fired | None = None) -> Firing:
        """Fire the rules for the atoms that are true; all others are false.

        What is `known` is not asked again: where much is decided, the same comes again in many sessions.

        Raises:
            EngineFailure: the engine refused a fact, or another thread than the owner called.
        """
        if threading.get_ident() != self._owner:
            raise EngineFailure(
                "the rule engine belongs to another thread: use it from the thread that built it"
            )
        holding = self._holding(true_atoms)
        for _ in range(_TRIES):
            fired = self._session(holding, known)
            if fired is not None:
                return _firing(fired)
        raise EngineFailure("the rule engine took a new fact for one it had seen, three times in a row")

    def _holding(self, keys: Iterable[Key]) -> int:
        """The bits of those of the keys that some rule reads."""
        bits = 0
        for key in keys:
            bits |= self._bits.get(key, 0)
        return bits

    def _session(self, holding: int, known: Fired | None) -> list[Alternative] | None:
        """One session from beginning to end; None if the engine mistook a fact for an earlier one."""
        self._sessions += 1
        session = f"s{self._sessions}"
        fired: list[Alternative] = []
        deletable = False
        try:
            for number, asked in enumerate(self._levels):
                found = None if known is None else known.get(asked.groups, holding)
                if found is None:
                    fact = f'{{"id":"{number}","sid":"{session}","{asked.marker}":true'
                    fact += f"{asked.properties(holding)}}}"
                    deletable = True
                    code, state = durable_rules_engine.assert_fact(self._handle, fact)
                    if code == _OBSERVED:
                        return None
                    if code != _HANDLED:
                        deletable = False  # deleting a session after such a fact can crash the process
                        raise EngineFailure(
                            f"the rule engine did not handle a fact of {asked.marker} (code {code})"
                        )
                    found = self._fired(state)
                    if known is not None:
                        known.learn(asked.groups, holding, found)
                fired += found
                for alternative in found:
                    holding |= self._settled[alternative]
        except (durable_rules_engine.error, MemoryError) as error:
            raise EngineFailure(f"the rule engine refused a fact: {error}") from error
        finally:
            if deletable:
                self._end(session)
        return fired

    def _end(self, session: str) -> None:
        try:
            durable_rules_engine.delete_state(self._handle, session)
        except durable_rules_engine.error:  # there is none where the first fact was refused
            return

    def _fired(self, state: int) -> list[Alternative]:
        """What the last fact fired, each action completed."""
        started = durable_rules_engine.start_action_for_state(self._handle, state)
        message = started[1] if started else None
        fired = []
        while message:
            # {"name":{"m":{…}}}: the name is all that is needed, the matched fact is known
            alternative = self._alternatives.get(message[2 : message.index('"', 2)])
            if alternative is not None:
                fired.append(alternative)
            message = durable_rules_engine.complete_and_start_action(self._handle, state)
        return fired


def _firing(fired: list[Alternative]) -> Firing:
    concluded: dict[str, set[Anything]] = {kind: set() for kind in _KINDS}
    for alternative in fired:
        kind, found = alternative.concludes
        concluded[kind].add(found)
    rules = frozenset([alternative.rule.id for alternative in fired])
    return Firing(tuple(fired), rules, *map(frozenset, concluded.values()))


_built: dict[tuple[int, int, str, str], Engine] = {}


def engine_for(ruleset: Ruleset, generation: str) -> Engine:
    """The engine with the rules of one generation: one for each process, thread, ruleset and generation."""
    key = (os.getpid(), threading.get_ident(), ruleset.digest, generation)
    if key not in _built:
        compiled = compile_program(ruleset.program(generation))
        _built[key] = Engine(f"{generation}-{ruleset.digest[-16:]}-{len(_built)}", compiled)
    return _built[key]
