"""Phrases as units: with the words that are said in them, or without any. Called by ``cutting``."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Protocol

from demod_voice.dataset.cutting.pauses import Phrase
from demod_voice.dataset.cutting.plan import Unit
from demod_voice.dataset.cutting.text import TWO_SPEAKERS, Line

NO_WORDS = "speech in which no word was found"
UNHEARD = "words of the text that were not heard, or not where they should be"
MOST_UNHEARD = 2
"""So many words in a row between others of the same phrase are taken as said: a recogniser misses short ones."""


class Word(Protocol):
    """One word with its times; with ``aligned = False`` they are a guess between its neighbours'."""

    @property
    def text(self) -> str:
        """As it is written."""
        ...

    @property
    def start_s(self) -> float:
        """Seconds."""
        ...

    @property
    def end_s(self) -> float:
        """Seconds."""
        ...


def is_known(word: Word) -> bool:
    """True for a word whose times are no guess."""
    return bool(getattr(word, "aligned", True))


def with_words(
    phrases: Sequence[Phrase], words: Sequence[Word], source: str, lines: Sequence[Line], keep_untexted: bool
) -> list[Unit]:
    """Each phrase with its words; the speaker is that of the lines.

    Args:
        phrases: in order.
        words: in the order of the text, or of time.
        source: where the text is from.
        lines: say who speaks; their texts are not used.
        keep_untexted: phrases without a word are kept, else they are rejected.
    """
    if not phrases:
        return []
    texts, doubtful = _placed(phrases, sorted(words, key=lambda each: each.start_s))
    named = sorted((each for each in lines if each.speaker), key=lambda each: each.start_ms)
    units = []
    for number, phrase in enumerate(phrases):
        text = " ".join(texts[number])
        speaker, rejected = _speaker(phrase, named)
        if number in doubtful:
            rejected = UNHEARD
        elif not text and not keep_untexted:
            rejected = NO_WORDS
        units.append(Unit(phrase.start_ms, phrase.end_ms, text, source if text else "none", speaker, rejected=rejected))
    return units


def _placed(phrases: Sequence[Phrase], words: Sequence[Word]) -> tuple[list[list[str]], set[int]]:
    """The words of each phrase, and the phrases whose words are in doubt."""
    texts: list[list[str]] = [[] for _ in phrases]
    doubtful: set[int] = set()
    last = -1
    unheard: list[Word] = []
    for known, run in _runs(words):
        if not known:
            unheard = run
            continue
        places = [_place(phrases, word) for word in run]
        if unheard:
            if last == places[0] and len(unheard) <= MOST_UNHEARD:
                texts[last] += [word.text.strip() for word in unheard]
            else:
                doubtful.update(range(max(0, last), places[0] + 1))
            unheard = []
        for place, word in zip(places, run, strict=True):
            texts[place].append(word.text.strip())
        last = places[-1]
    if unheard:
        doubtful.update(range(max(0, last), len(phrases)))
    return texts, doubtful


def _runs(words: Sequence[Word]) -> Iterator[tuple[bool, list[Word]]]:
    """Words that are known, and that are not, in turn; what is no word is left out."""
    for known, run in groupby((each for each in words if each.text.strip()), is_known):
        yield known, list(run)


def _place(phrases: Sequence[Phrase], word: Word) -> int:
    """Number of the phrase in which a word is, or that is nearest."""
    middle = (word.start_s + word.end_s) * 500
    after = bisect_right(phrases, middle, key=lambda each: each.start_ms)
    near = [at for at in (after - 1, after) if 0 <= at < len(phrases)]
    return min(near, key=lambda at: max(phrases[at].start_ms - middle, middle - phrases[at].end_ms))


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
