"""What facts that are each in good form cannot say together (policy, sections 2 and 3)."""

from collections.abc import Mapping
from typing import Any

from eligibility.errors import Fault
from eligibility.facts import ORGANISATIONS, Vocabulary
from eligibility.refusals import shown


def contradictions(facts: Mapping[str, Any], vocabulary: Vocabulary) -> list[Fault]:
    """Return one fault for each contradiction; `facts` are by dotted path, absent ones left out."""
    faults = _model_contradictions(facts, vocabulary)
    if facts["entity.kind"] in ORGANISATIONS and facts.get("use.on_behalf_of") == "employer":
        detail = "only natural persons act for an employer: an organisation applies for itself, so say `self`"
        faults.append(Fault("/use/on_behalf_of", detail))
    return faults


def _model_contradictions(facts: Mapping[str, Any], vocabulary: Vocabulary) -> list[Fault]:
    name, stated = facts.get("model.name"), facts.get("model.multimodal")
    if name is None and stated is None:
        return []
    generation, known = facts["model.generation"], vocabulary.model(name)
    released = vocabulary.modality[generation]
    place = "/model/multimodal" if name is None else "/model/name"
    faults: list[Fault] = []
    if known is not None and known.generation != generation:
        detail = (
            f"{shown(name)} is a model of `{known.generation}`, not of `{generation}`: correct one of them"
        )
        faults.append(Fault(place, detail))
    if known is not None and stated not in {None, known.multimodal}:
        detail = f"{shown(name)} {_modality(known.multimodal)}, but `multimodal` says otherwise"
        faults.append(Fault(place, f"{detail}: correct one of them"))
    elif (name is None or known is not None) and stated is not None and released not in {None, stated}:
        detail = (
            f"every released model of `{generation}` {_modality(released)}, but `multimodal` says otherwise"
        )
        faults.append(Fault(place, f"{detail}: leave it out, or name the derivative"))
    return faults


def _modality(multimodal: bool | None) -> str:  # noqa: FBT001 - the fact is its name
    return "is multimodal" if multimodal else "is text-only"
