"""Cues of a transcript: what is said when, cut into pieces that a reader can follow.

Speech that overlaps stays so: two people who speak at once have cues that overlap, which WebVTT and SubRip allow.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import pairwise

from demod_voice.text.clean import clean
from demod_voice.text.sentences import chunk

LINE_CHARS = 42
LINES = 2
"""Two lines of 42 characters: what subtitle guidelines (BBC, Netflix) allow at most."""
TOUCHING_MS = 250
"""Two lines that share less than this only cross-fade: the first one's cue then ends where the next begins."""


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """One word, on the episode's time line."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Cue:
    """Something that is said."""

    start_s: float
    end_s: float
    speaker: str
    text: str
    words: tuple[SpokenWord, ...] = ()
    """Its words, where the engine told their times; else empty."""


def split_cues(cues: Sequence[Cue]) -> Iterator[Cue]:
    """Long cues cut into ones of two lines, in the order of their starts, times in whole milliseconds.

    A cut lies where the next word begins when the words' times are known, else where the characters before it say.
    """
    ordered = sorted((cue for cue in cues if cue.text.strip()), key=lambda cue: (cue.start_s, cue.end_s))
    pieces: list[Cue] = []
    for number, cue in enumerate(ordered):
        pieces += _pieces(cue, ordered[number + 1] if number + 1 < len(ordered) else None)
    return iter(sorted(pieces, key=lambda piece: piece.start_s))


def _pieces(cue: Cue, following: Cue | None) -> Iterator[Cue]:
    texts = chunk(clean(cue.text), "en", LINE_CHARS * LINES - 4)
    start, end = round(cue.start_s * 1000), round(cue.end_s * 1000)
    if following is not None:
        after = round(following.start_s * 1000)
        if start < after < end < after + TOUCHING_MS and following.end_s > cue.end_s:
            end = after
    edges = _edges(cue, texts, start, max(end, start + len(texts)))
    for text, (begin, until) in zip(texts, pairwise(edges), strict=True):
        words = tuple(word for word in cue.words if begin <= round(word.start_s * 1000) < until)
        yield replace(cue, start_s=begin / 1000, end_s=until / 1000, text=text, words=words)


def _edges(cue: Cue, texts: Sequence[str], start: int, end: int) -> list[int]:
    """Where each piece begins, and the end: milliseconds, each at least 1 after the one before."""
    total, said, tokens = sum(map(len, texts)), 0, 0
    known = _known_starts(cue, " ".join(texts).split())
    edges = [start]
    for number, text in enumerate(texts[:-1], 1):
        said, tokens = said + len(text), tokens + len(text.split())
        guess = start + (end - start) * said // total
        at = known.get(tokens, guess)
        edges.append(max(edges[-1] + 1, min(at, end - (len(texts) - number))))
    return [*edges, end]


def _known_starts(cue: Cue, tokens: Sequence[str]) -> dict[int, int]:
    """Place of a token in the text -> start in ms, for those that the engine's words contain."""
    if not cue.words:
        return {}
    matcher = SequenceMatcher(None, [_plain(each) for each in tokens], [_plain(each.text) for each in cue.words], False)
    return {
        block.a + step: round(cue.words[block.b + step].start_s * 1000)
        for block in matcher.get_matching_blocks()
        for step in range(block.size)
    }


def _plain(word: str) -> str:
    return "".join(letter for letter in word.casefold() if letter.isalnum())
