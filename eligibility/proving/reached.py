"""Law: obligations with their literal texts, and both sides of thresholds, are reached by some request."""

from __future__ import annotations

from collections.abc import Iterator

import z3

from eligibility.proving.breaches import Finding
from eligibility.proving.scenes import Scene
from eligibility.proving.variables import NEVER


def everything_reached(scene: Scene) -> Iterator[Finding]:
    """Obligations that no permitted request has, and thresholds that no request stands at, or none above."""
    yield from _obligations(scene)
    yield from _thresholds(scene)


def _obligations(scene: Scene) -> Iterator[Finding]:
    permitted = scene.reading.outcomes.get("permitted", NEVER)
    for name in scene.reading.obligations:
        due: dict[str | None, list[str]] = {}
        for rule in scene.program.by_conclusion["obligation", name]:
            due.setdefault((rule.then.values or {}).get(scene.generation), []).append(rule.id)
        for text, rules in due.items():
            fires = z3.Or(*(scene.reading.fires[rule] for rule in rules))
            if scene.prover.model(permitted, fires) is None:
                said = "" if text is None else f", with the text “{text}”,"
                detail = (
                    f"in `{scene.generation}` the obligation `{name}`{said} is due in no permitted request"
                )
                yield Finding(detail)


def _thresholds(scene: Scene) -> Iterator[Finding]:
    for atom in scene.program.atoms:
        if atom.test != "above":
            continue
        number, counts = scene.facts.variables[atom.fact], scene.facts.counts(atom.fact)
        for where, side in (("at", number == atom.argument), ("above", number > atom.argument)):
            if scene.prover.model(counts, side) is None:
                yield Finding(f"in `{scene.generation}` no request has `{atom.fact}` {where} {atom.argument}")
