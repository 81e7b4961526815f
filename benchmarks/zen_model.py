"""The same rules for zen-engine, as decision graphs: one for each generation, one table for each level.

zen gets the atoms as booleans, worked out beforehand, which spares it what our own figures include.
"""

from itertools import pairwise
from typing import Any

import orjson
import zen

from eligibility.compiler import Alternative, Compiled, Literal, compile_program, literal_text
from eligibility.ruleset import Program, Ruleset


def _term(literal: Literal, names: dict[str, str]) -> str:
    key, holds = literal
    name = names[literal_text((key, True))]
    return name if holds else f"not({name})"


def _graph(compiled: Compiled) -> dict[str, Any]:
    """An expression node for each level: one Boolean expression for each conclusion."""
    names: dict[str, str] = {}
    for level in compiled.levels:
        for key, _, _ in level.properties:
            names.setdefault(literal_text((key, True)), f"x{len(names)}")
        for _, alternative in level.alternatives:
            for name in _concluded(alternative):
                names.setdefault(name, f"x{len(names)}")
    nodes: list[dict[str, Any]] = [{"id": "in", "name": "in", "type": "inputNode"}]
    earlier: set[str] = set()
    for number, level in enumerate(compiled.levels):
        terms: dict[str, list[str]] = {}
        for _, alternative in level.alternatives:
            condition = " and ".join(_term(literal, names) for literal in alternative.literals) or "true"
            for name in _concluded(alternative):
                known = [names[name]] if names[name] in earlier else []  # what an earlier level found stays
                terms.setdefault(names[name], known).append(f"({condition})")
        earlier.update(terms)
        expressions = [
            {"id": f"e{number}-{place}", "key": name, "value": " or ".join(parts)}
            for place, (name, parts) in enumerate(terms.items())
        ]
        content = {"expressions": expressions, "passThrough": True}
        nodes.append(
            {"id": f"level{number}", "name": f"level{number}", "type": "expressionNode", "content": content}
        )
    nodes.append({"id": "out", "name": "out", "type": "outputNode"})
    edges = [
        {"id": f"edge{place}", "type": "edge", "sourceId": one["id"], "targetId": other["id"]}
        for place, (one, other) in enumerate(pairwise(nodes))
    ]
    return {"graph": {"nodes": nodes, "edges": edges}, "names": names}


def _concluded(alternative: Alternative) -> tuple[str, ...]:
    return tuple(dict.fromkeys((alternative.rule.then.name, *alternative.settles)))


class Zen:
    """zen with the rules of every generation, loaded statically."""

    def __init__(self, ruleset: Ruleset) -> None:
        """Compile the graphs."""
        graphs = {name: _graph(compile_program(program)) for name, program in ruleset.programs.items()}
        self.names = {generation: graph["names"] for generation, graph in graphs.items()}
        content = {generation: graph["graph"] for generation, graph in graphs.items()}
        self.engine = zen.ZenEngine({"loader": {"type": "static", "content": content}})
        self._conclusions = {name: _outcomes(program) for name, program in ruleset.programs.items()}

    def context(self, generation: str, true_atoms: set[str]) -> str:
        """The context for one row of atoms: every name of the graph that is no conclusion, true or false."""
        names = self.names[generation]
        return orjson.dumps({short: text in true_atoms for text, short in names.items()}).decode()

    def decide(self, generation: str, context: str) -> tuple[str, dict[str, Any]]:
        """The outcome that zen finds, and all that it finds by the names of the graph."""
        result = self.engine.evaluate(generation, context)["result"]
        names = self.names[generation]
        outcome = next(name for name in self._conclusions[generation] if result.get(names[name]) is True)
        return outcome, result

    def outcome(self, generation: str, context: str) -> str:
        """The outcome that zen finds."""
        return self.decide(generation, context)[0]


def _outcomes(program: Program) -> list[str]:
    return [rule.then.name for rule in program.rules if rule.then.kind == "outcome"]
