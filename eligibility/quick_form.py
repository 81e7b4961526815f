"""The form of a request, checked in half the time where nothing is wrong with it.

It is made from the form itself, less what costs: objects of what was given, and calls into Python. What it
accepts, the form accepts. What it does not may still be right: only the form itself can tell, and say why.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from pydantic import BaseModel
from pydantic_core import SchemaValidator

from eligibility.facts import BacklogLine, RequestBody, Vocabulary

_LAYERS: Final = frozenset({"model", "function-before", "function-after", "custom-error"})
"""What lies around a schema in the form and lets nothing more through than that schema does, but for two
things: numbers that are not written as whole ones, and what the words of the ruleset leave out."""


def is_surely_good(value: dict[str, Any], form: type[RequestBody], vocabulary: Vocabulary) -> bool:
    """Whether a JSON object is in good form at the first look."""
    if not _QUICK[form](value):
        return False
    if value["model"]["generation"] not in vocabulary.generations:
        return False
    purposes = (value.get("use") or {}).get("purposes") or ()
    return vocabulary.purpose_codes.issuperset(purposes)


def _quick(form: type[BaseModel]) -> Callable[[object], bool]:
    validator = SchemaValidator(_simpler(form.__pydantic_core_schema__))
    # strict by the call, since objects within others do not take it from those around them
    return partial(validator.isinstance_python, strict=True)


def _simpler(schema: Any) -> Any:
    """A part of the form's schema without its layers, and with plain objects instead of models."""
    if isinstance(schema, list):
        return [_simpler(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("type") in _LAYERS:
        inner = _simpler(schema["schema"])
        return {**inner, "ref": schema["ref"]} if "ref" in schema else inner
    if schema.get("type") == "model-fields":
        members = {name: _member(field["schema"]) for name, field in schema["fields"].items()}
        return {"type": "typed-dict", "fields": members, "extra_behavior": "forbid"}
    return {name: _simpler(part) for name, part in schema.items() if name != "metadata"}


def _member(schema: Mapping[str, Any]) -> dict[str, Any]:
    may_be_absent = schema["type"] == "default"
    inner = _simpler(schema["schema"] if may_be_absent else schema)
    return {"type": "typed-dict-field", "schema": inner, "required": not may_be_absent}


_QUICK: Final = {form: _quick(form) for form in (RequestBody, BacklogLine)}
