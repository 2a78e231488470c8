"""The words of a text as the CMU dictionary spells them, and which of them it lacks."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from arpabet import arpabet

_PART = re.compile(r"[^\W_]+(?:['.][^\W_]+)*'?")
"""A word with its inner apostrophes and full stops (``don't``, ``a.m``)."""

Lookup = Callable[[str], object]


@dataclass(frozen=True)
class Token:
    """One word of a text."""

    text: str
    """As it was written."""
    entries: tuple[str, ...]
    """The dictionary's words for it, one after the other; empty when it lacks one of them, or there is no letter."""
    unknown: tuple[str, ...] = ()
    """Its parts that the dictionary lacks."""


def plain(text: str) -> str:
    """Lower case, straight apostrophes, one form of each letter."""
    return unicodedata.normalize("NFKC", text).replace("\u2019", "'").replace("\u2018", "'").lower()


def token(text: str, knows: Lookup) -> Token:
    """What the dictionary has for one written word.

    Args:
        text: without spaces; punctuation around it, hyphens in it.
        knows: whether the dictionary has a word.
    """
    entries, unknown = [], []
    for part in _PART.findall(plain(text)):
        entry = next((each for each in _spellings(part) if knows(each)), "")
        entries.append(entry)
        if not entry:
            unknown.append(part.rstrip("'"))
    return Token(text, () if unknown else tuple(entries), tuple(unknown))


def phones(pronunciations: Mapping[str, object]) -> dict[str, str]:
    """Word -> phones of the dictionary, for the pronunciations that can be said in them."""
    said = {plain(word): arpabet(ipa) for word, ipa in pronunciations.items() if isinstance(ipa, str)}
    return {word: found for word, found in said.items() if found}


def _spellings(part: str) -> tuple[str, ...]:
    bare = part.rstrip("'")
    plural = f"{bare[:-2]}s" if bare.endswith("'s") else bare
    unaccented = unicodedata.normalize("NFD", bare).encode("ascii", "ignore").decode()
    return (part, bare, f"{bare}.", bare.replace(".", ""), unaccented, plural)
