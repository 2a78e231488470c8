"""From the library's events to when each word of the text is heard.

The library's words are not the text's: "$42.50" is five of them at one place, "of a" may be one. Every stretch of the
text between spaces gets exactly one time. Stretches that the library speaks in one go share it in proportion to their
letters. Scripts without spaces (Chinese, Japanese, Thai, Lao, Khmer, Burmese) are cut where the library says.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence

from demod_worker.messages import Word
from espeak_library import SILENCE, SOUND, WORD, Event

_STRETCH = re.compile(r"\S+")
_SPACELESS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uff01-\uff65\U00020000-\U0003ffff]"
)
_DIGITS = 4
"""Decimals of a time in seconds: a tenth of a millisecond."""

Span = tuple[int, int]


def word_times(text: str, events: Sequence[Event], rate: int, num_samples: int, whole: bool = True) -> tuple[Word, ...]:
    """Words with their times, in the order of the text.

    Args:
        text: what was spoken.
        events: as the library gave them, in the order of their samples.
        rate: Hz.
        num_samples: length of the sound.
        whole: False when the sound was cut short: words after the last one heard are left out.
    """
    events = [event for event in events if event[2] <= num_samples]
    turns = [(sample, kind) for kind, _, sample in events if kind != WORD]
    spans = _spans(text, [at for kind, at, _ in events if kind == WORD])
    starts = _starts(spans, text, events)
    heard = sorted(starts)
    words: list[Word] = []
    for number, span in enumerate(heard):
        first = span if number else 0
        is_last = number + 1 == len(heard)
        after = (len(spans) if whole else span + 1) if is_last else heard[number + 1]
        limit = num_samples if is_last else starts[heard[number + 1]]
        group = [spans[each] for each in range(first, after) if each == span or _sayable(text, spans[each])]
        words += _shared(text, group, starts[span], _end(turns, starts[span], limit), rate)
    return tuple(words)


def _spans(text: str, places: Sequence[int]) -> list[Span]:
    """The stretches between spaces, cut further where a script has none and the library begins a word."""
    found: list[Span] = []
    marks = sorted(set(places))
    for match in _STRETCH.finditer(text):
        begin, end = match.span()
        for place in marks[bisect_right(marks, begin) :]:
            if place >= end:
                break
            if _SPACELESS.search(text, place - 1, place + 1):
                found.append((begin, place))
                begin = place
        found.append((begin, end))
    return found


def _starts(spans: Sequence[Span], text: str, events: Sequence[Event]) -> dict[int, int]:
    """Number of a span -> the sample where it begins. A place in a space counts for the next span if it has no own."""
    inside: dict[int, int] = {}
    before: dict[int, int] = {}
    begins = [begin for begin, _ in spans]
    for kind, at, sample in events:
        if kind != WORD:
            continue
        number = bisect_right(begins, at) - 1
        if number >= 0 and at < spans[number][1]:
            inside.setdefault(number, sample)
        elif number + 1 < len(spans):
            before.setdefault(number + 1, sample)
    for number, sample in before.items():
        if _sayable(text, spans[number]):
            inside.setdefault(number, sample)
    return _rising(inside)


def _rising(starts: dict[int, int]) -> dict[int, int]:
    """Drop what would go back in time."""
    kept: dict[int, int] = {}
    latest = 0
    for number in sorted(starts):
        if starts[number] >= latest:
            latest = kept[number] = starts[number]
    return kept


def _end(turns: Sequence[tuple[int, int]], begin: int, limit: int) -> int:
    """Where the sound between two samples ends: at the silence that no sound follows, else at the limit."""
    end = limit
    for sample, kind in turns[bisect_right(turns, (begin, SOUND)) :]:
        if sample >= limit:
            break
        end = sample if kind == SILENCE else limit
    return end


def _shared(text: str, spans: Sequence[Span], begin: int, end: int, rate: int) -> list[Word]:
    total = sum(b - a for a, b in spans) or 1
    words = []
    done = 0
    for first, last in spans:
        start = begin + (end - begin) * done / total
        done += last - first
        stop = begin + (end - begin) * done / total
        words.append(Word(text[first:last], round(start / rate, _DIGITS), round(stop / rate, _DIGITS)))
    return words


def _sayable(text: str, span: Span) -> bool:
    return any(letter.isalnum() for letter in text[span[0] : span[1]])
