"""Cut text into sentences, and into chunks that an engine can take."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any

_LANGUAGES = frozenset(("ca cs da de el en es fi fr hu is it lt lv nl no pl pt ro ru sk sl sv tr").split())
"""What the sentence-splitter library has lists of abbreviations for."""
_OTHER_ENDS = re.compile(r"(?<=[。！？।؟۔…!?])\s*")
_CLAUSES = re.compile(r"(?<=[,;:،、，；：–—-])\s*")


def split_sentences(text: str, language: str) -> list[str]:
    """Sentences in order; joined with a space (or nothing, where scripts use none) they are the text again.

    Args:
        text: any length.
        language: BCP 47; decides which abbreviations do not end a sentence.
    """
    primary = language.replace("_", "-").split("-")[0].lower()
    rough = _splitter(primary if primary in _LANGUAGES else "en").split(text) if text.strip() else []
    found = [piece for sentence in rough for piece in _OTHER_ENDS.split(sentence) if piece.strip()]
    return [piece.strip() for piece in found]


def chunk(text: str, language: str, max_chars: int) -> list[str]:
    """Pieces of at most ``max_chars``, cut at sentence ends, else clauses, else spaces, else between characters.

    Raises:
        ValueError: ``max_chars`` is under 1.
    """
    if max_chars < 1:
        raise ValueError(f"max_chars must be at least 1, got {max_chars}")
    pieces: list[str] = []
    for sentence in split_sentences(text, language):
        pieces += _fit(sentence, max_chars)
    return _pack(pieces, max_chars)


def _fit(text: str, most: int) -> list[str]:
    if len(text) <= most:
        return [text]
    for pattern in (_CLAUSES, re.compile(r"\s+")):
        parts = [part.strip() for part in pattern.split(text) if part.strip()]
        if len(parts) > 1:
            return _pack([piece for part in parts for piece in _fit(part, most)], most)
    return _by_characters(text, most)


def _by_characters(text: str, most: int) -> list[str]:
    """Cut a word without spaces, not between a letter and its combining marks where that can be helped."""
    pieces = []
    while len(text) > most:
        cut = most
        while cut > 1 and unicodedata.combining(text[cut]):
            cut -= 1
        cut = cut if not unicodedata.combining(text[cut]) else most
        pieces.append(text[:cut])
        text = text[cut:]
    return [*pieces, text]


def _pack(pieces: list[str], most: int) -> list[str]:
    """Join neighbours while they fit: fewer, longer pieces sound better."""
    packed: list[str] = []
    for piece in pieces:
        if packed and len(packed[-1]) + 1 + len(piece) <= most:
            packed[-1] = f"{packed[-1]} {piece}"
        else:
            packed.append(piece)
    return packed


@lru_cache(maxsize=8)
def _splitter(language: str) -> Any:
    from sentence_splitter import SentenceSplitter

    return SentenceSplitter(language=language)
