"""Cut text into sentences, and into chunks that an engine can take."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

_LANGUAGES = frozenset(("ca cs da de el en es fi fr hu is it lt lv nl no pl pt ro ru sk sl sv tr").split())
"""What the sentence-splitter library has lists of abbreviations for."""
_CLOSING = r"""["'”’»)\]」』）】》〉]*+"""
_ENDS = re.compile(
    rf"[。！？｡]++{_CLOSING}(?![とっ、，])|[।॥؟۔։።]++{_CLOSING}(?= )|(?:…++{_CLOSING}|[.!?…]“|[.!?](?= [„‚]))(?P<maybe> )"
)
"""Ends that the library does not know. と and っ after a quotation go on with its sentence (「はい。」と言った)."""
_CLAUSES = re.compile(r"(?:[,;:،؛–—-](?=\s)|[、，；：])")
_JOINERS = frozenset("\u200c\u200d")
_LONG_WORD, _KEPT = 120, 50
"""The library takes quadratic time on a long word; it sees only the two ends of one."""
_BLOCK, _AHEAD = 400, 3
"""Words that the library gets at once, and how many of them it looks at to end a sentence: it is quadratic in them too."""

Span = tuple[int, int]


def split_sentences(text: str, language: str) -> list[str]:
    """Sentences in order; joined with a space (or nothing, where scripts use none) they are the text again.

    Args:
        text: any length; runs of spaces count as one.
        language: BCP 47; decides which abbreviations do not end a sentence.
    """
    folded = " ".join(text.split())
    return [folded[start:end] for start, end in _sentences(folded, language)]


def chunk(text: str, language: str, max_chars: int) -> list[str]:
    """Pieces of at most ``max_chars``, cut at sentence ends, else clauses, else spaces, else between characters.

    Raises:
        ValueError: ``max_chars`` is under 1.
    """
    if max_chars < 1:
        raise ValueError(f"max_chars must be at least 1, got {max_chars}")
    folded = " ".join(text.split())
    pieces = (piece for span in _sentences(folded, language) for piece in _fit(folded, span, max_chars))
    return [folded[start:end] for start, end in _pack(pieces, max_chars)]


def _sentences(text: str, language: str) -> Iterator[Span]:
    """Spans of the sentences in a text whose spaces are folded."""
    start = 0
    if not text:
        return
    for rough in _by_library(text, language):
        for match in _ENDS.finditer(text, start, rough):
            if match["maybe"] is None or text[match.end() : match.end() + 2].lstrip("„‚")[:1].isupper():
                yield from _trimmed(text, start, match.end())
                start = match.end()
        yield from _trimmed(text, start, rough)
        start = rough


def _by_library(text: str, language: str) -> Iterator[int]:
    """Where the library ends its sentences, as positions; it gets every word, long ones shortened."""
    words = text.split(" ")
    splitter = _splitter(language)
    at = number = 0
    while number < len(words):
        block = words[number : number + _BLOCK]
        counts = [len(sentence.split()) for sentence in splitter.split(" ".join(map(_shortened, block)))]
        last = number + len(block) == len(words)
        ended = len(counts) > 1 or last
        if not last:
            counts = counts[:-1] or [len(block) - _AHEAD]
        for count in counts:
            at += sum(map(len, words[number : number + count])) + count
            number += count
            if ended:
                yield min(at, len(text))


def _shortened(word: str) -> str:
    return word if len(word) <= _LONG_WORD else word[:_KEPT] + word[-_KEPT:]


def _trimmed(text: str, start: int, end: int) -> Iterator[Span]:
    while start < end and text[start] == " ":
        start += 1
    while start < end and text[end - 1] == " ":
        end -= 1
    if start < end:
        yield start, end


def _fit(text: str, span: Span, most: int) -> list[Span]:
    """A sentence in spans that are short enough."""
    if span[1] - span[0] <= most:
        return [span]
    clauses = _cut_after(text, span, _CLAUSES)
    words = [word for clause in clauses for word in _words(text, clause, most)]
    return _pack((piece for word in words for piece in _by_characters(text, word, most)), most)


def _words(text: str, clause: Span, most: int) -> list[Span]:
    return [clause] if clause[1] - clause[0] <= most else _cut_after(text, clause, re.compile(" "))


def _cut_after(text: str, span: Span, pattern: re.Pattern[str]) -> list[Span]:
    start, end = span
    spans: list[Span] = []
    for match in pattern.finditer(text, start, end):
        spans += _trimmed(text, start, match.end())
        start = match.end()
    return [*spans, *_trimmed(text, start, end)]


def _by_characters(text: str, span: Span, most: int) -> Iterator[Span]:
    """Cut a word that is too long, not between a letter and its marks where that can be helped."""
    start, end = span
    while end - start > most:
        cut = start + most
        while cut > start and _joined(text, cut):
            cut -= 1
        cut = cut if cut > start else start + most
        yield start, cut
        start = cut
    yield start, end


def _joined(text: str, at: int) -> bool:
    """The character at ``at`` belongs to the one before it: a mark, an emoji's colour, a joined letter."""
    char = text[at]
    modifier = unicodedata.category(char)[0] == "M" or "\U0001f3fb" <= char <= "\U0001f3ff"
    return modifier or char in _JOINERS or text[at - 1] in _JOINERS


def _pack(pieces: Iterable[Span], most: int) -> list[Span]:
    """Join neighbours while they fit: fewer, longer pieces sound better."""
    packed: list[Span] = []
    for start, end in pieces:
        if packed and end - packed[-1][0] <= most:
            packed[-1] = (packed[-1][0], end)
        else:
            packed.append((start, end))
    return packed


def _splitter(language: str) -> Any:
    primary = language.replace("_", "-").split("-")[0].lower()
    return _loaded(primary if primary in _LANGUAGES else "en")


@lru_cache(maxsize=8)
def _loaded(language: str) -> Any:
    from sentence_splitter import SentenceSplitter

    return SentenceSplitter(language=language)
