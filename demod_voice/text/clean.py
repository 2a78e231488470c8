"""Text as it may be spoken: one Unicode form, no control characters, spaces folded."""

from __future__ import annotations

import re
import unicodedata

_DROPPED = {"Cc", "Cs", "Cn", "Co"}
_INVISIBLE = frozenset("\u00ad\u061c\u200b\u200e\u200f\ufeff").union(
    map(chr, [*range(0x202A, 0x202F), *range(0x2060, 0x2065), *range(0x2066, 0x2070), *range(0xFFF9, 0xFFFC)])
)
"""Soft hyphen, zero-width space, joiner, BOM, and the marks of text direction: nothing is heard of them."""
_PICTURES = re.compile(r"(?:[\u2600-\u27bf\U0001f000-\U0001faff][\ufe0e\ufe0f\u200d\U000e0020-\U000e007f]*)+")
"""Emoji with what joins and colours them. Source: Unicode blocks Miscellaneous Symbols, Dingbats, and the pictographs of
the Supplementary Multilingual Plane (UTS #51)."""
_MOST_MARKS = 30
"""Most combining marks on one letter. Source: UAX #15, Stream-Safe Text Format (more make normalising quadratic)."""


def clean(text: str) -> str:
    """NFC, without control, surrogate and invisible formatting characters; every run of spaces is one space.

    The zero-width joiner and non-joiner stay: they change letters in Indic and Arabic scripts. Marks above thirty on one
    letter are dropped. Cleaning twice changes nothing.
    """
    kept = text.translate({ord(char): " " if char.isspace() else None for char in set(text) if _replaced(char)})
    whole = unicodedata.normalize("NFC", _fewer_marks(kept))
    return " ".join(_fewer_marks(whole).split())


def without_pictures(text: str) -> str:
    """``text`` without emoji and pictographs: an engine would read their names aloud. Transcripts keep them."""
    return _PICTURES.sub(" ", text)


def speakable(text: str) -> bool:
    """True when there is a letter or a digit of any script in it."""
    return any(unicodedata.category(char)[0] in "LN" for char in text)


def _replaced(char: str) -> bool:
    return char.isspace() or char in _INVISIBLE or unicodedata.category(char) in _DROPPED


def _fewer_marks(text: str) -> str:
    marks = "".join(sorted(char for char in set(text) if unicodedata.combining(char)))
    return re.sub(f"([{marks}]{{{_MOST_MARKS}}})[{marks}]+", r"\1", text) if marks else text
