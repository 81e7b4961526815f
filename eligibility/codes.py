"""Codes that others keep: countries (ISO 3166-1 alpha-2) and the form of language tags (RFC 5646)."""

from typing import Any, Final

import pycountry

COUNTRIES: Final = frozenset(country.alpha_2 for country in pycountry.countries)
"""Every code assigned to a country or territory."""

UNION: Final = "EU"
WORLDWIDE: Final = "worldwide"
REGIONS: Final = COUNTRIES | {UNION, WORLDWIDE}
"""What a region of distribution may be."""

_MISTAKEN: Final = {"UK": "GB", "EL": "GR"}
"""Codes in wide use that the standard does not assign to a country, and what it has instead."""

_IRREGULAR: Final = (
    *("en-GB-oed", "i-ami", "i-bnn", "i-default", "i-enochian", "i-hak", "i-klingon", "i-lux", "i-mingo"),
    *("i-navajo", "i-pwn", "i-tao", "i-tay", "i-tsu", "sgn-BE-FR", "sgn-BE-NL", "sgn-CH-DE"),
)
"""Grandfathered tags that break the grammar; the other grandfathered ones keep it."""


def _any_case(tag: str) -> str:
    return "".join(f"[{char.lower()}{char.upper()}]" if char.isalpha() else char for char in tag)


_LETTER, _EITHER = "[A-Za-z]", "[A-Za-z0-9]"
_PRIVATE = f"[Xx](?:-{_EITHER}{{1,8}})+"
_TAG = (
    f"(?:{_LETTER}{{2,3}}(?:-{_LETTER}{{3}}){{0,3}}|{_LETTER}{{4,8}})"  # language, extended languages
    f"(?:-{_LETTER}{{4}})?"  # script
    f"(?:-(?:{_LETTER}{{2}}|[0-9]{{3}}))?"  # region
    f"(?:-(?:{_EITHER}{{5,8}}|[0-9]{_EITHER}{{3}}))*"  # variants
    f"(?:-[0-9A-WYZa-wyz](?:-{_EITHER}{{2,8}})+)*"  # extensions
    f"(?:-{_PRIVATE})?"
)
LANGUAGE_TAG: Final = f"^(?:{_TAG}|{_PRIVATE}|{'|'.join(_any_case(tag) for tag in _IRREGULAR)})$"
"""Pattern of a well-formed language tag, in the syntax that JSON Schema, Python and Rust share."""


def country_name(code: str) -> str | None:
    """The short name in English of a country or territory; None where the code is none of a country."""
    country: Any = pycountry.countries.get(alpha_2=code)
    return None if country is None else str(getattr(country, "common_name", None) or country.name)


def country_meant(written: str) -> str | None:
    """Return the code that somebody who wrote `written` for a country must have meant, or None."""
    upper = written.upper()
    if upper in COUNTRIES:
        return upper
    if upper in _MISTAKEN:
        return _MISTAKEN[upper]
    country: Any = pycountry.countries.get(alpha_3=upper) or pycountry.countries.get(name=written)
    return None if country is None else str(country.alpha_2)
