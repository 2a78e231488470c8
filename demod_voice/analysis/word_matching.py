"""Which words of one long text are which words of another: the rows of what was heard and what was written.

Words that stand in a run that occurs once in each text are paired first (the idea of patience sorting), which cuts long texts
into short pieces; in those the longest common runs are paired, one after the other.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import pairwise

LONGEST_RUN = 5
SMALL = 400_000
"""Product of two lengths up to which runs are looked for directly."""

Pair = tuple[int, int]
"""Place in the first text, place in the second."""


def plain_word(text: str) -> str:
    """A word without punctuation around it, in lower case, with straight apostrophes; empty for a dash."""
    lower = unicodedata.normalize("NFKC", text).replace("\u2019", "'").replace("\u2018", "'").lower()
    return re.sub(r"^[\W_]+|[\W_]+$", "", lower)


def matching_words(first: Sequence[str], second: Sequence[str]) -> list[Pair]:
    """Pairs of places that hold the same word, rising in both texts.

    Args:
        first: plain words; an empty one matches nothing.
        second: the same.
    """
    found: list[Pair] = []
    waiting = [(0, len(first), 0, len(second))]
    while waiting:
        a0, a1, b0, b1 = waiting.pop()
        if (a1 - a0) * (b1 - b0) <= SMALL:
            found += _runs(first, second, a0, a1, b0, b1)
            continue
        fixed = _unique_runs(first, second, a0, a1, b0, b1)
        found += fixed
        corners = [(a0 - 1, b0 - 1), *fixed, (a1, b1)]
        gaps = ((a + 1, c, b + 1, d) for (a, b), (c, d) in pairwise(corners))
        if fixed:
            waiting += [gap for gap in gaps if gap[0] < gap[1] and gap[2] < gap[3]]
    return sorted(pair for pair in found if first[pair[0]])


def _runs(first: Sequence[str], second: Sequence[str], a0: int, a1: int, b0: int, b1: int) -> Iterator[Pair]:
    """The longest common run, and the same again before and after it."""
    matcher = SequenceMatcher(None, first[a0:a1], second[b0:b1], autojunk=False)
    for block in matcher.get_matching_blocks():
        yield from ((a0 + block.a + n, b0 + block.b + n) for n in range(block.size))


def _unique_runs(first: Sequence[str], second: Sequence[str], a0: int, a1: int, b0: int, b1: int) -> list[Pair]:
    """Runs that occur once on either side, as long a row of them as rises in both; shorter runs where there is none."""
    for length in range(LONGEST_RUN, 0, -1):
        one, other = _places(first, a0, a1, length), _places(second, b0, b1, length)
        common = [(at, other[run]) for run, at in one.items() if at >= 0 and other.get(run, -1) >= 0]
        if common:
            starts = _rising(sorted(common))
            pairs = {(a + n, b + n) for a, b in starts for n in range(length)}
            return _rising(sorted(pairs, key=lambda pair: (pair[0], -pair[1])))
    return []


def _places(words: Sequence[str], begin: int, end: int, length: int) -> dict[tuple[str, ...], int]:
    """Run -> where it begins; -1 when it occurs twice."""
    found: dict[tuple[str, ...], int] = {}
    for at in range(begin, end - length + 1):
        run = tuple(words[at : at + length])
        found[run] = -1 if run in found else at
    return found


def _rising(pairs: Sequence[Pair]) -> list[Pair]:
    """The longest row of pairs that rises in both places; ``pairs`` are sorted, the second place falling where two have one
    first place."""
    tails: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for number, (_, place) in enumerate(pairs):
        at = bisect_left(tails, place)
        if at == len(tails):
            tails.append(place)
            last.append(number)
        tails[at], last[at] = place, number
        before.append(last[at - 1] if at else -1)
    row, number = [], last[-1] if last else -1
    while number >= 0:
        row.append(pairs[number])
        number = before[number]
    return row[::-1]
