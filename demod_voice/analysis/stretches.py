"""Which words of a transcript belong to which stretch of a recording: pure decisions, called by ``alignment``."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from demod_voice.analysis.speech_track import Region, SpeechTrack
from demod_voice.analysis.word_matching import matching_words, plain_word

MARGIN_S = 0.15
"""Silence kept around a stretch."""
PAUSE_S = 0.25
"""Pauses from which a stretch may be divided."""
WANTED_S, LONGEST_S = 12.0, 20.0
"""Stretches are made of neighbouring regions up to the first length; one region may be as long as the second before it is
divided (a recognizer cuts longer ones itself, at a place that it hears)."""
MOST_JOINED_S = 60.0
"""Stretches whose words cannot be told apart are joined up to this length."""
RUN = 3
"""So many words in a row that match are anchors, whatever they are."""
LONG_WORD, SURE = 6, 0.5
"""A match in a shorter row is an anchor when its word is so long and the recognizer so sure of it."""
SLOWEST, FASTEST = 0.7, 5.0
"""Words a second that speech may have."""
SENTENCE_END = re.compile(r"[.!?…。！？]+[\"'’”)\]]*$")


@dataclass(frozen=True, slots=True)
class Heard:
    """A word that was recognized."""

    word: str
    """Plain (``word_matching.plain_word``)."""
    start_s: float
    end_s: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of the recording and the words of the transcript that are said in it."""

    start_s: float
    end_s: float
    first: int
    """Number of its first token."""
    last: int
    """Number of the token after its last one."""


def speech_stretches(track: SpeechTrack) -> tuple[Region, ...]:
    """Speech in stretches of some seconds, with a margin on both sides that never reaches into a neighbour's speech."""
    regions = track.regions(min_silence_s=PAUSE_S)
    groups: list[list[Region]] = []
    for region in regions:
        if groups and region.end_s - groups[-1][0].start_s <= WANTED_S:
            groups[-1].append(region)
        else:
            groups.append([region])
    edges = [(group[0].start_s, group[-1].end_s) for group in groups]
    found = []
    for number, (start, end) in enumerate(edges):
        before = edges[number - 1][1] if number else 0.0
        after = edges[number + 1][0] if number + 1 < len(edges) else track.duration_s
        found.append(Region(max(start - MARGIN_S, (start + before) / 2, 0.0), min(end + MARGIN_S, (end + after) / 2)))
    return tuple(found)


def anchors(tokens: Sequence[str], heard: Sequence[Sequence[Heard]]) -> dict[int, Heard]:
    """Token -> the recognized word that surely is it."""
    flat = [word for words in heard for word in words]
    places = [place for place, token in enumerate(tokens) if plain_word(token)]
    plain = [plain_word(tokens[place]) for place in places]
    pairs = matching_words(plain, [word.word for word in flat])
    found: dict[int, Heard] = {}
    begin = 0
    while begin < len(pairs):
        end = begin + 1
        while end < len(pairs) and pairs[end] == (pairs[end - 1][0] + 1, pairs[end - 1][1] + 1):
            end += 1
        for a, b in pairs[begin:end]:
            word = flat[b]
            if end - begin >= RUN or (len(word.word) >= LONG_WORD and word.confidence >= SURE):
                found[places[a]] = word
        begin = end
    return found


def with_words(tokens: Sequence[str], stretches: Sequence[Region], found: Mapping[int, Heard]) -> list[Stretch]:
    """The stretches that have words, each with its own.

    Between the last anchor of a stretch and the first one of the next lie words that may belong to either. They are divided
    at the end of a sentence where there is exactly one; else the two stretches are joined, if that is not too long; else
    the words are left to nobody.
    """
    sure = [
        Stretch(region.start_s, region.end_s, span[0], span[1] + 1)
        for region, span in zip(stretches, _anchored(stretches, found), strict=True)
        if span is not None
    ]
    if not sure:
        return []
    rate = sum(each.last - each.first for each in sure) / sum(each.end_s - each.start_s for each in sure)
    parts = [_reaching_back(sure[0], stretches, rate)]
    for part in sure[1:]:
        parts[-1:] = _divided(tokens, parts[-1], part)
    parts[-1] = _reaching_on(parts[-1], len(tokens), stretches, rate)
    return [part for part in parts if part.first < part.last]


def _anchored(stretches: Sequence[Region], found: Mapping[int, Heard]) -> list[tuple[int, int] | None]:
    """First and last anchored token of each stretch."""
    spans: list[tuple[int, int] | None] = [None] * len(stretches)
    number = 0
    for place in sorted(found):
        while number < len(stretches) - 1 and found[place].start_s >= stretches[number].end_s:
            number += 1
        span = spans[number]
        spans[number] = (place, place) if span is None else (span[0], place)
    return spans


def _divided(tokens: Sequence[str], before: Stretch, after: Stretch) -> list[Stretch]:
    """Two stretches and the tokens between their anchors."""
    between = range(before.last, after.first)
    spoken = [place for place in between if plain_word(tokens[place])]
    if not spoken:
        return [_until(before, after.first), after]
    ends = [place + 1 for place in range(before.last - 1, after.first) if SENTENCE_END.search(tokens[place])]
    if len(ends) == 1:
        divided = [_until(before, ends[0]), _since(after, ends[0])]
        return divided if all(map(_plausible, divided)) else [before, after]
    joined = Stretch(before.start_s, after.end_s, before.first, after.last)
    if joined.end_s - joined.start_s <= MOST_JOINED_S and _plausible(joined):
        return [joined]
    return [before, after]


def _reaching_back(part: Stretch, stretches: Sequence[Region], rate: float) -> Stretch:
    """The tokens before the first anchor: in its own stretch, or in those before it as well."""
    begins = [region.start_s for region in stretches if region.start_s <= part.start_s]
    return _best(part, [Stretch(begin, part.end_s, 0, part.last) for begin in begins], rate)


def _reaching_on(part: Stretch, last: int, stretches: Sequence[Region], rate: float) -> Stretch:
    """The tokens after the last anchor, in the same way."""
    ends = [region.end_s for region in stretches if region.end_s >= part.end_s]
    return _best(part, [Stretch(part.start_s, end, part.first, last) for end in ends], rate)


def _best(part: Stretch, wider: Sequence[Stretch], rate: float) -> Stretch:
    """Of the wider ones that can be, the one nearest to the rate of the others (words a second); else the part as it is."""
    possible = [each for each in wider if each.end_s - each.start_s <= MOST_JOINED_S and _plausible(each)]
    return min(possible, key=lambda each: abs(math.log(_rate(each) / rate)), default=part)


def _plausible(part: Stretch) -> bool:
    """Somebody can have said so many words in that time."""
    return SLOWEST <= _rate(part) <= FASTEST


def _rate(part: Stretch) -> float:
    return (part.last - part.first) / max(0.1, part.end_s - part.start_s)


def _until(part: Stretch, last: int) -> Stretch:
    return Stretch(part.start_s, part.end_s, part.first, last)


def _since(part: Stretch, first: int) -> Stretch:
    return Stretch(part.start_s, part.end_s, first, part.last)
