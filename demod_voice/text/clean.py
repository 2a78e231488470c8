"""Text as it may be spoken: one Unicode form, no control characters, spaces folded."""

from __future__ import annotations

import re
import unicodedata

_DROPPED = {"Cc", "Cs", "Cn", "Co"}
_SPACES = re.compile(r"\s+")
_INVISIBLE = dict.fromkeys(
    [0x00AD, 0x200B, 0x2060, 0xFEFF, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F]
)
"""Soft hyphen, zero-width space, joiner, BOM, and the marks of text direction: nothing is heard of them."""


def clean(text: str) -> str:
    """NFC, without control, surrogate and invisible formatting characters; every run of spaces is one space.

    The zero-width joiner and non-joiner stay: they change letters in Indic and Arabic scripts.
    """
    plain = unicodedata.normalize("NFC", text).translate(_INVISIBLE)
    plain = "".join(" " if char.isspace() else char for char in plain if char.isspace() or not _dropped(char))
    return _SPACES.sub(" ", plain).strip()


def speakable(text: str) -> bool:
    """True when there is a letter or a digit of any script in it."""
    return any(unicodedata.category(char)[0] in "LN" for char in text)


def _dropped(char: str) -> bool:
    return unicodedata.category(char) in _DROPPED
