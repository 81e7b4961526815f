"""Every way of changing one thing in what rules rest on: regions, languages, and what is presumed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from eligibility.domains import domain_of
from eligibility.mutant_conditions import Json, list_changes, shown
from eligibility.ruleset import Ruleset

Document = Mapping[str, Json]

EASILY_TAKEN_FOR_MEMBERS = (
    *("IS", "LI", "NO", "CH", "GB", "GI", "AD", "MC", "SM", "VA"),
    *("GL", "FO", "NC", "PF", "BL", "PM", "WF", "AW", "CW", "SX", "BQ"),
)
"""Countries and territories near, or associated with, the regions that rules ask about."""

ANOTHER_LANGUAGE = "ja"
"""A language that is added to those of each generation, beside the ones that others support."""


class DataChange(NamedTuple):
    """One change: of what and in words, the document after it, and what requests it is about will mention."""

    subject: str
    words: str
    after: Document
    mentions: str


def changes_of_regions(document: Document) -> Iterator[DataChange]:
    """A region with a member less or more, without a region that is part of it, without its token."""
    regions = document["regions"]
    for name, words in regions.items():
        listed, inside = words["members"], _inside(name, regions)
        others = [country for country in EASILY_TAKEN_FOR_MEMBERS if country not in inside]
        for said, members in list_changes(listed, others):
            yield _region(document, name, said, {**words, "members": members}, said[-2:])
        if len(listed) == 1:
            yield _region(document, name, f"without {listed[0]}", {**words, "members": []}, listed[0])
        for part in words.get("includes", ()):
            fewer = [other for other in words["includes"] if other != part]
            yield _region(document, name, f"without {part}", {**words, "includes": fewer}, part)
        if "token" in words:
            rest = {key: value for key, value in words.items() if key != "token"}
            yield _region(document, name, f"without the token {words['token']}", rest, words["token"])


def _inside(name: str, regions: Document) -> set[str]:
    words = regions[name]
    return {*words["members"], *(c for part in words.get("includes", ()) for c in regions[part]["members"])}


def _region(document: Document, name: str, words: str, after: Document, mentions: str) -> DataChange:
    return DataChange(
        f"region {name}",
        words,
        {**document, "regions": {**document["regions"], name: after}},
        f'"{mentions}"',
    )


def changes_of_languages(ruleset: Ruleset) -> Iterator[tuple[str, DataChange]]:
    """A language less or more that a generation supports, with the generation.

    Where no rule of a generation asks about languages, they are no part of the policy, and are left alone.
    """
    document = ruleset.document
    every = dict.fromkeys(tag for words in document["generations"].values() for tag in words["languages"])
    for name, words in document["generations"].items():
        if not any(atom.test == "some_unsupported" for atom in ruleset.program(name).atoms):
            continue
        for said, languages in list_changes(words["languages"], [*every, ANOTHER_LANGUAGE]):
            after = {**document["generations"], name: {**words, "languages": languages}}
            mentions = f'"{said.rsplit(maxsplit=1)[-1]}'
            yield (
                name,
                DataChange(name, said, {**document, "generations": after}, mentions),
            )


def changes_of_presumptions(document: Document) -> Iterator[DataChange]:
    """Each presumed value turned into another; one that can be no other, left out."""
    for path, words in document["facts"].items():
        if "presumed" in words:
            presumed, rest = words["presumed"], {key: words[key] for key in words if key != "presumed"}
            for other in _other_values(path, presumed):
                yield _fact(
                    document,
                    path,
                    f"presumed {shown(presumed)} -> {shown(other)}",
                    {**words, "presumed": other},
                )
            yield _fact(document, path, "without what is presumed", rest)


def _other_values(path: str, presumed: Json) -> Sequence[Json]:
    if isinstance(presumed, bool):
        return [not presumed]
    domain = domain_of(path)
    return [value for value in domain.values if value != presumed] if domain else []


def _fact(document: Document, path: str, words: str, after: Document) -> DataChange:
    return DataChange(path, words, {**document, "facts": {**document["facts"], path: after}}, path)
