"""From a voice's alignment (samples of each phoneme) to when each word of the text is heard.

The phonemizer's words are not the text's: "$42.50" becomes five, "of a" may become one. Both sides are brought
together by what they sound like: each word of the text is phonemized alone, and the two rows of phoneme words are
aligned like two strings (Needleman and Wunsch 1970), where two words may also meet one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from demod_worker.messages import Word

BAND = 12
"""How far, in words, the alignment may stray from the diagonal beyond the rows' difference in length."""
SKIP_COST = 0.8
JOIN_COST = 0.05
MOVES = ((1, 1), (2, 1), (1, 2), (3, 1), (1, 0), (0, 1))
"""(words of the text, words heard) that one step of the alignment may take together."""
_BLOCK = re.compile(r"\[\[(.*?)\]\]")
_DIGITS = 4
_NO_SOUND = frozenset(".,;:!?…—–-\"'()[]¿¡«»“”‘’ˈˌ")
PAD, BEGIN, END = "_", "^", "$"


@dataclass(frozen=True)
class Heard:
    """A phoneme word and where it lies in the item's sound, in samples."""

    phonemes: str
    begin: int
    end: int


def heard_words(
    phonemes: Sequence[str], samples: Sequence[int], ids: Mapping[str, Sequence[int]], offset: int
) -> list[Heard]:
    """The phoneme words of one sentence.

    Args:
        phonemes: as the phonemizer gave them, words divided by a space.
        samples: samples of each phoneme id, beginning and padding included.
        ids: the voice's phoneme_id_map.
        offset: first sample of the sentence.

    Returns:
        The words with a sound, or nothing when the lengths do not fit together.
    """
    pad = len(ids.get(PAD, ()))
    widths = [len(ids[each]) + pad if each in ids else 0 for each in phonemes]
    first = len(ids.get(BEGIN, ())) + pad
    if first + sum(widths) + len(ids.get(END, ())) != len(samples):
        return []
    at = offset + int(sum(samples[:first]))
    place = first
    found: list[Heard] = []
    word, begin, end = "", at, at
    for phoneme, width in zip([*phonemes, " "], [*widths, 0], strict=True):
        length = int(sum(samples[place : place + width]))
        place += width
        if phoneme == " ":
            found += [Heard(word, begin, end)] if word else []
            word = ""
        elif phoneme not in _NO_SOUND:
            begin = begin if word else at
            word += phoneme
            end = at + length
        at += length
    return found


def text_words(text: str) -> Iterator[tuple[str, bool]]:
    """(word, True when it is phonemes from a ``[[ ]]`` block) of everything that can be said."""
    for number, part in enumerate(_BLOCK.split(text)):
        for word in part.split():
            if any(letter.isalnum() for letter in word):
                yield word, number % 2 == 1


def word_times(
    text: str, heard: Sequence[Heard], phonemize: Callable[[str], list[list[str]]], rate: int
) -> tuple[Word, ...]:
    """Words of the text with their times; each has one, of no length if nothing like it was heard.

    Args:
        text: what was spoken, ``[[ ]]`` blocks included.
        heard: the phoneme words, in order.
        phonemize: the voice's phonemizer: sentences of phonemes.
        rate: Hz.
    """
    if not heard:
        return ()
    words = list(text_words(text))
    said = [(number, group) for number, word in enumerate(words) for group in _groups(*word, phonemize)]
    spans: dict[int, tuple[float, float]] = {}
    for (number, _), (begin, end) in zip(said, _align([group for _, group in said], heard), strict=True):
        if begin <= end:
            old = spans.get(number, (begin, end))
            spans[number] = (min(old[0], begin), max(old[1], end))
    result = []
    latest = 0.0
    for number, (word, _) in enumerate(words):
        begin, end = spans.get(number, (latest, latest))
        latest = max(latest, end)
        result.append(Word(word, round(begin / rate, _DIGITS), round(end / rate, _DIGITS)))
    return tuple(result)


def _groups(word: str, is_phonemes: bool, phonemize: Callable[[str], list[list[str]]]) -> list[str]:
    sentences: list[Any] = [word] if is_phonemes else phonemize(word)
    parts = "".join(" " + "".join(sentence) for sentence in sentences).split()
    return [sound for part in parts if (sound := "".join(each for each in part if each not in _NO_SOUND))]


def _align(said: Sequence[str], heard: Sequence[Heard]) -> list[tuple[float, float]]:
    """A span of sound for each phoneme word of the text; (1, 0) for none."""
    spans: list[tuple[float, float]] = [(1.0, 0.0)] * len(said)
    for rows, columns in _path(said, [each.phonemes for each in heard]):
        begin, end = heard[columns.start].begin, heard[columns.stop - 1].end
        total = sum(len(said[row]) for row in rows) or 1
        done = 0
        for row in rows:
            start = begin + (end - begin) * done / total
            done += len(said[row])
            spans[row] = (start, begin + (end - begin) * done / total)
    return spans


def _path(said: Sequence[str], heard: Sequence[str]) -> list[tuple[range, range]]:
    """Which words of one row meet which of the other, on the cheapest way."""
    costs: dict[tuple[int, int], tuple[float, int, int]] = {(0, 0): (0.0, 0, 0)}
    band = BAND + abs(len(said) - len(heard))
    for row in range(len(said) + 1):
        for column in range(max(0, row - band), min(len(heard), row + band) + 1):
            options = []
            for down, right in MOVES:
                before = costs.get((row - down, column - right))
                if before is not None:
                    step = _cost(said[row - down : row], heard[column - right : column])
                    options.append((before[0] + step, down, right))
            if options:
                costs[row, column] = min(options)
    return _walked(costs, len(said), len(heard))


def _walked(
    costs: Mapping[tuple[int, int], tuple[float, int, int]], row: int, column: int
) -> list[tuple[range, range]]:
    found = []
    while (row, column) != (0, 0):
        _, down, right = costs[row, column]
        if down and right:
            found.append((range(row - down, row), range(column - right, column)))
        row, column = row - down, column - right
    return found[::-1]


def _cost(said: Sequence[str], heard: Sequence[str]) -> float:
    """How unlike two short rows sound: 0 the same, 1 nothing in common."""
    if not said or not heard:
        return SKIP_COST
    return _unlike("".join(said), "".join(heard)) * max(len(said), len(heard)) + JOIN_COST * (
        len(said) + len(heard) - 2
    )


@lru_cache(maxsize=1 << 16)
def _unlike(one: str, other: str) -> float:
    """1 minus Dice's coefficient of the phonemes."""
    common = sum(min(one.count(each), other.count(each)) for each in set(one))
    return 1.0 - 2 * common / max(1, len(one) + len(other))
