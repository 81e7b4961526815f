"""Requests that only one of two rulesets accepts, for their generation, a purpose, or the model they name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any as Anything

from eligibility.atoms import MULTIMODAL, modality
from eligibility.comparing import OUTCOME
from eligibility.contradictions import contradictions
from eligibility.diagram import FALSE
from eligibility.documents import with_facts
from eligibility.errors import EvaluatorsDisagree, UnacceptableRequest
from eligibility.sides import NEW, OLD, PURPOSES, Request, Sides, without

SIDES = ("old", "new")


@dataclass(frozen=True)
class Accepted:
    """What only one ruleset accepts: `what` it is about, the names, a request, and why the other refuses it.

    Of models there may be several names, and the empty one where none is given. `outcome` is what the ruleset
    that accepts the request decides.
    """

    what: str
    names: tuple[str, ...]
    by: str
    generations: tuple[str, ...]
    request: Request
    refusal: str
    outcome: str


def accepted_by_one(sides: Sides) -> list[Accepted]:
    """Everything that only one of the two accepts."""
    return [*_generations(sides), *_purposes(sides), *_models(sides)]


def _generations(sides: Sides) -> Iterator[Accepted]:
    for side, ruleset in enumerate(sides.rulesets):
        for name in ruleset.generations:
            if name not in sides.rulesets[1 - side].generations:
                request = _plainest(sides, sides.accepted(name, [side]), name, [side])
                yield _checked(sides, "generation", (name,), side, (name,), request)


def _purposes(sides: Sides) -> Iterator[Accepted]:
    noticed = next((field.codes for field in sides.landscape.fields if field.name == PURPOSES), ())
    for side, ruleset in enumerate(sides.rulesets):
        others = sides.rulesets[1 - side].vocabulary.purposes
        for purpose in ruleset.vocabulary.purposes:
            if purpose not in others and sides.generations:
                generation = sides.generations[-1]
                where = sides.accepted(generation, [side])
                if purpose in noticed:
                    where = sides.space.both(where, sides.names(purpose))
                request = _plainest(sides, where, generation, [side])
                if purpose not in noticed:
                    request = with_facts(request, [(PURPOSES, [purpose])])
                yield _checked(sides, "purpose", (purpose,), side, sides.generations, request)


def _plainest(sides: Sides, where: int, generation: str, known: Sequence[int]) -> Request:
    """A request of a region: a permitted one, if there is one."""
    permitted = sides.space.both(where, sides.table(known[0], generation)[OUTCOME].get("permitted", FALSE))
    return sides.request(where if permitted == FALSE else permitted, known)


def _models(sides: Sides) -> Iterator[Accepted]:
    """What is said of the model and contradicts the catalogue of one of the two only."""
    found: dict[tuple[str, int], list[Mapping[str, Anything]]] = {}
    for facts in said_of_models(sides):
        agrees = [
            not contradictions({**facts, "entity.kind": "company"}, one.vocabulary) for one in sides.rulesets
        ]
        if agrees[OLD] != agrees[NEW]:
            found.setdefault((facts.get("model.name", ""), agrees.index(True)), []).append(facts)
    alike: dict[tuple[int, tuple[str, ...]], dict[str, Mapping[str, Anything]]] = {}
    for (name, side), several in found.items():
        generations = tuple(dict.fromkeys(facts["model.generation"] for facts in several))
        alike.setdefault((side, generations), {})[name] = several[-1]
    for (side, generations), named in alike.items():
        where = sides.accepted(generations[-1])
        request = with_model(_plainest(sides, where, generations[-1], [side]), list(named.values())[-1])
        yield _checked(sides, "model", tuple(named), side, generations, request)


def said_of_models(sides: Sides) -> Iterator[dict[str, Anything]]:
    """What can be said of a model, in each common generation, where the catalogues differ."""
    old, new = (ruleset.vocabulary for ruleset in sides.rulesets)
    names = {
        model.name: None
        for vocabulary in (old, new)
        for model in vocabulary.models.values()
        if _known(old.model(model.name)) != _known(new.model(model.name))
    }
    for generation, name, multimodal in product(sides.generations, (None, *names), (None, True, False)):
        facts = {"model.generation": generation, "model.name": name, MULTIMODAL: multimodal}
        yield {fact: value for fact, value in facts.items() if value is not None}


def _known(model: Anything) -> tuple[str, bool] | None:
    return model and (model.generation, model.multimodal)


def with_model(request: Request, facts: Mapping[str, Anything]) -> Request:
    """The request with this said of the model, and nothing else."""
    return with_facts(without(request, ["model"]), facts.items())


def modality_of(sides: Sides, side: int, facts: Mapping[str, Anything]) -> bool | None:
    """Whether a model is multimodal under one of the rulesets; None where that is unknown."""
    return modality(facts, sides.rulesets[side].vocabulary)


def _checked(
    sides: Sides, what: str, names: tuple[str, ...], side: int, generations: tuple[str, ...], request: Request
) -> Accepted:
    """What only one side accepts, once both have read it.

    Raises:
        EvaluatorsDisagree: the other accepts it too.
    """
    outcome = sides.decide(side, request)["outcome"]
    try:
        sides.decide(1 - side, request)
    except UnacceptableRequest as refused:
        return Accepted(what, names, SIDES[side], generations, request, str(refused), outcome)
    raise EvaluatorsDisagree(f"the {what} `{names[-1]}` is accepted where it should be refused")
