"""Times of written words from times of heard ones. Pure; called by worker.py."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from demod_worker.messages import HeardWord


@dataclass(frozen=True)
class Timed:
    """A piece of text, as it was heard or aligned."""

    text: str
    """With the space before it, where it has one."""
    start_s: float
    end_s: float
    confidence: float


def plain(word: str) -> str:
    """A word without punctuation around it, in lower case; empty for a dash."""
    return re.sub(r"^[\W_]+|[\W_]+$", "", unicodedata.normalize("NFKC", word).lower())


def by_characters(tokens: Sequence[str], pieces: Sequence[Timed], length_s: float) -> list[HeardWord] | None:
    """Each token with the times of the pieces that spell it; None when the pieces do not spell the tokens.

    Args:
        tokens: the written words.
        pieces: of the same text, in order; a piece may be a word, a part of one, or a mark.
        length_s: of the clip.
    """
    spelled = "".join(each.text for each in pieces)
    if "".join(spelled.split()) != "".join(tokens):
        return None
    owners = [number for number, each in enumerate(pieces) for _ in "".join(each.text.split())]
    words, at, last = [], 0, 0.0
    for token in tokens:
        mine = [pieces[owners[place]] for place in range(at, at + len(token))]
        at += len(token)
        start = min(max(last, mine[0].start_s), length_s)
        end = min(max(start, mine[-1].end_s), length_s)
        confidence = sum(each.confidence for each in mine) / len(mine)
        words.append(HeardWord(token, round(start, 3), round(end, 3), round(min(1.0, max(0.0, confidence)), 4)))
        last = start
    return words


def by_matching(tokens: Sequence[str], heard: Sequence[HeardWord], length_s: float) -> list[HeardWord]:
    """Each token with the time of the heard word that it is; the others lie between their neighbours.

    Args:
        tokens: the written words.
        heard: what was recognized in the clip, in order.
        length_s: of the clip.
    """
    written, said = [plain(each) for each in tokens], [plain(each.text) for each in heard]
    matcher = SequenceMatcher(None, written, said, autojunk=False)
    found = {
        block.a + step: heard[block.b + step]
        for block in matcher.get_matching_blocks()
        for step in range(block.size)
        if written[block.a + step]
    }
    words: list[HeardWord] = []
    at = 0
    while at < len(tokens):
        if at in found:
            each = found[at]
            words.append(HeardWord(tokens[at], each.start_s, each.end_s, each.confidence))
            at += 1
            continue
        end = next((place for place in range(at, len(tokens)) if place in found), len(tokens))
        begin_s = words[-1].end_s if words else 0.0
        end_s = max(begin_s, found[end].start_s if end < len(tokens) else length_s)
        words += _between(tokens[at:end], begin_s, end_s)
        at = end
    return words


def _between(tokens: Sequence[str], begin_s: float, end_s: float) -> list[HeardWord]:
    whole, done = max(1, sum(map(len, tokens))), 0
    words = []
    for token in tokens:
        start_s = begin_s + (end_s - begin_s) * done / whole
        done += len(token)
        words.append(
            HeardWord(token, round(start_s, 3), round(begin_s + (end_s - begin_s) * done / whole, 3), aligned=False)
        )
    return words
