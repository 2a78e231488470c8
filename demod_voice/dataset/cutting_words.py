"""Phrases as units: with the words that are said in them, or without any. Called by ``cutting``."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from demod_voice.dataset.cutting_pauses import Phrase
from demod_voice.dataset.cutting_plan import Unit
from demod_voice.dataset.cutting_text import TWO_SPEAKERS, Line
from demod_voice.formats.cues import SpokenWord

NO_WORDS = "speech in which no word was found"


def with_words(
    phrases: Sequence[Phrase], words: Sequence[SpokenWord], source: str, lines: Sequence[Line], keep_untexted: bool
) -> list[Unit]:
    """Each phrase with its words; the speaker is that of the lines.

    Args:
        phrases: in order.
        words: in any order.
        source: where the text is from.
        lines: say who speaks; their texts are not used.
        keep_untexted: phrases without a word are kept, else they are rejected.
    """
    ordered = sorted(words, key=lambda each: (each.start_s, each.end_s))
    middles = [(each.start_s + each.end_s) * 500 for each in ordered]
    named = sorted((each for each in lines if each.speaker), key=lambda each: each.start_ms)
    units = []
    for phrase in phrases:
        mine = ordered[bisect_left(middles, phrase.start_ms) : bisect_left(middles, phrase.end_ms + 1)]
        text = " ".join(each.text.strip() for each in mine if each.text.strip())
        speaker, rejected = _speaker(phrase, named)
        if not text and not keep_untexted:
            rejected = NO_WORDS
        units.append(Unit(phrase.start_ms, phrase.end_ms, text, source if text else "none", speaker, rejected=rejected))
    return units


def _speaker(phrase: Phrase, named: Sequence[Line]) -> tuple[str, str]:
    """Who says a phrase by the lines, and why it is rejected when two share it."""
    shares: dict[str, int] = {}
    for line in named[: bisect_left(named, phrase.end_ms, key=lambda each: each.start_ms)][-50:]:
        shared = min(phrase.end_ms, line.end_ms) - max(phrase.start_ms, line.start_ms)
        if shared > 0:
            shares[line.speaker] = shares.get(line.speaker, 0) + shared
    if not shares:
        return "", ""
    first, *others = sorted(shares, key=lambda name: (-shares[name], name))
    two = others and shares[others[0]] * 4 > phrase.duration_ms
    return first, TWO_SPEAKERS if two else ""
