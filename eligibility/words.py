"""Words of texts, and small filters that tell in which parts of the log some words cannot be.

A word is a run of letters and digits, whatever its case. A filter holds hashes of words: what it says not to
have is not there, what it says to have is there but for one time in some hundreds.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import orjson

BITS_A_WORD: Final = 16
PROBES: Final = 5
"""Bits that are looked at for each word. Of 1,000 words that are not there, 1.4 seem to be."""

Phrase = tuple[str, ...]
"""Words that follow one another."""

_WORD: Final = re.compile(r"\w+")
_ASKED: Final = re.compile(r'"([^"]*)"?|(\S+)')
_BETWEEN: Final = r"\W+"
_NO_TEXTS: Final = frozenset({"idempotency_key", "sha256"})
"""Members of private texts that are nobody's words."""

_LEAST_BYTES: Final = 16


class Hashed(NamedTuple):
    """The two halves of a word's hash, from which its bits follow."""

    first: int
    step: int


def words(text: str) -> list[str]:
    """The words of a text, in their order, as they are compared."""
    return _WORD.findall(_comparable(text))


def _comparable(text: str) -> str:
    """A text as it is compared: of all ways to write the same letters one."""
    return text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()


def phrases(asked: str) -> tuple[Phrase, ...]:
    """What is looked for: single words, and in quotes or joined by signs such as `-` those that follow.

    So `crm-4711` is found as it is written, and not where the two stand apart.
    """
    found = (words(quoted or single) for quoted, single in _ASKED.findall(asked))
    return tuple(dict.fromkeys(tuple(each) for each in found if each))


def texts_of(private: Any) -> Iterator[str]:
    """Every text among private ones, however deep."""
    kind = type(private)  # they were read from JSON, and there are many
    if kind is str:
        yield private
    elif kind is dict:
        for name, value in private.items():
            if name not in _NO_TEXTS:
                yield from texts_of(value)
    elif kind is list:
        for value in private:
            yield from texts_of(value)


class Looked:
    """What is looked for in texts: all of these phrases, each whole in one of them."""

    def __init__(self, phrases: Collection[Phrase]) -> None:
        self._words = [word.encode() for phrase in phrases for word in phrase]
        joined = (_BETWEEN.join(phrase) for phrase in phrases)
        self._patterns = [re.compile(rf"(?<!\w){each}(?!\w)") for each in joined]

    def is_in(self, content: bytes) -> bool:
        """Whether private texts, which are given as JSON, have them all."""
        if content.isascii():  # most need not be read
            text = content.lower()
            if not all(word in text for word in self._words):
                return False
        texts = [_comparable(text) for text in texts_of(orjson.loads(content))]
        return all(any(pattern.search(text) for text in texts) for pattern in self._patterns)


def hashed(word: str) -> Hashed:
    """The hash of a word, or of whatever else a filter is to tell."""
    digest = blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return Hashed(int.from_bytes(digest[:4]), int.from_bytes(digest[4:]) | 1)


def filter_of(all_words: Collection[str]) -> bytes:
    """A filter that has these words. Bit n is the n-th from the lowest of the first byte on."""
    size = max(_LEAST_BYTES, -(-len(all_words) * BITS_A_WORD // 8))
    bits = bytearray(size)
    for word in all_words:
        bit, step = hashed(word)
        for _ in range(PROBES):
            place = bit % (8 * size)
            bits[place >> 3] |= 1 << (place & 7)
            bit += step
    return bytes(bits)


def seems_in(bits: bytes, word: str) -> bool:
    """Whether a filter seems to have a word. The database works this out for itself in searches."""
    first, step = hashed(word)
    places = ((first + probe * step) % (8 * len(bits)) for probe in range(PROBES))
    return all(bits[place >> 3] >> (place & 7) & 1 for place in places)
